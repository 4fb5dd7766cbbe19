package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// turned is a pointwise convolution of stride 1 whose product is turned round: pixels are
// the rows of a tile and output channels its columns. The pixels are read where they lie,
// whatever their number; a panel of the weights is read once for those of a block. The sums,
// channels innermost, are brought back into planes at the end:
//
//	x [C][pixel], k0 to k0+256   ·   weights [panel][C][16]   →   sums [panel][pixel][16]   →   y [M][pixel]
//
// A chunk of the work is a block of pixels, of some images or of a band of one, for
// some of the panels. It sums in the order in which [pointwise] does, to the same bits.
// What is read or written turned has the form of the sums, a panel after the other; then the sums
// are made where they belong.
type turned struct {
	spec    Spec
	pool    *parallel.Pool
	weights tile.Side
	plane   int

	images, groups  int // in a block, and along the images
	band, bands     int // pixels of an image in a block, and along them
	panels          int // of 16 output channels
	perChunk, parts int // panels in a chunk, and along them
	held            int // panels whose sums a worker holds at a time

	perImage int           // most pieces that are fetched while the pixels of an image are multiplied
	pieces   [][]ref.Piece // perImage of each worker

	packBody, chunkBody func(worker, chunk int)
	turnedRun
}

// turnedRun is the run in progress.
type turnedRun struct {
	method.Operands
	sums []float32 // of the workers
}

const (
	turnedPixels = 400      // in a block
	turnedDepth  = 256      // rows of B in a pass, as in a matrix product: two panels are 32 KiB
	turnedSums   = 64 << 10 // floats of a worker's sums: a quarter of a second-level cache
)

// newTurned makes the forward pass of s, or with flipped weights the data gradient of
// another.
func newTurned(p *parallel.Pool, s Spec, flipped bool) *turned {
	t := &turned{spec: s, pool: p, plane: s.H * s.W, images: 1,
		weights: tile.Side{N: s.M, Width: tile.NR, LD: s.C, KInner: true}}
	if flipped {
		t.weights.LD, t.weights.KInner = s.M, false
	}
	t.panels = t.weights.Panels()
	t.divide()
	t.perImage = 2 + 2 // of the weights, the output and the residual
	if t.bands > 1 {
		t.perImage = 2 + 2*2*tile.NR
	}
	t.pieces = parallel.Apart[ref.Piece](p, t.perImage)
	t.packBody, t.chunkBody = t.packPanel, t.chunk
	return t
}

// divide chooses the blocks, then parts of the panels while there are too few chunks.
func (t *turned) divide() {
	s := &t.spec
	t.images = max(1, min(s.N, turnedPixels/t.plane))
	t.groups = parallel.Chunks(s.N, t.images)
	t.band, t.bands = parallel.Evenly(t.plane, parallel.Chunks(t.plane, turnedPixels))
	flops := 2 * s.N * t.plane * s.C * s.M
	for parts := 1; ; parts *= 2 {
		t.perChunk, t.parts = parallel.Evenly(t.panels, parts)
		t.perChunk += t.perChunk % 2 // pairs
		t.parts = parallel.Chunks(t.panels, t.perChunk)
		chunks := t.groups * t.bands * t.parts
		if t.perChunk <= 2 || chunks >= t.pool.Want() || flops/chunks < 2*parallel.ChunkFlops {
			break
		}
	}
	t.held = 2
	if s.C > turnedDepth {
		t.held = max(2, min(t.perChunk, turnedSums/(t.images*t.band*tile.NR)&^1))
	}
}

func (t *turned) Name() string { return "gemm-turned" }

func (t *turned) PackedLen() int { return t.panels * tile.NR * t.spec.C }

func (t *turned) Pack(packed, w []float32) {
	t.Packed, t.W = packed, w
	t.pool.For(t.panels, t.packBody)
	t.turnedRun = turnedRun{}
}

func (t *turned) packPanel(_, q int) {
	t.weights.Pack(t.Packed[q*t.spec.C*tile.NR:], t.W, q, q+1, 0, t.spec.C)
}

// sumsLen is the length of a worker's sums.
func (t *turned) sumsLen() int {
	if t.spec.TurnedY {
		return 0
	}
	return t.held * t.images * t.band * tile.NR
}

func (t *turned) Scratch() int { return t.pool.Threads() * t.sumsLen() }

func (t *turned) Run(o method.Operands, scratch []float32) {
	t.turnedRun = turnedRun{o, scratch}
	t.pool.For(t.groups*t.bands*t.parts, t.chunkBody)
	t.turnedRun = turnedRun{}
}

// pixels are those of a block: [i0, i1) of the images [n0, n1).
type pixels struct{ n0, n1, i0, i1 int }

func (t *turned) chunk(worker, i int) {
	part, i := i%t.parts, i/t.parts
	var b pixels
	b.i0, b.i1 = parallel.Range(i%t.bands, t.band, t.plane)
	b.n0, b.n1 = parallel.Range(i/t.bands, t.images, t.spec.N)
	p0, p1 := parallel.Range(part, t.perChunk, t.panels)
	sums := t.sums[worker*t.sumsLen():][:t.sumsLen()]
	pieces := t.pieces[worker]
	for q0 := p0; q0 < p1; q0 += t.held {
		q1 := min(q0+t.held, p1)
		for k0 := 0; k0 < t.spec.C; k0 += turnedDepth {
			for q := q0; q < q1; q += 2 {
				p := pass{k0, q, min(q+2, q1), k0, q + 2, min(q+4, q1)}
				if p.next >= q1 {
					p.nextK, p.next, p.nextEnd = k0+turnedDepth, q0, min(q0+2, q1)
				}
				if p.nextK >= t.spec.C {
					p.nextK, p.next, p.nextEnd = 0, q1, min(q1+2, p1)
				}
				if t.spec.TurnedY {
					t.multiply(nil, pieces, &b, &p)
					continue
				}
				pair := sums[(q-q0)*t.images*t.band*tile.NR:]
				t.multiply(pair, pieces, &b, &p)
				if k0+turnedDepth >= t.spec.C {
					t.place(pair, &b, q, p.q1)
				}
			}
		}
	}
}

// pass is the rows of B from k0 on of the panels [q, q1), one or two, and those that are multiplied
// after them.
type pass struct{ k0, q, q1, nextK, next, nextEnd int }

// multiply adds the products of a pass to the sums, or to what is turned.
func (t *turned) multiply(sums []float32, pieces []ref.Piece, b *pixels, p *pass) {
	s := &t.spec
	kc := min(turnedDepth, s.C-p.k0)
	kind := tile.Strided
	one := ref.Tile{K: kc, RowA: 1, StepA: t.plane, LDC: tile.NR, N0: tile.VL, N1: tile.VL, Accumulate: p.k0 > 0,
		B0: tile.At(t.Packed, (p.q*s.C+p.k0)*tile.NR), Fetch: &pieces[0]}
	if s.TurnedX {
		kind, one.RowA, one.StepA = tile.Turned, tile.NR, t.plane*tile.NR
	}
	last := s.TurnedY && p.k0+kc == s.C
	if last {
		one.Lo, one.Hi, one.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	}
	for n := b.n0; n < b.n1; n++ {
		one.A = tile.At(t.X, (n*s.C+p.k0)*t.plane+b.i0*one.RowA)
		one.Fetches = t.fetched(pieces, b, p, n)
		at, next := (n-b.n0)*t.band*tile.NR, t.images*t.band*tile.NR
		if s.TurnedY {
			sums, at, next = t.Y, (n*s.M+p.q*tile.NR)*t.plane+b.i0*tile.NR, t.plane*tile.NR
		}
		t.aim(&one, sums, at, p.q, last)
		if p.q+1 == p.q1 {
			tile.RunPair(kind, &one, nil, b.i1-b.i0)
			continue
		}
		other := one
		other.B0 = tile.At(t.Packed, ((p.q+1)*s.C+p.k0)*tile.NR)
		t.aim(&other, sums, at+next, p.q+1, last)
		tile.RunPair(kind, &one, &other, b.i1-b.i0)
	}
}

// aim sets u to the sums of panel q from at on and, where these are the last ones of what is turned, to
// what is added to them.
func (t *turned) aim(u *ref.Tile, sums []float32, at, q int, last bool) {
	u.C0, u.C1 = tile.At(sums, at), tile.At(sums, at+tile.VL)
	if !last {
		return
	}
	if t.spec.Bias {
		u.Bias0, u.Bias1 = tile.At(t.Bias, q*tile.NR), tile.At(t.Bias, q*tile.NR+tile.VL)
	}
	if t.spec.Residual {
		u.Res0, u.Res1 = tile.At(t.Residual, at), tile.At(t.Residual, at+tile.VL)
	}
}

// fetched lists the pieces that are fetched while the pixels of image n are multiplied, and returns
// how many they are: its part of the weights that come next and, in the last pass over the rows of
// B, where its sums are placed and what is added to them.
func (t *turned) fetched(pieces []ref.Piece, b *pixels, p *pass, n int) int {
	s := &t.spec
	pieces = pieces[:0]
	rows := min(turnedDepth, s.C-p.nextK)
	if k0, k1 := parallel.Range(n-b.n0, parallel.Chunks(rows, b.n1-b.n0), rows); k0 < k1 {
		for q := p.next; q < p.nextEnd; q++ {
			pieces = append(pieces, ref.PieceOf(tile.At(t.Packed, (q*s.C+p.nextK+k0)*tile.NR), (k1-k0)*tile.NR))
		}
	}
	if p.k0+turnedDepth < s.C {
		return len(pieces)
	}
	planes, each := min(p.q1*tile.NR, s.M)-p.q*tile.NR, 1
	if s.TurnedY { // a panel is a plane
		planes, each = planes/tile.NR, tile.NR
	}
	floats := each * (b.i1 - b.i0)
	if t.bands == 1 { // they follow each other
		planes, floats = 1, planes*floats
	}
	for i := range planes {
		at := (n*s.M+p.q*tile.NR)*t.plane + (i*t.plane+b.i0)*each
		pieces = append(pieces, ref.PieceOf(&t.Y[at], floats))
		if s.Residual {
			pieces = append(pieces, ref.PieceOf(&t.Residual[at], floats))
		}
	}
	return len(pieces)
}

// place brings the sums of the panels [q, q1) into their planes.
func (t *turned) place(sums []float32, b *pixels, q, q1 int) {
	s := &t.spec
	p := ref.Planes{LD: t.plane, N: b.i1 - b.i0}
	p.Lo, p.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	for ; q < q1; q++ {
		m0 := q * tile.NR
		p.Rows = min(tile.NR, s.M-m0)
		if s.Bias {
			p.Bias = &t.Bias[m0]
		}
		for n := b.n0; n < b.n1; n++ {
			first := (n*s.M+m0)*t.plane + b.i0
			p.Src, p.Dst = tile.At(sums, (n-b.n0)*t.band*tile.NR), &t.Y[first]
			if s.Residual {
				p.Residual = &t.Residual[first]
			}
			tile.Spread(&p)
		}
		sums = sums[t.images*t.band*tile.NR:]
	}
}

// Cycles per float of what is left over once a product is counted, as in package method; of
// the kernels of 512 bits, twice what was measured, for a product takes half as long with
// them as [method.TileCycles] says.
const (
	placeCycles  = 0.6 // brought into its plane
	pickedCycles = 0.6 // of a large plane: each plane of a tile is on another page
	packCycles   = 0.4 // of a plane, packed
	storeCycles  = 0.4 // stored in its plane
	loneCycles   = 1.2 // times those of a panel of a pair, for a panel that has no other
)

// Cycles estimates those of a run on one thread.
func (t *turned) Cycles() float64 {
	rows := t.plane / (2 * tile.MR) * 2 * tile.MR
	switch rest := t.plane - rows; {
	case rest == 1 && rows > 0:
		rows++
	case rest > 0:
		rows += max(rest, 4) // sums wait for each other in tiles of fewer
	}
	panels := float64(t.panels &^ 1)
	if t.panels&1 > 0 {
		panels += loneCycles
	}
	s := &t.spec
	cycles := method.TileCycles/tile.MR*float64(s.N*rows*s.C)*panels + placeCycles*float64(s.N*t.plane*s.M)
	if t.bands > 1 {
		cycles += pickedCycles * float64(s.N*t.plane*s.C)
	}
	return cycles
}

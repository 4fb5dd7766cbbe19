package gemm

import (
	"math/bits"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Blocking of the product: a panel of B, kc·16 floats, stays in the first-level
// cache while the panels of A pass by; a block of either, up to mc·kc and kc·nc,
// stays in the second level.
const (
	blockK      = 256
	blockRows   = 44      // panels of A in a chunk, 264 rows
	blockCols   = 24      // panels of B in a chunk, 384 columns
	packedCols  = 4       // panels of B that a chunk packs at a time
	packedLimit = 1 << 24 // floats of an operand that is packed as a whole
)

// Spec describes C = act(alpha·op(A)·op(B) [+ C] + bias); see [ref.GemmSpec].
type Spec = ref.GemmSpec

// Plan is a plan for a matrix product of one shape.
//
// The chunks of the work are blocks of C. A chunk walks over k in steps of
// blockK, packs what is not packed yet, and updates its block tile by tile.
type Plan struct {
	spec           Spec
	pool           *parallel.Pool
	a, b           tile.Side
	items          int  // products that chunks are of: Batch, or 1 if the columns of all are one row of panels
	panelsB        int  // of the columns of an item
	inPlace        bool // panels of B lie in memory as if packed
	rows, cols     int  // panels of A and of B in a chunk
	nrows, ncols   int  // chunks along the rows and the columns of C
	colsInner      bool // chunks of the same rows follow each other, not of the same columns: A is larger
	wholeA, wholeB bool // Run packs the operand before the chunks start

	planes *planes // what B and C are made of, or nil: they are matrices

	packABody, packBBody, chunkBody func(worker, chunk int)
	run                             run
}

// run is the arguments of the run in progress, and its workspace.
type run struct {
	c, a, b, bias []float32
	residual      []float32 // added last, laid out as C; or nil
	pa, pb        []float32 // packed as a whole, or nil
	blocks        []float32 // of C, one of each worker, where C is made of planes
	local         []float32 // what each worker packs
}

// New plans C = act(alpha·op(A)·op(B) [+ C] + bias), once or over a batch.
func New(p *parallel.Pool, s Spec) *Plan {
	s = s.Normal()
	if s.Batch > 1 && !s.TransA && s.StrideB == 0 && s.StrideA == s.M*s.LDA && s.StrideC == s.M*s.LDC && !s.BiasRow {
		s.M, s.Batch = s.M*s.Batch, 1 // one B for all: the items are rows of one product
	}
	g := &Plan{spec: s, pool: p,
		a: tile.Side{N: s.M, Width: tile.MR, LD: s.LDA, KInner: !s.TransA},
		b: tile.Side{N: s.N, Width: tile.NR, LD: s.LDB, KInner: s.TransB},
	}
	g.items, g.panelsB = s.Batch, g.b.Panels()
	if s.StrideA == 0 && s.StrideB != 0 { // one A for all: tiles of two items are a pair like any other
		g.items, g.panelsB = 1, s.Batch*g.b.Panels()
		g.inPlace = !s.TransB && s.N == tile.NR && s.LDB == tile.NR
	}
	g.divide()
	g.colsInner = g.PackedLenA() > g.PackedLenB()
	g.wholeA = (s.Batch == 1 || s.StrideA == 0) && g.items*g.ncols > 1 && g.PackedLenA() <= packedLimit
	g.wholeB = (s.Batch == 1 || s.StrideB == 0) && g.items*g.nrows > 1 && g.PackedLenB() <= packedLimit ||
		g.items < s.Batch && !g.inPlace && g.nrows > 1 && g.colsInner
	g.packABody, g.packBBody = g.packRows, g.packColumns
	g.chunkBody = g.chunk
	return g
}

// divide chooses the size of the chunks: evenly below the limits of the caches,
// then smaller while there are too few of them. Columns go in pairs of panels.
func (g *Plan) divide() {
	s := g.spec
	pa, pb := g.a.Panels(), g.panelsB
	g.nrows, g.ncols = parallel.Chunks(pa, blockRows), parallel.Chunks(pb, blockCols)
	pairs := parallel.Chunks(pb, 2)
	flops := 2 * s.M * s.N * s.K * s.Batch
	for {
		g.rows, g.nrows = parallel.Evenly(pa, g.nrows)
		g.cols, g.ncols = parallel.Evenly(pairs, g.ncols)
		g.cols = min(2*g.cols, pb)
		chunks := g.items * g.nrows * g.ncols
		if chunks == 0 || chunks >= g.pool.Want() || flops/chunks < 2*parallel.ChunkFlops {
			return
		}
		switch {
		case g.rows*tile.MR > g.cols*tile.NR:
			g.nrows *= 2
		case g.cols > 2:
			g.ncols *= 2
		default:
			return
		}
	}
}

func (g *Plan) PackedLenA() int { return g.a.Panels() * tile.MR * g.spec.K }
func (g *Plan) PackedLenB() int { return g.panelsB * tile.NR * g.spec.K }

// Scratch is the number of float32s of workspace that a run wants.
func (g *Plan) Scratch() int {
	n := g.pool.Threads()*(g.localA()+g.localB()) + g.blocksLen()
	if g.wholeA {
		n += g.PackedLenA()
	}
	if g.wholeB {
		n += g.PackedLenB()
	}
	return n
}

func (g *Plan) localA() int { return g.rows * tile.MR * min(blockK, g.spec.K) }
func (g *Plan) localB() int {
	if g.inPlace {
		return 0
	}
	return min(packedCols, g.cols) * tile.NR * min(blockK, g.spec.K)
}

// Run computes the product. bias is read where the spec has one.
func (g *Plan) Run(c, a, b, bias, scratch []float32) {
	g.compute(run{c: c, a: a, b: b, bias: bias}, scratch)
}

// RunPackedA is Run with an A that PackA of a plan of the same spec wrote.
func (g *Plan) RunPackedA(c, packedA, b, bias, scratch []float32) {
	g.compute(run{c: c, pa: packedA, b: b, bias: bias}, scratch)
}

// RunPackedB is Run with a B that PackB of a plan of the same spec wrote.
func (g *Plan) RunPackedB(c, a, packedB, bias, scratch []float32) {
	g.compute(run{c: c, a: a, pb: packedB, bias: bias}, scratch)
}

// RunResidual is RunPackedA that adds residual, laid out as C, before the activation;
// nil for none. It must not be the memory of C.
func (g *Plan) RunResidual(c, packedA, b, bias, residual, scratch []float32) {
	g.compute(run{c: c, pa: packedA, b: b, bias: bias, residual: residual}, scratch)
}

// compute checks the arguments, packs what is packed as a whole, and runs the chunks.
func (g *Plan) compute(r run, scratch []float32) {
	g.check(&r)
	check.Len("scratch", scratch, g.Scratch())
	n := g.blocksLen()
	r.blocks, scratch = scratch[:n], scratch[n:]
	g.run = r
	if g.wholeA && r.pa == nil {
		g.run.pa, scratch = scratch[:g.PackedLenA()], scratch[g.PackedLenA():]
		g.pool.For(g.kBlocks()*g.nrows, g.packABody)
	}
	if g.wholeB && r.pb == nil {
		g.run.pb, scratch = scratch[:g.PackedLenB()], scratch[g.PackedLenB():]
		g.pool.For(g.kBlocks()*g.ncols, g.packBBody)
	}
	g.run.local = scratch
	g.pool.For(g.chunks(), g.chunkBody)
	g.run = run{}
}

// check panics where an argument is shorter than the shape asks for.
func (g *Plan) check(r *run) {
	na, nb, nc := g.spec.Lengths()
	if g.planes != nil {
		nb, nc = g.planes.images*g.planes.in*g.planes.plane, g.planes.images*g.planes.out*g.planes.plane
	}
	if r.pa != nil {
		check.Len("packedA", r.pa, g.PackedLenA())
	} else {
		check.Len("a", r.a, na)
	}
	if r.pb != nil {
		check.Len("packedB", r.pb, g.PackedLenB())
	} else {
		check.Len("b", r.b, nb)
	}
	check.Len("c", r.c, nc)
	if r.residual != nil {
		check.Len("residual", r.residual, nc)
	}
	if g.spec.BiasRow {
		check.Len("bias", r.bias, g.spec.M)
	} else if g.spec.BiasCol {
		check.Len("bias", r.bias, g.spec.N)
	}
}

// PackA writes the constant matrix A to packed, in the order in which RunPackedA reads
// it. The plan must have one A.
func (g *Plan) PackA(packed, a []float32) {
	na, _, _ := g.spec.Lengths()
	check.Len("a", a, na)
	check.Len("packed", packed, g.PackedLenA())
	g.PackIntoA(packed, a)
}

func (g *Plan) PackIntoA(packed, a []float32) {
	g.run = run{a: a, pa: packed}
	g.pool.For(g.kBlocks()*g.nrows, g.packABody)
	g.run = run{}
}

// PackB writes the constant matrix B to packed, in the order in which RunPackedB reads
// it. The plan must have one B. done, if not nil, is told of the stretches of b that are
// not read again, one after the other.
func (g *Plan) PackB(packed, b []float32, done func(part []float32)) {
	_, nb, _ := g.spec.Lengths()
	check.Len("b", b, nb)
	check.Len("packed", packed, g.PackedLenB())
	if done == nil || !g.spec.TransB {
		g.PackIntoB(packed, b)
		if done != nil {
			done(b)
		}
		return
	}
	// The rows of b are columns of B: what some columns are made of is a stretch of it.
	g.run = run{b: b, pb: packed}
	from := 0
	for first := 0; first < g.ncols; first += partColumns {
		last := min(first+partColumns, g.ncols)
		g.pool.For((last-first)*g.kBlocks(), func(w, i int) { g.packColumns(w, first*g.kBlocks()+i) })
		to := min(last*g.cols*tile.NR, g.spec.N) * g.spec.LDB
		done(b[from:min(to, nb)])
		from = to
	}
	g.run = run{}
}

// partColumns is how many chunks of columns of B are packed between two reports.
const partColumns = 4

func (g *Plan) PackIntoB(packed, b []float32) {
	g.run = run{b: b, pb: packed}
	g.pool.For(g.kBlocks()*g.ncols, g.packBBody)
	g.run = run{}
}

// blockLen is the number of floats of a chunk of C.
func (g *Plan) blockLen() int { return g.rows * tile.MR * g.cols * tile.NR }

// blocksLen is the room for a block of each worker, which would share lines of memory
// with its neighbours in C where that is made of planes.
func (g *Plan) blocksLen() int {
	if g.planes == nil {
		return 0
	}
	return g.pool.Threads() * g.blockLen()
}

func (g *Plan) kBlocks() int { return parallel.Chunks(g.spec.K, blockK) }

// packRows packs part i of A as a whole: for each block of k all its panels.
func (g *Plan) packRows(_, i int) {
	k0, k1 := parallel.Range(i%g.kBlocks(), blockK, g.spec.K)
	p0, p1 := parallel.Range(i/g.kBlocks(), g.rows, g.a.Panels())
	if p0 < p1 {
		g.a.Pack(g.run.pa[g.a.Panels()*tile.MR*k0+p0*tile.MR*(k1-k0):], g.run.a, p0, p1, k0, k1-k0)
	}
}

// packColumns packs part i of B as a whole.
func (g *Plan) packColumns(_, i int) {
	k0, k1 := parallel.Range(i%g.kBlocks(), blockK, g.spec.K)
	q0, q1 := parallel.Range(i/g.kBlocks(), g.cols, g.panelsB)
	if q0 < q1 {
		g.packLocal(g.run.pb[g.panelsB*tile.NR*k0+q0*tile.NR*(k1-k0):], 0, q0, q1, k0, k1-k0)
	}
}

func (g *Plan) chunks() int { return g.items * g.nrows * g.ncols }

// at is where chunk i is: its product, and its number along the rows and the columns of C.
func (g *Plan) at(i int) (item, row, col int) {
	item, i = i/(g.nrows*g.ncols), i%(g.nrows*g.ncols)
	if g.colsInner {
		return item, i / g.ncols, i % g.ncols
	}
	return item, i % g.nrows, i / g.nrows
}

// chunk computes one block of C.
func (g *Plan) chunk(worker, i int) {
	s, r := &g.spec, &g.run
	item, row, col := g.at(i)
	p0, p1 := parallel.Range(row, g.rows, g.a.Panels())
	q0, q1 := parallel.Range(col, g.cols, g.panelsB)
	local := r.local[worker*(g.localA()+g.localB()):]
	out, c := r.c, item*s.StrideC
	if g.planes != nil { // the block begins with the first tile
		out, c = r.blocks[worker*g.blockLen():][:g.blockLen()], -p0*tile.MR*s.LDC-q0*tile.NR
	}
	t := ref.Tile{LDC: s.LDC, Alpha: s.Alpha, Scale: s.Alpha != 1, Accumulate: s.Accumulate}
	for k0 := 0; k0 < max(s.K, 1); k0 += blockK {
		t.K = min(blockK, s.K-k0)
		if k0+t.K == s.K {
			t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
		}
		a, b, last := local[:g.localA()], local[g.localA():][:g.localB()], k0+t.K == s.K
		if r.pa != nil {
			a = r.pa[g.a.Panels()*tile.MR*k0+p0*tile.MR*t.K:]
		} else if p0 < p1 {
			g.a.Pack(a, r.a[item*s.StrideA:], p0, p1, k0, t.K)
		}
		switch {
		case r.pb != nil:
			g.block(&t, a, r.pb[g.panelsB*tile.NR*k0+q0*tile.NR*t.K:], out, c, p0, p1, q0, q1, k0, last)
		case g.inPlace:
			g.block(&t, a, r.b[k0*tile.NR:], out, c, p0, p1, q0, q1, k0, last)
		default:
			for q := q0; q < q1; q += packedCols {
				next := min(q+packedCols, q1)
				g.packLocal(b, item, q, next, k0, t.K)
				g.fetch(&t, i, next, q1, k0)
				g.block(&t, a, b, out, c, p0, p1, q, next, k0, last)
			}
		}
		t.Accumulate = true
	}
	if g.planes != nil {
		g.planes.place(r, out, s.LDC, p0*tile.MR, min(p1*tile.MR, s.M), q0*tile.NR, min(q1*tile.NR, s.N))
	}
}

// fetch has the tiles bring into the caches what is packed after the panels of chunk i, its
// columns ending at q1, that end at q in the step of k from k0 on: those after them, the
// first of the next step, or the first of the next chunk.
func (g *Plan) fetch(t *ref.Tile, i, q, q1, k0 int) {
	t.Next, t.NextPieces = nil, 0
	item, _, _ := g.at(i)
	if q >= q1 {
		if k0 += blockK; k0 >= g.spec.K {
			i, k0 = i+1, 0
		}
		if i == g.chunks() {
			return
		}
		var col int
		item, _, col = g.at(i)
		q, q1 = parallel.Range(col, g.cols, g.panelsB)
	}
	if k := min(blockK, g.spec.K-k0); k > 0 && g.planes == nil {
		panels, per := min(packedCols, q1-q), g.b.Panels()
		b := g.run.b[(item+q/per)*g.spec.StrideB:]
		if col := q % per * tile.NR; g.b.KInner {
			t.Next, t.NextPieces = tile.At(b, col*g.spec.LDB+k0), min(panels*tile.NR, g.spec.N-col)
			t.NextLast = 1<<bits.Len(uint(parallel.Chunks(k, pieceFloats)-1)) - 1
			t.NextPieces *= t.NextLast + 1
		} else {
			t.Next, t.NextPieces, t.NextLast = tile.At(b, k0*g.spec.LDB+col), k, 0
		}
		t.NextStep = 4 * (g.spec.LDB - (t.NextLast+1)*pieceFloats)
	}
}

// pieceFloats is how many neighbours are fetched at a time.
const pieceFloats = 64

// packLocal packs the panels [q0, q1) of B, of one item or of items that follow
// each other.
func (g *Plan) packLocal(dst []float32, item, q0, q1, k0, kc int) {
	per := g.b.Panels()
	for q, n := q0, 0; q < q1; q += n {
		n = min(per-q%per, q1-q)
		if g.planes != nil {
			g.planes.pack(dst, g.run.b, q, q+n, k0, kc)
			return
		}
		g.b.Pack(dst[(q-q0)*tile.NR*kc:], g.run.b[(item+q/per)*g.spec.StrideB:], q%per, q%per+n, k0, kc)
	}
}

// fetchPacked has the tiles of panel q bring what is read next of a packed B into the
// caches: the two panels after its own, or the first two of the next step of k.
func (g *Plan) fetchPacked(t *ref.Tile, b []float32, q0, q1, q, k0 int) {
	panels, k, k1 := min(2, q1-q-2), t.K, k0+t.K
	switch {
	case panels > 0:
		t.Next = tile.At(b, (q+2-q0)*tile.NR*k)
	case k1 < g.spec.K:
		panels, k = min(2, q1-q0), min(blockK, g.spec.K-k1)
		t.Next = tile.At(g.run.pb, g.panelsB*tile.NR*k1+q0*tile.NR*k)
	default:
		t.Next, t.NextPieces = nil, 0
		return
	}
	t.NextPieces, t.NextLast, t.NextStep = panels*tile.NR*k/pieceFloats, 0, 0
}

// block adds the product over the step of k from k0 on to the panels [p0,p1)x[q0,q1) of
// the matrix C that begins at out[base]; last tells that the sums are then complete.
func (g *Plan) block(t *ref.Tile, a, b, out []float32, base, p0, p1, q0, q1, k0 int, last bool) {
	var u ref.Tile
	rows := min(p1*tile.MR, g.spec.M) - p0*tile.MR
	for q := q0; q < q1; q += 2 {
		g.aim(t, a, b, out, base, p0, q0, q, last)
		if g.run.pb != nil {
			g.fetchPacked(t, b, q0, q1, q, k0)
		}
		var second *ref.Tile
		if q+1 < q1 {
			u, second = *t, &u
			g.aim(&u, a, b, out, base, p0, q0, q+1, last)
		}
		tile.RunPair(tile.Packed, t, second, rows)
	}
}

// aim sets t to panel q of the columns, the first row being that of panel p0.
func (g *Plan) aim(t *ref.Tile, a, b, out []float32, base, p0, q0, q int, last bool) {
	s, r, per := &g.spec, &g.run, g.b.Panels()
	col := q % per * tile.NR
	n := min(tile.NR, s.N-col)
	t.N0, t.N1 = min(n, tile.VL), max(n-tile.VL, 0)
	half := min(tile.VL, n-1) // no pointer past the end
	t.B0 = tile.At(b, (q-q0)*tile.NR*t.K)
	if g.inPlace {
		t.B0 = tile.At(b, q*s.StrideB)
	}
	if last && s.BiasCol {
		t.Bias0, t.Bias1 = tile.At(r.bias, col), tile.At(r.bias, col+half)
	}
	c := base + q/per*s.StrideC + p0*tile.MR*s.LDC + col
	t.A, t.C0, t.C1 = tile.At(a, 0), tile.At(out, c), tile.At(out, c+half)
	if last && s.BiasRow {
		t.BiasRow = tile.At(r.bias, p0*tile.MR)
	}
	if last && r.residual != nil && g.planes == nil {
		t.Res0, t.Res1 = tile.At(r.residual, c), tile.At(r.residual, c+half)
	}
}

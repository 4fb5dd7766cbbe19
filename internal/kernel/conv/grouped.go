package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// grouped is a convolution of several groups whose output channels are the lanes of a vector: 16
// channels of one group, or of 2 or 4 groups of fewer channels side by side, so that no lane is
// left over whatever the width of the rows. A copy of the input has padding and the channels of those
// groups in turn, which one instruction loads and repeats:
//
//	x [group][C][row][column]   →   copy [C][row][column][group]
//	copy · weights [C][kh][kw][channel][group]   →   sums [pixel][group][channel]   →   y [M][pixel]
//
// A chunk of the work is a band of output rows of the groups of a vector, of one image. It sums in
// the order in which [direct] does, to the same bits.
type grouped struct {
	spec          Spec
	pool          *parallel.Pool
	in, out       int // channels of a group
	woven, blocks int // groups in a vector, and blocks of so many
	panels        int // vectors of output channels of a block
	vectors       int // that are summed at a time
	band, bands   int // rows of output in a chunk, and chunks of an image
	held          int // rows whose sums are placed at a time
	strips, ld    int // vectors of a row of the copy before it is woven, and floats after that
	masks         []uint16
	off           []int32 // of rows of taps in the copy

	packBody, chunkBody func(worker, chunk int)
	groupedRun
}

// groupedRun is the run in progress.
type groupedRun struct {
	method.Operands
	workspace []float32
}

// heldPixels is about how many pixels' sums are placed at a time, while they are in the first-level
// cache.
const heldPixels = 100

// suitsGrouped reports whether grouped can compute s.
func suitsGrouped(s Spec) bool {
	if !tile.HasGroups() || !s.Constant || s.Group < 2 || s.KW != ref.GroupTaps || s.StrideH != s.StrideW || s.StrideW > 2 ||
		s.DilationH|s.DilationW != 1 || s.N == 0 || s.C*s.KH*s.KW > directK*s.Group {
		return false
	}
	out, width := s.M/s.Group, s.OutW()
	few := (out == 4 || out == 8) && s.Group >= tile.NR/out
	return s.OutH() > 0 && (width >= ref.GroupPixels && (few || out%tile.NR == 0) || width >= ref.GroupPixels/2 && out%(2*tile.NR) == 0)
}

func newGrouped(p *parallel.Pool, s Spec) *grouped {
	g := &grouped{spec: s, pool: p, in: s.C / s.Group, out: s.M / s.Group, vectors: 1}
	g.woven = max(1, tile.NR/g.out)
	g.blocks, g.panels = parallel.Chunks(s.Group, g.woven), g.woven*g.out/tile.NR
	if s.OutW() < ref.GroupPixels {
		g.vectors = 2
	}
	g.strips = parallel.Chunks(s.PadLeft+s.W+s.PadRight, tile.NR)
	g.ld = g.strips * tile.NR * g.woven
	g.masks = make([]uint16, g.strips)
	for q := s.PadLeft; q < s.PadLeft+s.W; q++ {
		g.masks[q/tile.NR] |= 1 << (q % tile.NR)
	}
	parts := parallel.Chunks(g.in*s.OutH()*s.StrideH*g.ld, bandFloats)
	g.band, g.bands = parallel.Evenly(s.OutH(), max(parts, parallel.Chunks(p.Want(), s.N*g.blocks)))
	g.held = min(g.band, parallel.Chunks(heldPixels, s.OutW()))
	for c := range g.in {
		for h := range s.KH {
			g.off = append(g.off, int32(4*(c*g.pitch()+h*g.ld)))
		}
	}
	g.packBody, g.chunkBody = g.packBlock, g.chunk
	return g
}

func (g *grouped) Name() string { return "direct-grouped" }

// blockWeights is the number of packed weights of a block.
func (g *grouped) blockWeights() int { return g.panels * len(g.off) * ref.GroupTaps * tile.NR }

func (g *grouped) PackedLen() int { return g.blocks * g.blockWeights() }

// first is the first group of a block; the last block has groups of the one before it where
// there are too few.
func (g *grouped) first(block int) int { return min(block*g.woven, g.spec.Group-g.woven) }

func (g *grouped) Pack(packed, w []float32) {
	g.Packed, g.W = packed, w
	g.pool.For(g.blocks, g.packBody)
	g.groupedRun = groupedRun{}
}

func (g *grouped) packBlock(_, block int) {
	k := len(g.off) * ref.GroupTaps
	to := g.Packed[block*g.blockWeights():]
	for q := 0; q < g.panels; q += g.vectors {
		for t := range k {
			for v := range g.vectors {
				for lane := range tile.NR {
					group, channel := g.first(block)+lane%g.woven, (q+v)*tile.NR+lane/g.woven
					to[lane] = g.W[(group*g.out+channel)*k+t]
				}
				to = to[tile.NR:]
			}
		}
	}
}

// pitch is the number of floats of a channel of the copy; an odd number of cache lines keeps the
// channels out of each other's sets.
func (g *grouped) pitch() int { return g.rows(g.band)*g.ld + tile.NR }

// rows is the number of rows of the copy for so many of output.
func (g *grouped) rows(of int) int { return (of-1)*g.spec.StrideH + g.spec.KH }

func (g *grouped) copyLen() int { return g.in * g.pitch() }

// sumsLen is the length of a vector's sums.
func (g *grouped) sumsLen() int { return g.held * g.spec.OutW() * tile.NR }

// perWorker has room for a vector that begins at any lane of the last sum.
func (g *grouped) perWorker() int { return g.copyLen() + g.vectors*g.sumsLen() + tile.NR }

func (g *grouped) Scratch() int { return g.pool.Threads() * g.perWorker() }

func (g *grouped) Run(o method.Operands, scratch []float32) {
	g.groupedRun = groupedRun{o, scratch}
	g.pool.For(g.blocks*g.spec.N*g.bands, g.chunkBody)
	g.groupedRun = groupedRun{}
}

func (g *grouped) chunk(worker, i int) {
	s := &g.spec
	r0, r1 := parallel.Range(i%g.bands, g.band, s.OutH())
	n, block := i/g.bands%s.N, i/g.bands/s.N
	own := g.workspace[worker*g.perWorker():][:g.perWorker()]
	copied, sums := own[:g.copyLen()], own[g.copyLen():]
	plane, group := s.H*s.W, g.first(block)
	tile.WeavePlanes(&ref.Weave{Dst: &copied[0], Src: tile.At(g.X, (n*s.C+group*g.in)*plane), Planes: g.in,
		PlaneD: 4 * g.pitch(), PlaneS: 4 * plane, GroupS: 4 * g.in * plane, Rows: g.rows(r1 - r0), First: r0*s.StrideH - s.PadTop,
		Height: s.H, LDD: 4 * g.ld, LDS: 4 * s.W, PadLeft: s.PadLeft, Masks: &g.masks[0], Strips: g.strips}, g.woven)
	t := ref.GroupSums{Off: &g.off[0], K: len(g.off), StepDst: 4 * g.sumsLen(), Fetch: g.fetched(i + 1)}
	for q := 0; q < g.panels; q += g.vectors {
		t.W = &g.Packed[block*g.blockWeights()+q*len(g.off)*ref.GroupTaps*tile.NR]
		for r := r0; r < r1; r += g.held {
			end := min(r+g.held, r1)
			g.multiply(&t, sums, copied[(r-r0)*s.StrideH*g.ld:], end-r)
			g.place(sums, n, block, q, r, end)
		}
	}
}

// fetched is what chunk i reads, if it is all of a plane: its part of the input and, where the chunk
// before has others, its weights.
func (g *grouped) fetched(i int) (lines [2]ref.Lines) {
	s := &g.spec
	if g.bands > 1 || i >= g.blocks*s.N {
		return lines
	}
	n, block := i%s.N, i/s.N
	plane := s.H * s.W
	lines[0] = ref.LinesOf(&g.X[(n*s.C+g.first(block)*g.in)*plane], g.woven*g.in*plane)
	if n == 0 {
		lines[1] = ref.LinesOf(&g.Packed[block*g.blockWeights()], g.blockWeights())
	}
	return lines
}

// multiply makes the sums of some rows, which the copy begins with.
func (g *grouped) multiply(t *ref.GroupSums, sums, copied []float32, rows int) {
	s := &g.spec
	step, pixels, width := s.StrideH*g.ld, ref.GroupPixels/g.vectors, s.OutW()
	tiles := func(n, stepX, row, column int) {
		t.Tiles, t.StepX = n, 4*stepX
		t.X, t.Dst = tile.At(copied, row*step+column*s.StrideW*g.woven), tile.At(sums, (row*width+column)*tile.NR)
		tile.SumGroups(t, g.vectors, g.woven, s.StrideW)
		t.Fetched()
	}
	if width == pixels {
		tiles(rows, step, 0, 0)
		return
	}
	for r := range rows {
		tiles(width/pixels, pixels*s.StrideW*g.woven, r, 0)
		if width%pixels > 0 { // the last tile has sums of the one before it
			tiles(1, 0, r, width-pixels)
		}
	}
}

// place brings the sums of the rows [r0, r1) and of the vectors from q on into their planes.
func (g *grouped) place(sums []float32, n, block, q, r0, r1 int) {
	s := &g.spec
	width, plane := s.OutW(), s.OutH()*s.OutW()
	p := ref.Planes{LD: plane, N: (r1 - r0) * width, Rows: tile.NR}
	p.Lo, p.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	skip := (block*g.woven - g.first(block)) * g.out // lanes of the block before it
	p.Rows -= skip
	for v := range g.vectors {
		m := g.first(block)*g.out + (q+v)*tile.NR + skip
		at := (n*s.M+m)*plane + r0*width
		p.Src, p.Dst = tile.At(sums, v*g.sumsLen()+skip), tile.At(g.Y, at)
		if s.Bias {
			p.Bias = tile.At(g.Bias, m)
		}
		if s.Residual {
			p.Residual = tile.At(g.Residual, at)
		}
		tile.Spread(&p)
	}
}

// Cycles estimates those of a run on one thread.
func (g *grouped) Cycles() float64 {
	s := &g.spec
	pixels := ref.GroupPixels / g.vectors
	tiles := s.OutH() * parallel.Chunks(s.OutW(), pixels)
	products := method.TileCycles / tile.MR * float64(g.panels*tiles*pixels*len(g.off)*ref.GroupTaps)
	rows := g.bands * g.rows(g.band)
	return float64(s.N*g.blocks) * (products + placeCycles*float64(g.panels*tile.NR*s.OutH()*s.OutW()) + packCycles*float64(g.in*rows*g.ld))
}

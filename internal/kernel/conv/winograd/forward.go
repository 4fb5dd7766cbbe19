package winograd

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Conv convolves by a form: the forward pass or the data gradient.
//
// A chunk of the work takes a block of tiles through all three steps for some of
// the output channels: the change of basis of the input, V[element][pass][tile][depth]
// for passes over depth channels, for each element of a tile the product V·U with the
// weights U[C][M], and the change back with bias, residual and activation. Where several
// chunks need the same V it is made first.
//
// Weights that change in every step and meet few tiles are larger after the change of
// their basis than all else and would go through memory twice. So they change late, for a
// pass and a pair of panels at a time, and never leave the second-level cache.
type Conv struct {
	spec       method.Spec
	pool       *parallel.Pool
	transposed bool   // the weights are [C][M][3][3]
	taps       mirror // of the windows
	mirror     mirror // of the tiles
	tiling
	source tileSource
	weight change
	output change

	late             bool // weights change just before they are multiplied: there is never all of U
	fetches          bool // what multiplies comes from further away than the second-level cache
	depth            int  // channels in a pass over the weights
	panels           int  // of 16 output channels
	inBlock          int  // panels that a chunk multiplies at a time
	perChunk, chunks int  // panels in a chunk, and chunks of a block
	sharesInput      bool
	ld, pitch        int // of V: between tiles and between elements
	outPitch         int // of the products, between elements
	weightPitch      int // of U, between elements

	turned [][]float32   // of each worker: weights before they change
	next   [][]ref.Piece // of each worker: what is fetched during a product

	packBody, inputBody, chunkBody func(worker, chunk int)
	forwardRun
}

// forwardRun is the run in progress.
type forwardRun struct {
	method.Operands
	inputs, workspace []float32 // V, where chunks share it; of the workers
}

const (
	goodTiles    = 64        // tiles in a block: of fewer the products wait for the weights, which each block reads
	leastTiles   = 16        // where there would be too few blocks for the threads
	lateTiles    = 128       // most tiles, of all images, by which weights are multiplied as they change
	passPanels   = 4         // panels of output channels whose products are held at a time
	stepPanels   = 2         // the same, of weights that change in every step
	turnPanels   = 4         // panels of a chunk where weights are packed in every step
	packChannels = 16        // channels in a chunk of packing
	passDepth    = 256       // channels in a pass over the weights: 16 KiB of the first-level cache
	passFloats   = 160 << 10 // of the weights of a pass that change in every step: most of the second-level cache

	// Of U: more than this comes from memory for each block.
	manyWeights = 3 << 20
	deepTiles   = 96
)

func New(p *parallel.Pool, s method.Spec, f ref.Form) *Conv {
	w := &Conv{spec: s, pool: p, tiling: newTiling(f, f.M, s.N, s.OutH(), s.OutW())}
	w.source = tileSource{change: newChange(f, ref.ChangeInput), size: f.Size(), step: f.Step()}
	w.output = newChange(f, ref.ChangeOutput)
	return w.plan()
}

// NewGradX makes the data gradient of s. That of stride 1 is a convolution of dy, padded
// the other way, with the flipped weights.
func NewGradX(p *parallel.Pool, s method.Spec, f ref.Form) *Conv {
	g := s
	g.C, g.M, g.H, g.W = s.M, s.C, s.OutH(), s.OutW()
	if f.Stride > 1 {
		return newTransposed(p, s, g, f)
	}
	g.PadTop, g.PadLeft, g.PadBottom, g.PadRight = 2-s.PadTop, 2-s.PadLeft, 2-s.PadBottom, 2-s.PadRight
	w := New(p, g, f)
	w.transposed, w.taps = true, mirror{true, true}
	return w
}

// newTransposed makes the data gradient of s, of stride 2, from dy, the input of g. The tiles
// of dx, of 4×4, begin at pixels that the second tap reaches where the padding is 1. Else
// they end there: they are mirrored, and the weights are not.
func newTransposed(p *parallel.Pool, s, g method.Spec, f ref.Form) *Conv {
	w := &Conv{spec: g, pool: p, tiling: newTiling(f, f.Step(), s.N, s.H, s.W), transposed: true}
	w.spec.PadTop, w.spec.PadLeft = 1-(s.PadTop+1)/2, 1-(s.PadLeft+1)/2
	w.mirror = mirror{s.PadTop != 1, s.PadLeft != 1}
	w.taps = mirror{!w.mirror.rows, !w.mirror.cols}
	w.source = tileSource{change: newChange(f, ref.ChangeTransposedInput), mirror: w.mirror, size: f.M + 1, step: f.M}
	w.output = newChange(f, ref.ChangeTransposedOutput)
	return w.plan()
}

// plan chooses the blocks of a convolution whose tiles and changes of basis are given.
func (w *Conv) plan() *Conv {
	s := &w.spec
	w.source.tiling, w.weight = &w.tiling, newChange(w.form, ref.ChangeWeight)
	w.source.channels, w.source.h, w.source.w, w.source.top, w.source.left = s.C, s.H, s.W, s.PadTop, s.PadLeft
	w.panels = parallel.Chunks(s.M, tile.NR)
	w.inBlock = min(stepPanels, w.panels)
	if s.Constant {
		w.inBlock = min(passPanels, w.panels)
	}
	w.depth = passDepth
	for !s.Constant && w.elements()*stepPanels*tile.NR*w.depth > passFloats {
		w.depth /= 2
	}
	w.divide()
	w.ld = min(w.source.panels()*tile.NR, w.depth)
	w.pitch = oddLines(parallel.Chunks(s.C, w.depth) * w.tiles() * w.ld)
	w.outPitch = oddLines(w.tiles() * w.inBlock * tile.NR)
	w.weightPitch = oddLines(s.C * tile.NR)
	if w.late {
		w.weightPitch = oddLines(min(s.C, w.depth) * tile.NR)
	}
	w.fetches = w.late || 4*(w.PackedLen()+w.inputLen()+w.elements()*w.outPitch) > cpu.SecondLevel
	w.turned = parallel.Apart[float32](w.pool, packChannels*taps*tile.NR)
	w.next = parallel.Apart[ref.Piece](w.pool, w.pieces())
	w.packBody, w.inputBody, w.chunkBody = w.packPart, w.shareInput, w.chunk
	return w
}

// divide chooses the blocks, then parts of the output channels while there are
// too few chunks for the threads. Two for each have to do: while a block is one
// chunk it makes its own V, and what another core wrote is slow to read.
func (w *Conv) divide() {
	s, leastPanels := &w.spec, turnPanels
	w.cut(lateTiles, 1)
	if w.late = w.blocks() == 1 && !s.Constant; w.late {
		leastPanels = stepPanels
	} else {
		w.tiling = w.inBlocks(goodTiles)
	}
	flops := 2 * w.elements() * s.N * w.rows * w.cols * s.C * s.M
	least := 2 * max(w.pool.Threads(), 2)
	if s.Constant {
		least = min(least, w.pool.Want()) // one thread makes V where it multiplies, and cuts nothing
	}
	parts := 1
	for w.blocks()*parts < least && leastPanels*parts <= w.panels &&
		flops/(w.blocks()*parts) >= 2*parallel.ChunkFlops {
		parts *= 2
	}
	if w.elements()*s.C*s.M > manyWeights && parts > 1 && !s.Constant && !w.late {
		// What is packed in every step goes through the third-level cache once for all blocks.
		parts = parallel.Chunks(w.panels, turnPanels)
	}
	w.perChunk, w.chunks = parallel.Evenly(w.panels, parts)
	w.inBlock = min(w.inBlock, w.perChunk)
	w.sharesInput = w.chunks > 1
}

// inBlocks cuts the output into blocks of about want tiles, or of fewer while there are too few
// blocks for the threads.
func (w *Conv) inBlocks(want int) tiling {
	t, least := w.tiling, leastTiles
	if w.elements()*w.spec.C*w.spec.M > manyWeights {
		least = deepTiles
	}
	for want = max(least, want); ; want = max(least, want/2) {
		if t.cut(want, min(w.pool.Want(), 2)); t.blocks() >= w.pool.Want() || want <= least {
			return t
		}
	}
}

func (w *Conv) Name() string { return name(w.form) }

// inputLen is the length of V of a block.
func (w *Conv) inputLen() int { return w.elements() * w.pitch }

// pixelsLen is the length of the output of a block's image, its channels side by
// side, with room for what the last tile has too much.
func (w *Conv) pixelsLen() int { return (w.band*w.side*w.width + w.side) * tile.NR }

func (w *Conv) perWorker() int {
	n := w.source.copyLen() + w.elements()*w.outPitch + w.pixelsLen()
	if !w.sharesInput {
		n += w.inputLen()
	}
	if w.late {
		n += w.lateLen()
	}
	return n
}

func (w *Conv) sharedLen() int {
	if w.sharesInput {
		return w.blocks() * w.inputLen()
	}
	return 0
}

func (w *Conv) Scratch() int { return w.sharedLen() + w.pool.Threads()*w.perWorker() }

func (w *Conv) Run(o method.Operands, scratch []float32) {
	n := w.sharedLen()
	w.forwardRun = forwardRun{o, scratch[:n], scratch[n:]}
	if w.sharesInput {
		w.pool.For(w.blocks()*w.source.panels(), w.inputBody)
	}
	w.pool.For(w.blocks()*w.chunks, w.chunkBody)
	w.forwardRun = forwardRun{}
}

// shareInput makes a panel of channels of V of a block.
func (w *Conv) shareInput(worker, i int) {
	panel, i := i%w.source.panels(), i/w.source.panels()
	xs := w.workspace[worker*w.perWorker():][:w.source.copyLen()]
	w.source.tiles(w.inputs[i*w.inputLen()+w.at(panel*tile.NR):], w.X, xs, w.block(i), panel, w.pitch, w.ld)
}

// at is where the first tile's channel c, the first of a panel or of a pass, lies in V.
func (w *Conv) at(c int) int { return c/w.depth*w.tiles()*w.ld + c%w.depth }

func (w *Conv) chunk(worker, i int) {
	// A worker takes the same channels of all blocks: those whose weights it packed.
	part, i := i/w.blocks(), i%w.blocks()
	b := w.block(i)
	ws := w.workspace[worker*w.perWorker():][:w.perWorker()]
	xs, ws := ws[:w.source.copyLen()], ws[w.source.copyLen():]
	products, ws := ws[:w.elements()*w.outPitch], ws[w.elements()*w.outPitch:]
	pixels, ws := ws[:w.pixelsLen()], ws[w.pixelsLen():]
	u := changed{w.Packed, 0, 0, w.weightPitch}
	if w.late {
		u.floats, ws = ws[:w.lateLen()], ws[w.lateLen():]
	}
	v := ws
	if w.sharesInput {
		v = w.inputs[i*w.inputLen():][:w.inputLen()]
	} else {
		for panel := range w.source.panels() {
			w.source.tiles(v[w.at(panel*tile.NR):], w.X, xs, b, panel, w.pitch, w.ld)
		}
	}
	p := product{Conv: w, v: v, u: u, products: products, next: w.next[worker], tiles: b.tiles(&w.tiling)}
	p0, p1 := parallel.Range(part, w.perChunk, w.panels)
	for p.q0 = p0; p.q0 < p1; p.q0 += w.inBlock {
		p.q1 = min(p.q0+w.inBlock, p1)
		p.written = w.written(&b, p.q0, p.q1)
		if w.late {
			p.byPasses(w.turned[worker], p1)
		} else {
			p.byElements()
		}
		for q := p.q0; q < p.q1; q++ {
			w.finish(products[(q-p.q0)*tile.NR:], pixels, &b, q)
		}
	}
}

// finish changes a panel of products back and stores it.
func (w *Conv) finish(products, pixels []float32, b *block, q int) {
	s, m := &w.spec, w.side
	ld := w.inBlock * tile.NR
	// From the last tile of a row to the first: what a tile has too much at the
	// end of a line belongs to the begin of the next, which comes later.
	t := ref.Tiles{N: w.cols, SrcRow: w.form.Size() * w.outPitch, SrcCol: w.outPitch, SrcTile: -ld, DstTile: -m * tile.NR}
	var to int
	to, t.DstRow, t.DstCol = w.mirror.numbered(m, w.width*tile.NR, tile.NR)
	m0, plane := q*tile.NR, w.height*w.width
	p := ref.Planes{Src: &pixels[0], Rows: min(tile.NR, s.M-m0), LD: plane}
	p.N = (min(b.r1*m, w.height) - b.r0*m) * w.width
	p.Lo, p.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		p.Bias = &w.Bias[m0]
	}
	done := 0
	for n := b.n0; n < b.n1; n++ {
		for r := range b.r1 - b.r0 {
			t.Src = tile.At(products, (done+w.cols-1)*ld)
			t.Dst = tile.At(pixels, to+(r*m*w.width+(w.cols-1)*m)*tile.NR)
			w.output.apply(&t)
			done += w.cols
		}
		first := (n*s.M+m0)*plane + b.r0*m*w.width
		p.Dst = &w.Y[first]
		if s.Residual {
			p.Residual = &w.Residual[first]
		}
		tile.Spread(&p)
	}
}

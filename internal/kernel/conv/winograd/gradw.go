package winograd

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// GradW computes the weight gradient by a form: for each element of the
// tiles the product S = D·Vᵀ over the tiles of all images, D being the changed
// output gradient and V the changed input, and the change back of S.
//
// The tiles are done in steps, the channels of S in parts; the output channels of a part lie
// side by side in D, so that they are the rows of one product. Where there are few
// channels a chunk of the work takes some of the steps through all of this,
// into a partial sum S of its own, and the partial sums are added in order. Else
// the steps follow each other: chunks first change the tiles of one, then
// multiply them, each for a part of S.
type GradW struct {
	spec method.Spec
	pool *parallel.Pool
	tiling
	input, grad tileSource // V from x and D from dy, [element][panel][tile][16] and [element][part][tile][row]
	weight      change

	alone                bool // a chunk works on its own
	steps, perStep       int  // steps, and blocks of tiles in each
	partials, perPartial int  // chunks that work on their own, and steps in each
	rows, cols           int  // panels of output and of input channels in a part of S
	nrows, ncols         int  // parts along both
	stepTiles            int
	pitchV, pitchD       int // between elements
	pitchS               int

	next [][]ref.Piece // of each worker: what is fetched during a product

	partialBody, addBody, turnBody, partBody, putBody func(worker, chunk int)
	gradRun
}

// gradRun is the run in progress.
type gradRun struct {
	method.GradOperands
	changed, sums, workspace []float32
	step                     int
}

const (
	alonePanels   = 4         // most panels of channels of chunks that work on their own
	aloneTiles    = 96        // least tiles in a partial sum, so that adding up the sums pays
	alonePartials = 8         // least partial sums
	blockTiles    = 32        // tiles in a block, whose copy of planes is made at a time
	stepFloats    = 4 << 20   // of V and D in a step: a part of the third-level cache
	partFloats    = 160 << 10 // of a part of S: most of the second-level cache
	manyParts     = 8         // of S, from which on what is multiplied, once for each, is no longer in that cache
	addFloats     = 4096      // of S in a chunk of adding up
)

func NewGradW(p *parallel.Pool, s method.Spec, f ref.Form) *GradW {
	return planGradW(p, s, f, stepFloats)
}

// planGradW bounds the floats of V and D in a step.
func planGradW(p *parallel.Pool, s method.Spec, f ref.Form, stepFloats int) *GradW {
	w := &GradW{spec: s, pool: p, weight: newChange(f, ref.ChangeWeightGrad), tiling: newTiling(f, f.M, s.N, s.OutH(), s.OutW())}
	w.cut(blockTiles, 2)
	w.input = tileSource{tiling: &w.tiling, change: newChange(f, ref.ChangeInput), size: f.Size(), step: f.Step(),
		channels: s.C, h: s.H, w: s.W, top: s.PadTop, left: s.PadLeft}
	w.grad = tileSource{tiling: &w.tiling, change: newChange(f, ref.ChangeOutputGrad), size: f.M, step: f.M,
		channels: s.M, h: s.OutH(), w: s.OutW()}
	w.divide(stepFloats)
	w.stepTiles = min(w.perStep*w.tiles(), s.N*w.tiling.rows*w.tiling.cols)
	w.pitchV = oddLines(w.input.panels() * w.stepTiles * tile.NR)
	w.pitchD = oddLines(w.nrows * w.rows * w.stepTiles * tile.NR)
	w.pitchS = oddLines(w.rows * tile.NR * w.cols * tile.NR)
	w.next = parallel.Apart[ref.Piece](p, 3)
	w.partialBody, w.addBody, w.putBody = w.partial, w.add, w.putRow
	w.turnBody, w.partBody = w.turn, w.part
	return w
}

// divide chooses steps, partial sums and parts.
func (w *GradW) divide(stepFloats int) {
	tiles := w.spec.N * w.tiling.rows * w.tiling.cols
	w.rows, w.cols = w.grad.panels(), w.input.panels()
	w.alone = max(w.rows, w.cols) <= alonePanels && tiles >= alonePartials*aloneTiles
	if w.alone {
		w.perStep, w.steps, w.nrows, w.ncols = 1, w.blocks(), 1, 1
		w.perPartial, w.partials = parallel.Evenly(w.steps, min(parallel.FewChunks, tiles/aloneTiles))
		return
	}
	floats := w.elements() * (w.rows + w.cols) * tile.NR * w.tiles() // of a block
	w.perStep, w.steps = parallel.Evenly(w.blocks(), parallel.Chunks(w.blocks()*floats, stepFloats))
	nrows, ncols := 1, 1
	for {
		w.rows, w.nrows = parallel.Evenly(w.grad.panels(), nrows)
		w.cols, w.ncols = parallel.Evenly(w.input.panels(), ncols)
		switch {
		case w.nrows*w.ncols >= w.pool.Want() && w.rows*w.cols*tile.NR*tile.NR*w.elements() <= partFloats, w.rows*w.cols <= 2:
			return
		case w.rows > 1 && 2*w.rows >= w.cols: // pairs of columns are fast
			nrows *= 2
		default:
			ncols *= 2
		}
	}
}

func (w *GradW) Name() string { return name(w.form) }

func (w *GradW) changedLen() int { return w.elements() * (w.pitchV + w.pitchD) }

// sumLen is the length of a part of S, [element][output channel][input channel].
func (w *GradW) sumLen() int { return w.elements() * w.pitchS }

// perWorker is what a worker needs: a copy of planes or a row of changed weights,
// and where it is alone the changed tiles of a step, else a part of S.
func (w *GradW) perWorker() int {
	n := max(w.input.copyLen(), w.grad.copyLen(), w.cols*9*tile.NR)
	if w.alone {
		return n + w.changedLen()
	}
	return n + w.sumLen()
}

// sharedLens are the lengths of what the workers share: changed tiles, and the
// partial sums or, if there are several steps, all parts of S.
func (w *GradW) sharedLens() (changed, sums int) {
	switch {
	case w.alone:
		return 0, w.partials * w.sumLen()
	case w.steps > 1:
		return w.changedLen(), w.nrows * w.ncols * w.sumLen()
	}
	return w.changedLen(), 0
}

func (w *GradW) Scratch() int {
	changed, sums := w.sharedLens()
	return changed + sums + w.pool.Threads()*w.perWorker()
}

func (w *GradW) Run(o method.GradOperands, scratch []float32) {
	changed, sums := w.sharedLens()
	w.gradRun = gradRun{GradOperands: o,
		changed: scratch[:changed], sums: scratch[changed:][:sums], workspace: scratch[changed+sums:]}
	if w.alone {
		w.pool.For(w.partials, w.partialBody)
		w.pool.For(parallel.Chunks(w.sumLen(), addFloats), w.addBody)
		w.pool.For(w.spec.M, w.putBody)
	} else {
		for w.step = range w.steps {
			w.pool.For(w.perStep*(w.grad.panels()+w.input.panels()), w.turnBody)
			w.pool.For(w.nrows*w.ncols, w.partBody)
		}
	}
	w.gradRun = gradRun{}
}

// local is the workspace of a worker, a copy of planes first.
func (w *GradW) local(worker int) (xs, rest []float32) {
	ws := w.workspace[worker*w.perWorker():][:w.perWorker()]
	n := max(w.input.copyLen(), w.grad.copyLen(), w.cols*9*tile.NR)
	return ws[:n], ws[n:]
}

// stepBlocks are the blocks [b0, b1) of a step and where its tiles begin and end
// among all.
func (w *GradW) stepBlocks(step int) (b0, b1, t0, t1 int) {
	b0, b1 = parallel.Range(step, w.perStep, w.blocks())
	first, last := w.block(b0), w.block(b1-1)
	return b0, b1, w.index(first.n0, first.r0), w.index(last.n1-1, last.r1)
}

// index numbers the tiles of all images by the first of a row.
func (w *GradW) index(n, r int) int { return (n*w.tiling.rows + r) * w.tiling.cols }

// change changes the tiles of block i for one panel of channels, counted through those
// of the output and then those of the input. They become the tiles from first on.
func (w *GradW) change(changed, xs []float32, i, first, panel int) {
	b := w.block(i)
	if panel < w.grad.panels() {
		part, ld := panel/w.rows, w.rows*tile.NR
		at := w.elements()*w.pitchV + (part*w.stepTiles+first)*ld + panel%w.rows*tile.NR
		w.grad.tiles(changed[at:], w.DY, xs, b, panel, w.pitchD, ld)
		return
	}
	panel -= w.grad.panels()
	w.input.tiles(changed[(panel*w.stepTiles+first)*tile.NR:], w.X, xs, b, panel, w.pitchV, tile.NR)
}

// turn changes one block of the step in progress for one panel.
func (w *GradW) turn(worker, i int) {
	panels := w.grad.panels() + w.input.panels()
	b0, b1, t0, _ := w.stepBlocks(w.step)
	if block := b0 + i/panels; block < b1 {
		xs, _ := w.local(worker)
		b := w.block(block)
		w.change(w.changed, xs, block, w.index(b.n0, b.r0)-t0, i%panels)
	}
}

// partial makes one partial sum.
func (w *GradW) partial(worker, i int) {
	xs, changed := w.local(worker)
	sum := w.sums[i*w.sumLen():][:w.sumLen()]
	s0, s1 := parallel.Range(i, w.perPartial, w.steps)
	for step := s0; step < s1; step++ {
		for panel := range w.grad.panels() + w.input.panels() {
			w.change(changed, xs, step, 0, panel)
		}
		_, _, t0, t1 := w.stepBlocks(step)
		w.multiply(worker, sum, changed, t1-t0, 0, 0, step > s0)
	}
}

// add adds the partial sums up in the first.
func (w *GradW) add(_, i int) {
	lo, hi := parallel.Range(i, addFloats, w.sumLen())
	total := w.sums[lo:hi]
	for s := 1; s < w.partials; s++ {
		vec.Add(total, total, w.sums[s*w.sumLen():][lo:hi])
	}
}

// putRow stores the weights of one output channel of the whole S.
func (w *GradW) putRow(worker, m int) {
	xs, _ := w.local(worker)
	w.put(w.sums[m*w.cols*tile.NR:], xs, m, 0)
}

// part multiplies the step in progress for one part of S.
func (w *GradW) part(worker, i int) {
	xs, sum := w.local(worker)
	if w.steps > 1 {
		sum = w.sums[i*w.sumLen():][:w.sumLen()]
	}
	p0, q0 := i/w.ncols*w.rows, i%w.ncols*w.cols
	_, _, t0, t1 := w.stepBlocks(w.step)
	w.multiply(worker, sum, w.changed, t1-t0, p0, q0, w.step > 0)
	if w.step == w.steps-1 {
		for m := p0 * tile.NR; m < min((p0+w.rows)*tile.NR, w.spec.M); m++ {
			w.put(sum[(m-p0*tile.NR)*w.cols*tile.NR:], xs, m, q0)
		}
	}
}

// multiply adds the product of the tiles to the part of S that begins at the
// panels p0 and q0.
func (w *GradW) multiply(worker int, sum, changed []float32, tiles, p0, q0 int, accumulate bool) {
	ld, next := w.rows*tile.NR, w.next[worker]
	t, u := ref.Tile{RowA: 1, StepA: ld, LDC: w.cols * tile.NR, N0: tile.VL, N1: tile.VL, Fetch: &next[0]}, ref.Tile{}
	rows, panels := min(ld, w.spec.M-p0*tile.NR), min(w.cols, w.input.panels()-q0)
	v, d := changed[q0*w.stepTiles*tile.NR:], changed[w.elements()*w.pitchV+p0*w.stepTiles*tile.NR:]
	for e := range w.elements() {
		for k0 := 0; k0 < tiles; k0 += passDepth {
			t.K, t.Accumulate = min(passDepth, tiles-k0), accumulate || k0 > 0
			for q := 0; q < panels; q += 2 {
				b, c := e*w.pitchV+(q*w.stepTiles+k0)*tile.NR, e*w.pitchS+q*tile.NR
				t.A = tile.At(d, e*w.pitchD+k0*ld)
				t.B0, t.C0, t.C1 = tile.At(v, b), tile.At(sum, c), tile.At(sum, c+tile.VL)
				var second *ref.Tile
				if q+1 < panels {
					u, second = t, &u
					u.B0 = tile.At(v, b+w.stepTiles*tile.NR)
					u.C0, u.C1 = tile.At(sum, c+tile.NR), tile.At(sum, c+tile.NR+tile.VL)
				}
				if t.Fetches = 0; w.nrows*w.ncols >= manyParts {
					t.Fetches = w.fetch(next, v, d, gradPass{e, k0, tiles}, q, panels)
				}
				tile.RunPair(tile.Strided, &t, second, rows)
			}
		}
	}
}

// gradPass is the product of an element's tiles from k0 on, some of so many in a step.
type gradPass struct{ e, k0, tiles int }

// depth is the number of tiles.
func (p *gradPass) depth() int { return min(passDepth, p.tiles-p.k0) }

// fetch lists what multiplies after panel q and the next of so many, to be fetched while they multiply: the panels
// after them, and with the first ones the rows of the next pass. It returns how many pieces it is.
func (w *GradW) fetch(next []ref.Piece, v, d []float32, p gradPass, q, panels int) int {
	pieces, after := next[:0], p
	if after.k0 += passDepth; after.k0 >= p.tiles {
		after.e, after.k0 = p.e+1, 0
	}
	last := after.e == w.elements()
	if q == 0 && !last {
		ld := w.rows * tile.NR
		pieces = append(pieces, ref.PieceOf(tile.At(d, after.e*w.pitchD+after.k0*ld), after.depth()*ld))
	}
	if q += 2; q >= panels {
		if last {
			return len(pieces)
		}
		p, q = after, 0
	}
	for end := min(q+2, panels); q < end; q++ {
		pieces = append(pieces, ref.PieceOf(tile.At(v, p.e*w.pitchV+(q*w.stepTiles+p.k0)*tile.NR), p.depth()*tile.NR))
	}
	return len(pieces)
}

// put changes the sums of output channel m back and stores the weights from the
// panel q0 of input channels on.
func (w *GradW) put(sum, xs []float32, m, q0 int) {
	q1 := min(q0+w.cols, w.input.panels())
	t := ref.Tiles{Src: &sum[0], Dst: &xs[0], N: q1 - q0, SrcRow: w.form.Size() * w.pitchS, SrcCol: w.pitchS, SrcTile: tile.NR,
		DstRow: 3 * tile.NR, DstCol: tile.NR, DstTile: taps * tile.NR}
	w.weight.apply(&t)
	p := ref.Planes{LD: taps, N: taps}
	p.Lo, p.Hi, _ = tile.ActNone.Bounds(0, 0)
	for q := q0; q < q1; q++ {
		p.Src, p.Dst = tile.At(xs, (q-q0)*taps*tile.NR), &w.DW[(m*w.spec.C+q*tile.NR)*taps]
		p.Rows = min(tile.NR, w.spec.C-q*tile.NR)
		tile.Spread(&p)
	}
}

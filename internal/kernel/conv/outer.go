package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// outer computes the weight gradient as a blocked product over output pixels:
// dw = dy·Xᵀ, with dy packed as A and the input pixels that each tap meets as B.
//
// B comes in panels of 16 columns. Where there are channels enough a panel is 16
// channels at one tap, read in place from a padded copy of the input that has
// its channels innermost, for all taps from the one copy. Else a panel is 16
// neighbouring (channel, tap) pairs, gathered from shifted copies.
//
// A chunk sums over some of the steps, each of some images or a band of rows, into a
// partial sum of its own. How many there are follows from the shape alone, and they are
// added in order.
type outer struct {
	spec   Spec
	pool   *parallel.Pool
	gather bool
	p      patch.Input // of the gathered copy
	off    []int32     // of the pixels of a step, or of the gathered columns

	mg, cg, taps         int
	hp, wp               int // size of the padded copy of a step
	images, band         int // of a step
	groups, bands        int // of images and of rows; groups·bands steps
	panels, perChunk     int // panels of B of a group, and in a chunk
	parts                int // chunks along the panels
	partials, perPartial int // chunks along the steps, and steps in each

	body, sumBody func(worker, chunk int)
	outerRun
}

// outerRun is the run in progress.
type outerRun struct {
	method.GradOperands
	sums, workspace []float32
}

const (
	outerPixels   = 256      // pixels in a pass over B: 16 KiB of the first-level cache
	outerFloats   = 48 << 10 // of the padded copy
	outerChannels = 8        // below this many the panels are gathered
	outerPanels   = 8        // panels in a chunk, so that packing dy pays
)

func newOuter(p *parallel.Pool, s Spec) *outer {
	o := &outer{spec: s, pool: p, mg: s.M / s.Group, cg: s.C / s.Group, taps: s.KH * s.KW}
	o.gather = o.cg < outerChannels
	o.wp = (s.OutW()-1)*s.StrideW + (s.KW-1)*s.DilationW + 1
	o.panels, o.perChunk = parallel.Chunks(o.cg*o.taps, tile.NR), parallel.Chunks(o.cg*o.taps, tile.NR)
	if !o.gather {
		blocks := parallel.Chunks(o.cg, tile.NR)
		o.panels, o.perChunk = blocks*o.taps, min(blocks, parallel.Chunks(outerPanels, o.taps))*o.taps
	}
	o.parts = parallel.Chunks(o.panels, o.perChunk)
	o.divide()
	if o.gather {
		o.p, _ = patch.Forward(s)
		o.p.Channels = o.cg
		o.p.Size(patch.Flat, o.band, 1)
		o.p.Tabulate()
		o.off = o.p.Offsets()
		for len(o.off) < o.panels*tile.NR { // any pixels serve for columns that are not kept
			o.off = append(o.off, o.off[0])
		}
	} else {
		for n := range o.images {
			for r := range o.band {
				for q := range s.OutW() {
					o.off = append(o.off, int32(4*tile.NR*((n*o.hp+r*s.StrideH)*o.wp+q*s.StrideW)))
				}
			}
		}
	}
	o.body, o.sumBody = o.chunk, o.sum
	return o
}

// divide chooses the steps and the partial sums.
func (o *outer) divide() {
	s := o.spec
	oh, pixels := s.OutH(), s.OutH()*s.OutW()
	o.images, o.band, o.bands = 1, oh, 1
	if !o.gather && pixels < outerPixels {
		o.images = max(1, min(s.N, outerPixels/pixels))
	}
	for parts := 1; ; parts *= 2 {
		o.band, o.bands = parallel.Evenly(oh, parts)
		o.hp = (o.band-1)*s.StrideH + (s.KH-1)*s.DilationH + 1
		if o.images > 1 || o.band == 1 || o.copyLen() <= outerFloats {
			break
		}
	}
	o.groups = parallel.Chunks(s.N, o.images)
	flops := 2 * s.N * pixels * s.M * o.cg * o.taps
	want := min(parallel.FewChunks, max(flops/parallel.ChunkFlops, 1))
	o.perPartial, o.partials = parallel.Evenly(o.groups*o.bands, parallel.Chunks(want, o.parts*s.Group))
}

// copyLen is the length of the copy of the input of a step, about so if gathered.
func (o *outer) copyLen() int {
	if o.gather {
		return o.cg * o.spec.KW * o.hp * o.spec.OutW()
	}
	return o.perChunk / o.taps * o.images * o.hp * o.wp * tile.NR
}

func (o *outer) Name() string {
	if o.gather {
		return "gather"
	}
	return "outer"
}

// stepPixels is the most output pixels of a step.
func (o *outer) stepPixels() int { return o.images * o.band * o.spec.OutW() }

// copies is the length of the copy of the input and of two gathered panels.
func (o *outer) copies() int {
	if o.gather {
		return o.p.Len() + 2*outerPixels*tile.NR
	}
	return o.copyLen()
}

func (o *outer) perWorker() int {
	return o.copies() + parallel.Chunks(o.mg, tile.MR)*tile.MR*o.stepPixels()
}

// sumLen is the length of a partial sum [M/Group][panels][16].
func (o *outer) sumLen() int { return o.mg * o.panels * tile.NR }

func (o *outer) Scratch() int {
	return o.partials*o.spec.Group*o.sumLen() + o.pool.Threads()*o.perWorker()
}

func (o *outer) Run(g method.GradOperands, scratch []float32) {
	n := o.partials * o.spec.Group * o.sumLen()
	o.outerRun = outerRun{g, scratch[:n], scratch[n:]}
	o.pool.For(o.partials*o.spec.Group*o.parts, o.body)
	o.pool.For(o.spec.M, o.sumBody)
	o.outerRun = outerRun{}
}

// step is what one step of a chunk covers.
type step struct {
	n0, n1, r0, r1 int // images, rows
	g, q0, q1      int // group, panels of B
	pixels         int
}

func (o *outer) chunk(worker, i int) {
	part, i := i%o.parts, i/o.parts
	g, partial := i%o.spec.Group, i/o.spec.Group
	ws := o.workspace[worker*o.perWorker():][:o.perWorker()]
	xs, a := ws[:o.copies()], ws[o.copies():]
	sum := o.sums[(partial*o.spec.Group+g)*o.sumLen():][:o.sumLen()]
	first, end := parallel.Range(partial, o.perPartial, o.groups*o.bands)
	if first >= end {
		clear(sum)
	}
	for j := first; j < end; j++ {
		st := step{g: g}
		st.q0, st.q1 = parallel.Range(part, o.perChunk, o.panels)
		st.n0, st.n1 = parallel.Range(j/o.bands, o.images, o.spec.N)
		st.r0, st.r1 = parallel.Range(j%o.bands, o.band, o.spec.OutH())
		st.pixels = (st.n1 - st.n0) * (st.r1 - st.r0) * o.spec.OutW()
		o.packDY(a, &st)
		if o.gather {
			inPlane := o.spec.H * o.spec.W
			o.p.Fill(xs, o.X[(st.n0*o.spec.C+g*o.cg)*inPlane:], 1, 0, st.r0, st.r1, 0, o.cg)
		} else {
			o.turn(xs, &st)
		}
		o.multiply(sum, xs, a, &st, j > first)
	}
}

// packDY packs the step's pixels of dy for the passes of multiply, each as
// panels of 6 channels, [pass][panel][pixel][6]. A step of several images is one
// pass.
func (o *outer) packDY(a []float32, st *step) {
	s := &o.spec
	plane, rows := s.OutH()*s.OutW(), (st.r1-st.r0)*s.OutW()
	side := tile.Side{N: o.mg, Width: tile.MR, LD: plane, KInner: true}
	for n := st.n0; n < st.n1; n++ {
		dy := o.DY[(n*s.M+st.g*o.mg)*plane+st.r0*s.OutW():]
		if st.n1-st.n0 > 1 {
			for p := range side.Panels() {
				side.Pack(a[(p*st.pixels+(n-st.n0)*rows)*tile.MR:], dy, p, p+1, 0, rows)
			}
			continue
		}
		for k0 := 0; k0 < rows; k0 += outerPixels {
			side.Pack(a[k0*side.Panels()*tile.MR:], dy, 0, side.Panels(), k0, min(outerPixels, rows-k0))
		}
	}
}

// turn copies the step's input to xs[block of 16 channels][image][row][column][16],
// with its padding.
func (o *outer) turn(xs []float32, st *step) {
	s := &o.spec
	plane := s.H * s.W
	first, rows, stride := st.r0*s.StrideH-s.PadTop, (st.r1-st.r0-1)*s.StrideH+(s.KH-1)*s.DilationH+1, 1
	if s.KH == 1 {
		stride = s.StrideH // no tap meets the rows between
	}
	for b := st.q0 / o.taps; b < st.q1/o.taps; b++ {
		planes := tile.ChannelsLast{H: s.H, W: s.W, Channels: min(tile.NR, o.cg-b*tile.NR), Left: s.PadLeft, Width: o.wp}
		for n := st.n0; n < st.n1; n++ {
			x := o.X[(n*s.C+st.g*o.cg+b*tile.NR)*plane:]
			at := ((b-st.q0/o.taps)*o.images + n - st.n0) * o.hp * o.wp * tile.NR
			planes.Copy(xs[at:], x, first, rows, stride)
		}
	}
}

// multiply adds the step's product to the partial sum.
func (o *outer) multiply(sum, xs, a []float32, st *step, accumulate bool) {
	t, u := ref.Tile{LDC: o.panels * tile.NR, N0: tile.VL, N1: tile.VL}, ref.Tile{}
	for k0 := 0; k0 < st.pixels; k0 += outerPixels {
		t.K, t.Accumulate = min(outerPixels, st.pixels-k0), accumulate || k0 > 0
		for q := st.q0; q < st.q1; q += 2 {
			t.A = tile.At(a, k0*parallel.Chunks(o.mg, tile.MR)*tile.MR)
			o.aim(&t, sum, xs, st, q, k0)
			var second *ref.Tile
			if q+1 < st.q1 {
				u, second = t, &u
				o.aim(&u, sum, xs, st, q+1, k0)
			}
			if o.gather {
				tile.RunPair(tile.Packed, &t, second, o.mg)
			} else {
				tile.RunPair(tile.Offset, &t, second, o.mg)
			}
		}
	}
}

// aim sets t to panel q of the step's pixels from k0 on.
func (o *outer) aim(t *ref.Tile, sum, xs []float32, st *step, q, k0 int) {
	t.C0, t.C1 = tile.At(sum, q*tile.NR), tile.At(sum, q*tile.NR+tile.VL)
	if o.gather {
		t.B0 = tile.At(xs, o.p.Len()+(q-st.q0)%2*outerPixels*tile.NR)
		tile.PackGather(t.B0, tile.At(xs, k0), &o.off[q*tile.NR], t.K)
		return
	}
	block, tap := q/o.taps-st.q0/o.taps, q%o.taps
	first := block*o.images*o.hp*o.wp + tap/o.spec.KW*o.spec.DilationH*o.wp + tap%o.spec.KW*o.spec.DilationW
	t.Off, t.B0, t.B1 = &o.off[k0], tile.At(xs, first*tile.NR), tile.At(xs, first*tile.NR+tile.VL)
}

// sum adds the partial sums of one output channel, in the first of them, and
// brings the weights into their order [channel][tap].
func (o *outer) sum(_, m int) {
	g, row := m/o.mg, m%o.mg
	at := func(partial int) []float32 {
		return o.sums[(partial*o.spec.Group+g)*o.sumLen()+row*o.panels*tile.NR:][:o.panels*tile.NR]
	}
	total := at(0)
	for partial := 1; partial < o.partials; partial++ {
		vec.Add(total, total, at(partial))
	}
	dw := o.DW[m*o.cg*o.taps:][:o.cg*o.taps]
	if o.gather || o.taps == 1 {
		copy(dw, total)
		return
	}
	for c := range o.cg { // from [block][tap][16]
		to, from := dw[c*o.taps:][:o.taps], total[c/tile.NR*o.taps*tile.NR+c%tile.NR:]
		for t := range to {
			to[t] = from[t*tile.NR]
		}
	}
}

func (o *outer) Cycles() float64 {
	s := &o.spec
	pixels := float64(s.N * s.OutH() * s.OutW() * s.Group)
	copies := float64(s.N*s.H*s.W*s.C*o.parts) * method.TurnCycles
	products := pixels * float64(o.panels*parallel.Chunks(o.mg, tile.MR)) * method.TileCycles * outerSlack
	sums := float64(o.partials * s.Group * o.sumLen())
	if !o.gather && o.taps > 1 {
		sums += float64(s.Group*o.sumLen()) * method.PickCycles
	}
	return copies + pixels*float64(o.mg*o.parts)*method.TurnCycles + products + sums
}

// outerSlack is how much longer a pass of the product takes than its
// multiplications, for the input is read with strides.
const outerSlack = 1.1

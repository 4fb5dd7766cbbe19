package conv

import (
	"math"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// direct convolves by a blocked product whose A is the weights and whose B is
// read in place from a copy of the input, see [patch.Input]. It is both the forward
// pass and the data gradient; a data gradient of stride s is s² products, one
// for each residue of the position in dx, with the taps that reach it.
//
// A chunk of the work is a band of output rows of a few images, for some of the
// output channels of a group. It makes its own copy of the input, of the channels of
// one pass at a time, unless several chunks or phases need the same.
type direct struct {
	spec         Spec
	pool         *parallel.Pool
	p            patch.Input
	phases       []patch.Phase
	gradX        bool
	placesLater  bool // results of phases, or of images in one vector, go to a workspace first
	sharesCopies bool // the copies of the input are made first, and shared by chunks
	quads        bool // four vectors of 16 columns are multiplied at a time, not of 8

	// Output channels of a group, input channels of a group, of this pass.
	outC, inC       int
	outPlane        int          // floats of an output channel
	blockK          int          // rows of B in a pass, whole channels
	cost            float64      // cycles of a run in one band
	bands, groups   int          // along the rows of output, and of images
	panels, mblocks int          // panels of output channels in a chunk, and chunks along them
	whole, rest     []ref.Vector // columns of a band, and of the last band
	last, lastRest  []ref.Vector // the same for the last group of images

	placer                        patch.Placer
	packBody, copyBody, chunkBody func(worker, chunk int)
	directRun
}

// directRun is the run in progress.
type directRun struct {
	method.Operands
	copies, workspace []float32 // of the input, shared; of the workers
}

// newDirect makes the forward pass of s.
func newDirect(p *parallel.Pool, s Spec) *direct {
	d := &direct{spec: s, pool: p, outC: s.M / s.Group, inC: s.C / s.Group, outPlane: s.OutH() * s.OutW()}
	d.p, d.phases = patch.Forward(s)
	d.p.Channels = d.inC
	d.plan()
	return d
}

// newDirectGradX makes the data gradient of s.
func newDirectGradX(p *parallel.Pool, s Spec) *direct {
	d := &direct{spec: s, pool: p, gradX: true, outC: s.C / s.Group, inC: s.M / s.Group, outPlane: s.H * s.W}
	d.p, d.phases = patch.GradX(s)
	d.p.Channels = d.inC
	d.plan()
	d.placer = patch.NewPlacer(s, d.phases)
	return d
}

// plan chooses layout and blocking and makes the tables.
func (d *direct) plan() {
	s := d.spec
	d.blockK = max(directK/(s.KH*s.KW), 1) * s.KH * s.KW
	d.chooseLayout()
	if d.divide(); !d.addressable() { // the layout with the smallest copy
		d.layOut(patch.Split, d.p.OutH, 1)
		d.placesLater = len(d.phases) > 1
		d.divide()
	}
	at := 0
	all := d.p.Offsets()
	for i := range d.phases {
		ph := &d.phases[i]
		ph.At = at
		for c := range d.inC {
			for _, t := range ph.Taps {
				ph.Off = append(ph.Off, all[c*s.KH*s.KW+t])
			}
		}
		at += d.outPanels() * tile.MR * len(ph.Off)
	}
	lastBand := d.p.OutH - (d.bands-1)*d.p.Band
	lastGroup := s.N - (d.groups-1)*d.p.Images
	d.quads = d.suitsQuads()
	d.whole, d.rest = d.vectors(d.p.Band, d.p.Images), d.vectors(lastBand, d.p.Images)
	d.last, d.lastRest = d.vectors(d.p.Band, lastGroup), d.vectors(lastBand, lastGroup)
	d.packBody, d.copyBody, d.chunkBody = d.packPanel, d.copyInput, d.chunk
	d.sharesCopies = d.mblocks > 1
	d.p.Tabulate()
}

// addressable reports whether the table's offsets, int32s of bytes, reach all of the copy.
func (d *direct) addressable() bool { return d.p.Len() <= math.MaxInt32/4 }

// directK is about how many rows of B one pass over the output adds: as many as
// stay in the first-level cache.
const directK = 288

// Costs in cycles, measured, of what sets the layouts apart.
const (
	copyCycles  = 0.3      // per float copied
	rowCycles   = 15.0     // per row copied
	phaseCycles = 5.5      // per float of weights that is packed by phases
	bandFloats  = 64 << 10 // of a copy: a quarter of the second-level cache
	fullColumns = 96       // wanted in a product over images in one vector
	sideColumns = 192      // wanted in a product over images side by side
)

// chooseLayout takes the layout, and the number of images side by side, that are
// cheapest for an image.
func (d *direct) chooseLayout() {
	best, chosen, images := 0.0, patch.Split, 0
	plane := max(d.p.OutH*d.p.OutW, 1)
	for _, l := range []patch.Layout{patch.Split, patch.Flat, patch.Full} {
		some := max(1, min(d.spec.N, fullColumns/plane))
		if l != patch.Full {
			some = min(d.spec.N, parallel.Chunks(sideColumns, plane))
		}
		for _, n := range []int{1, max(1, min(some, d.spec.N/parallel.FewChunks)), some} {
			if cost := d.layoutCycles(l, n); images == 0 || cost < best {
				best, chosen, images = cost, l, n
			}
		}
	}
	d.cost = best * float64(d.spec.N*d.spec.Group)
	d.layOut(chosen, d.p.OutH, images)
	d.placesLater = len(d.phases) > 1 || chosen == patch.Full && images > 1
}

// layOut sizes the copy of a band of several images.
func (d *direct) layOut(l patch.Layout, band, images int) {
	d.p.OutImage = d.spec.Group * d.outC * d.outPlane
	if len(d.phases) > 1 {
		d.p.OutImage = d.p.OutH * d.p.OutW
	}
	d.p.Size(l, band, images)
}

// layoutCycles estimates a run for one image, of n side by side.
func (d *direct) layoutCycles(l patch.Layout, n int) float64 {
	d.layOut(l, d.p.OutH, n)
	vecs := len(d.p.Vectors(d.p.OutH, n, tile.VL))
	taps := d.spec.KH * d.spec.KW
	pairs := 2 * parallel.Chunks(vecs, 4) // four vectors are multiplied at a time
	compute := float64(pairs*d.outPanels()*d.inC*taps) * method.TileCycles
	floats := float64(d.inC * len(d.p.Rows.First) * len(d.p.Cols.First) * d.p.Variant())
	per := copyCycles
	if d.p.Cols.Stride > 1 {
		per = method.PickCycles
	}
	cost := compute + floats*(per+rowCycles/float64(d.p.Width)) + method.StreamCycles(d.groupWeights(), 1)
	if len(d.phases) > 1 || l == patch.Full && n > 1 { // placed
		cost += float64(n*d.outC*d.outPlane) * method.PickCycles
	}
	return cost / float64(n)
}

// divide chooses the chunks: bands whose copy fits the cache, then, while there are
// too few for the threads, blocks of output channels, which need no copies of their own, and
// more bands, if they leave products long enough. Methods are compared by plans without a pool,
// which are cut as finely whatever is left.
func (d *direct) divide() {
	s := d.spec
	l, images := d.p.Layout, d.p.Images
	d.groups = parallel.Chunks(s.N, images)
	parts, mparts := 1, 1
	estimate := d.pool == nil
	for {
		var band int
		band, d.bands = parallel.Evenly(d.p.OutH, parts)
		d.panels, d.mblocks = parallel.Evenly(d.outPanels(), mparts)
		d.layOut(l, band, images)
		chunks := d.groups * s.Group * d.bands * d.mblocks
		flops := 2 * s.N * d.outPlane * d.outC * d.inC * s.KH * s.KW * s.Group
		few := chunks > 0 && chunks < d.pool.Want() && flops/chunks >= 2*parallel.ChunkFlops &&
			(estimate || d.pool.Threads() > 1)
		canBand := l != patch.Full && band > 1 && (images == 1 || !d.placesLater)
		switch {
		case canBand && d.passChannels()*d.p.Pitch > bandFloats:
			parts *= 2
		case few && d.panels >= 8:
			mparts *= 2
		case canBand && few && band >= 4*(d.p.Rows.Reach+1) && (estimate || d.columns() >= 2*sideColumns):
			parts *= 2
		case few && d.panels >= 4:
			mparts *= 2
		default:
			return
		}
	}
}

// passChannels is the number of input channels whose copy a pass over B reads.
func (d *direct) passChannels() int {
	if len(d.phases) > 1 {
		return d.inC
	}
	return min(d.inC, d.blockK/(d.spec.KH*d.spec.KW))
}

func (d *direct) outPanels() int { return parallel.Chunks(d.outC, tile.MR) }

func (d *direct) Name() string {
	if d.spec.KH == 1 && d.spec.KW == 1 {
		return "gemm-" + d.p.Layout.String()
	}
	return "direct-" + d.p.Layout.String()
}

// columns is the number of columns of the products of a chunk.
func (d *direct) columns() int { return d.p.Images * d.p.Band * d.p.OutW }

// perWorker is what a worker needs: its copy of the input and, where results are
// placed afterwards, those.
func (d *direct) perWorker() int {
	n := 0
	if !d.sharesCopies {
		n += d.copyLen()
	}
	if d.placesLater {
		n += len(d.phases) * d.panels * tile.MR * d.columns()
	}
	return n
}

// copyLen is the length of a worker's own copy.
func (d *direct) copyLen() int { return d.passChannels()*d.p.Pitch + tile.NR }

// sharedLen is the length of the copies that chunks share.
func (d *direct) sharedLen() int {
	if d.sharesCopies {
		return d.inputs() * d.p.Len()
	}
	return 0
}

// inputs is the number of different copies of the input.
func (d *direct) inputs() int { return d.groups * d.spec.Group * d.bands }

func (d *direct) Scratch() int { return d.sharedLen() + d.pool.Threads()*d.perWorker() }

func (d *direct) Run(o method.Operands, scratch []float32) {
	n := d.sharedLen()
	d.directRun = directRun{o, scratch[:n], scratch[n:]}
	if d.sharesCopies {
		d.pool.For(d.inputs()*d.copyParts(), d.copyBody)
	}
	d.pool.For(d.inputs()*d.mblocks, d.chunkBody)
	d.directRun = directRun{}
}

// copyChannels is how many channels copyInput copies.
const copyChannels = 32

func (d *direct) copyParts() int { return parallel.Chunks(d.inC, copyChannels) }

// copyInput makes some channels of a shared copy.
func (d *direct) copyInput(_, i int) {
	part, i := i%d.copyParts(), i/d.copyParts()
	j := d.job(i * d.mblocks)
	c0, c1 := parallel.Range(part, copyChannels, d.inC)
	d.fill(d.copies[i*d.p.Len()+c0*d.p.Pitch:], &j, c0, c1)
}

// fill copies the channels [c0, c1) of a job to xs.
func (d *direct) fill(xs []float32, j *job, c0, c1 int) {
	plane := d.p.InH * d.p.InW
	image := d.spec.Group * d.inC * plane
	d.p.Fill(xs, d.X[j.n0*image+j.g*d.inC*plane:], j.n1-j.n0, image, j.r0, j.r1, c0, c1)
}

// job is a chunk: a range of images, a group, rows and panels of channels.
type job struct {
	n0, n1, g, r0, r1, p0, p1 int
	cols                      []ref.Vector
}

func (d *direct) job(i int) job {
	var j job
	block, i := i%d.mblocks, i/d.mblocks
	band, i := i%d.bands, i/d.bands
	j.g, i = i%d.spec.Group, i/d.spec.Group
	j.n0, j.n1 = parallel.Range(i, d.p.Images, d.spec.N)
	j.r0, j.r1 = parallel.Range(band, d.p.Band, d.p.OutH)
	j.p0, j.p1 = parallel.Range(block, d.panels, d.outPanels())
	switch lastBand, lastGroup := band == d.bands-1, i == d.groups-1; {
	case lastBand && lastGroup:
		j.cols = d.lastRest
	case lastBand:
		j.cols = d.rest
	case lastGroup:
		j.cols = d.last
	default:
		j.cols = d.whole
	}
	return j
}

func (d *direct) chunk(worker, i int) {
	j := d.job(i)
	out := d.workspace[worker*d.perWorker():][:d.perWorker()]
	var xs []float32
	if d.sharesCopies {
		xs = d.copies[i/d.mblocks*d.p.Len():][:d.p.Len()]
	} else {
		xs, out = out[:d.copyLen()], out[d.copyLen():]
		if len(d.phases) > 1 {
			d.fill(xs, &j, 0, d.inC)
		}
	}
	if !d.placesLater {
		first := (j.n0*d.spec.Group + j.g) * d.outC
		base := first*d.outPlane + j.r0*d.p.OutW
		if d.quads {
			d.sweepQuads(i, &j, xs, base)
		} else {
			d.sweep(&d.phases[0], &j, xs, d.Y, base, d.outPlane)
		}
		return
	}
	for q := range d.phases {
		if ph := &d.phases[q]; len(ph.Off) > 0 {
			d.sweep(ph, &j, xs, out[q*d.panels*tile.MR*d.columns():], -j.p0*tile.MR*d.columns(), d.columns())
		}
	}
	if len(d.phases) > 1 {
		d.placeStrided(&j, out)
	} else {
		d.placeImages(&j, out)
	}
}

// sweep computes the columns of a job for one phase. Row r of the result begins
// at out[base+r·ld].
func (d *direct) sweep(ph *patch.Phase, j *job, xs, out []float32, base, ld int) {
	s := &d.spec
	k, panels := len(ph.Off), d.outPanels()
	a := d.Packed[j.g*d.groupWeights()+ph.At:]
	rows := min(j.p1*tile.MR, d.outC) - j.p0*tile.MR
	t, u := ref.Tile{LDC: ld}, ref.Tile{}
	fills, taps := !d.sharesCopies && len(d.phases) == 1, len(ph.Taps)
	for k0 := 0; k0 < k; k0 += d.blockK {
		t.K, t.Accumulate = min(d.blockK, k-k0), k0 > 0
		last := k0+t.K == k
		t.Off = &ph.Off[k0]
		if fills { // the pass finds its channels where the first one did
			d.fill(xs, j, k0/taps, (k0+t.K)/taps)
			t.Off = &ph.Off[0]
		}
		if last && !(d.placesLater && s.Residual) {
			t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
		}
		for v := 0; v < len(j.cols); v += 4 {
			t.A = tile.At(a, panels*tile.MR*k0+j.p0*tile.MR*t.K)
			if last && s.Bias {
				t.BiasRow = tile.At(d.Bias, j.g*d.outC+j.p0*tile.MR)
			}
			d.aim(&t, j, xs, out, base+j.p0*tile.MR*ld, v, last)
			var second *ref.Tile
			if v+2 < len(j.cols) {
				u, second = t, &u
				d.aim(&u, j, xs, out, base+j.p0*tile.MR*ld, v+2, last)
			}
			tile.RunPair(tile.Offset, &t, second, rows)
		}
	}
}

// aim sets t to two vectors of columns of a job, of results that begin at
// out[row].
func (d *direct) aim(t *ref.Tile, j *job, xs, out []float32, row, v int, last bool) {
	v0 := j.cols[v]
	v1 := ref.Vector{Src: v0.Src, Dst: v0.Dst}
	if v+1 < len(j.cols) {
		v1 = j.cols[v+1]
	}
	t.B0, t.B1 = tile.At(xs, int(v0.Src)), tile.At(xs, int(v1.Src))
	t.N0, t.N1 = int(v0.N), int(v1.N)
	t.C0, t.C1 = tile.At(out, row+int(v0.Dst)), tile.At(out, row+int(v1.Dst))
	if last && d.spec.Residual && !d.placesLater {
		t.Res0, t.Res1 = tile.At(d.Residual, row+int(v0.Dst)), tile.At(d.Residual, row+int(v1.Dst))
	}
}

func (d *direct) Cycles() float64 {
	floats := d.PackedLen()
	cost := d.cost + method.StreamCycles(floats, d.groups*(d.bands-1))
	switch {
	case len(d.phases) > 1:
		cost += phaseCycles * float64(floats)
	case !d.spec.Constant:
		cost += float64(floats)
	}
	return cost
}

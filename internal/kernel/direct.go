package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// direct convolves by a blocked product whose A is the weights and whose B is
// read in place from a copy of the input, see patches. It is both the forward
// pass and the data gradient; a data gradient of stride s is s² products, one
// for each residue of the position in dx, with the taps that reach it.
//
// A chunk of the work is a band of output rows of a few images, for some of the
// output channels of a group. It makes its own copy of the input.
type direct struct {
	spec   ConvSpec
	pool   *parallel.Pool
	p      patches
	phases []phase
	gradX  bool
	places bool // results go to a workspace first, and from there to their places

	// Output channels of a group, input channels of a group, of this pass.
	outC, inC       int
	outPlane        int // floats of an output channel
	blockK          int
	bands, groups   int      // along the rows of output, and of images
	panels, mblocks int      // panels of output channels in a chunk, and chunks along them
	whole, rest     []vector // columns of a band, and of the last band
	last, lastRest  []vector // the same for the last group of images

	packBody, chunkBody func(worker, chunk int)
	y, x, w, packed     []float32
	bias, residual      []float32
	scratchRun          []float32
}

// phase is one of the products: the taps with the same residue.
type phase struct {
	row, col int // residue
	taps     []int
	off      []int32 // of its rows of B
	at       int     // where its weights begin in those of a group
}

// newDirect makes the forward pass of s.
func newDirect(p *parallel.Pool, s ConvSpec) *direct {
	d := &direct{spec: s, pool: p, outC: s.M / s.Group, inC: s.C / s.Group, outPlane: s.OutH() * s.OutW()}
	d.p = patches{channels: d.inC, inH: s.H, inW: s.W, outH: s.OutH(), outW: s.OutW(),
		rows: newAxis(s.KH, s.StrideH, s.DilationH, s.PadTop),
		cols: newAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)}
	d.phases = []phase{{taps: upTo(s.KH * s.KW)}}
	d.plan()
	return d
}

// newDirectGradX makes the data gradient of s. Position h of dx is number
// i = (h+pad)/stride of the residue (h+pad) mod stride; tap k contributes where
// k·dilation has that residue, from dy at i - k·dilation/stride.
func newDirectGradX(p *parallel.Pool, s ConvSpec) *direct {
	d := &direct{spec: s, pool: p, gradX: true, outC: s.C / s.Group, inC: s.M / s.Group, outPlane: s.H * s.W}
	d.p = patches{channels: d.inC, inH: s.OutH(), inW: s.OutW(),
		rows: gradAxis(s.KH, s.StrideH, s.DilationH, s.PadTop),
		cols: gradAxis(s.KW, s.StrideW, s.DilationW, s.PadLeft)}
	d.p.outH = (s.H-1+s.PadTop)/s.StrideH - s.PadTop/s.StrideH + 1
	d.p.outW = (s.W-1+s.PadLeft)/s.StrideW - s.PadLeft/s.StrideW + 1
	for a := range s.StrideH {
		for b := range s.StrideW {
			ph := phase{row: a, col: b}
			for t := range s.KH * s.KW {
				if t/s.KW*s.DilationH%s.StrideH == a && t%s.KW*s.DilationW%s.StrideW == b {
					ph.taps = append(ph.taps, t)
				}
			}
			d.phases = append(d.phases, ph)
		}
	}
	d.places = len(d.phases) > 1
	d.plan()
	return d
}

func gradAxis(taps, stride, dilation, pad int) axis {
	a := axis{stride: 1}
	for k := range taps {
		a.start = append(a.start, pad/stride-k*dilation/stride)
	}
	return a
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// plan chooses layout and blocking and makes the tables.
func (d *direct) plan() {
	s := d.spec
	d.chooseLayout()
	d.divide()
	at := 0
	all := d.p.offsets()
	for i := range d.phases {
		ph := &d.phases[i]
		ph.at = at
		for c := range d.inC {
			for _, t := range ph.taps {
				ph.off = append(ph.off, all[c*s.KH*s.KW+t])
			}
		}
		at += d.outPanels() * mr * len(ph.off)
	}
	taps := s.KH * s.KW
	d.blockK = max(directK/taps, 1) * taps
	lastBand := d.p.outH - (d.bands-1)*d.p.band
	lastGroup := s.N - (d.groups-1)*d.p.images
	d.whole, d.rest = d.p.vectors(d.p.band, d.p.images), d.p.vectors(lastBand, d.p.images)
	d.last, d.lastRest = d.p.vectors(d.p.band, lastGroup), d.p.vectors(lastBand, lastGroup)
	d.packBody, d.chunkBody = d.packPanel, d.chunk
}

// directK is about how many rows of B one pass over the output adds: as many as
// stay in the first-level cache.
const directK = 288

// Costs in cycles, measured, of what sets the layouts apart.
const (
	tileCycles  = 6.0 // per row of B and tile
	copyCycles  = 0.3 // per float copied
	pickCycles  = 1.3 // per float copied with a stride, or placed
	rowCycles   = 15.0
	bandFloats  = 64 << 10 // of a copy: a quarter of the second-level cache
	fullColumns = 96       // wanted in a product over several images
)

// chooseLayout takes the layout that is cheapest for one image.
func (d *direct) chooseLayout() {
	best, layouts := 0.0, []layout{split, flat, full}
	var chosen layout
	images := 1
	for _, l := range layouts {
		n := 1
		if l == full {
			if d.places {
				continue
			}
			n = max(1, min(d.spec.N, fullColumns/max(d.p.outH*d.p.outW, 1)))
		}
		d.p.size(l, d.p.outH, n)
		vecs := len(d.p.vectors(d.p.outH, n))
		taps := d.spec.KH * d.spec.KW
		compute := float64((vecs+1)/2*d.outPanels()*d.inC*taps) * tileCycles
		floats := float64(d.inC * len(d.p.rows.first) * len(d.p.cols.first) * d.p.variant())
		per := copyCycles
		if d.p.cols.stride > 1 {
			per = pickCycles
		}
		cost := compute + floats*(per+rowCycles/float64(d.p.width))
		if n > 1 {
			cost += float64(n*d.outC*d.outPlane) * pickCycles
		}
		if cost /= float64(n); l == split || cost < best {
			best, chosen, images = cost, l, n
		}
	}
	d.p.size(chosen, d.p.outH, images)
	d.places = d.places || images > 1
}

// divide chooses the chunks: bands whose copy fits the cache, then more of them
// while there are too few, and blocks of output channels where bands are short.
func (d *direct) divide() {
	s := d.spec
	l, images := d.p.layout, d.p.images
	d.groups = parallel.Chunks(s.N, images)
	parts, mparts := 1, 1
	for {
		var band int
		band, d.bands = evenly(d.p.outH, parts)
		d.panels, d.mblocks = evenly(d.outPanels(), mparts)
		d.p.size(l, band, images)
		chunks := d.groups * s.Group * d.bands * d.mblocks
		flops := 2 * s.N * d.outPlane * d.outC * d.inC * s.KH * s.KW * s.Group
		few := chunks > 0 && chunks < wantChunks && flops/chunks >= 2*chunkFlops
		canBand := images == 1 && band > 1
		switch {
		case canBand && d.p.len() > bandFloats, canBand && few && band >= 4*(d.p.rows.reach+1):
			parts *= 2
		case few && d.panels >= 4:
			mparts *= 2
		default:
			return
		}
	}
}

func (d *direct) outPanels() int { return parallel.Chunks(d.outC, mr) }

func (d *direct) name() string {
	if d.spec.KH == 1 && d.spec.KW == 1 {
		return "gemm-" + d.p.layout.String()
	}
	return "direct-" + d.p.layout.String()
}

// groupWeights is the number of packed weights of a group.
func (d *direct) groupWeights() int {
	return d.outPanels() * mr * d.inC * d.spec.KH * d.spec.KW
}

func (d *direct) packedLen() int { return d.spec.Group * d.groupWeights() }

// pack brings the weights into panels, for each group, phase and block of k.
func (d *direct) pack(packed, w []float32) {
	d.packed, d.w = packed, w
	d.pool.For(d.spec.Group*d.outPanels(), d.packBody)
	d.packed, d.w = nil, nil
}

// packPanel packs one panel of output channels of a group.
func (d *direct) packPanel(_, i int) {
	g, panel := i/d.outPanels(), i%d.outPanels()
	for _, ph := range d.phases {
		k := len(ph.off)
		for k0 := 0; k0 < k; k0 += d.blockK {
			kc := min(d.blockK, k-k0)
			dst := d.packed[g*d.groupWeights()+ph.at+d.outPanels()*mr*k0+panel*mr*kc:][:mr*kc]
			if d.gradX {
				d.packGrad(dst, &ph, g, panel, k0)
				continue
			}
			a := side{n: d.outC, width: mr, ld: k, kInner: true}
			a.pack(dst, d.w[g*d.outC*k:], panel, panel+1, k0, kc)
		}
	}
}

// packGrad packs the transposed weights w[m,c,tap] as rows c, columns (m, tap).
func (d *direct) packGrad(dst []float32, ph *phase, g, panel, k0 int) {
	taps := d.spec.KH * d.spec.KW
	rows := min(mr, d.outC-panel*mr)
	for k := 0; k < len(dst)/mr; k++ {
		m, t := (k0+k)/len(ph.taps), ph.taps[(k0+k)%len(ph.taps)]
		from := ((g*d.inC+m)*d.outC+panel*mr)*taps + t
		to := dst[k*mr:][:mr]
		clear(to)
		for i := range rows {
			to[i] = d.w[from+i*taps]
		}
	}
}

// columns is the number of columns of the products of a chunk.
func (d *direct) columns() int { return d.p.images * d.p.band * d.p.outW }

// workspace is what a worker needs: its copy of the input and, where results are
// placed afterwards, those.
func (d *direct) workspace() int {
	n := d.p.len()
	if d.places {
		n += len(d.phases) * d.panels * mr * d.columns()
	}
	return n
}

func (d *direct) scratch() int { return d.pool.Threads() * d.workspace() }

func (d *direct) run(y, x, packed, bias, residual, scratch []float32) {
	d.y, d.x, d.packed, d.bias, d.residual, d.scratchRun = y, x, packed, bias, residual, scratch
	d.pool.For(d.groups*d.spec.Group*d.bands*d.mblocks, d.chunkBody)
	d.y, d.x, d.packed, d.bias, d.residual, d.scratchRun = nil, nil, nil, nil, nil, nil
}

// job is a chunk: a range of images, a group, rows and panels of channels.
type job struct {
	n0, n1, g, r0, r1, p0, p1 int
	cols                      []vector
}

func (d *direct) job(i int) job {
	var j job
	block, i := i%d.mblocks, i/d.mblocks
	band, i := i%d.bands, i/d.bands
	j.g, i = i%d.spec.Group, i/d.spec.Group
	j.n0, j.n1 = parallel.Range(i, d.p.images, d.spec.N)
	j.r0, j.r1 = parallel.Range(band, d.p.band, d.p.outH)
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
	s := &d.spec
	j := d.job(i)
	ws := d.scratchRun[worker*d.workspace():][:d.workspace()]
	xs, out := ws[:d.p.len()], ws[d.p.len():]
	inPlane := d.p.inH * d.p.inW
	inAll := s.Group * d.inC * inPlane
	d.p.fill(xs, d.x[j.n0*inAll+j.g*d.inC*inPlane:], j.n1-j.n0, inAll, j.r0, j.r1)
	if !d.places {
		first := (j.n0*s.Group + j.g) * d.outC
		d.sweep(&d.phases[0], &j, xs, d.y, first*d.outPlane+j.r0*d.p.outW, d.outPlane)
		return
	}
	for q := range d.phases {
		d.sweep(&d.phases[q], &j, xs, out[q*d.panels*mr*d.columns():], -j.p0*mr*d.columns(), d.columns())
	}
	if len(d.phases) > 1 {
		d.placeStrided(&j, out)
	} else {
		d.placeImages(&j, out)
	}
}

// sweep computes the columns of a job for one phase. Row r of the result begins
// at out[base+r·ld].
func (d *direct) sweep(ph *phase, j *job, xs, out []float32, base, ld int) {
	s := &d.spec
	k, panels := len(ph.off), d.outPanels()
	a := d.packed[j.g*d.groupWeights()+ph.at:]
	t := ref.Tile{LDC: ld}
	for k0 := 0; k0 < max(k, 1); k0 += d.blockK {
		t.K, t.Accumulate = min(d.blockK, k-k0), k0 > 0
		last := k0+t.K == k
		if t.K > 0 {
			t.Off = &ph.off[k0]
		}
		if last && !(d.places && s.Residual) {
			t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
		}
		for v := 0; v < len(j.cols); v += 2 {
			v0 := j.cols[v]
			v1 := vector{src: v0.src, dst: v0.dst}
			if v+1 < len(j.cols) {
				v1 = j.cols[v+1]
			}
			t.B0, t.B1 = at(xs, int(v0.src)), at(xs, int(v1.src))
			t.N0, t.N1 = int(v0.n), int(v1.n)
			row := base + j.p0*mr*ld
			t.A = at(a, panels*mr*k0+j.p0*mr*t.K)
			t.C0, t.C1 = at(out, row+int(v0.dst)), at(out, row+int(v1.dst))
			if last && s.Bias {
				t.BiasRow = at(d.bias, j.g*d.outC+j.p0*mr)
			}
			if last && s.Residual && !d.places {
				t.Res0, t.Res1 = at(d.residual, row+int(v0.dst)), at(d.residual, row+int(v1.dst))
			}
			tileOffset(&t, min(j.p1*mr, d.outC)-j.p0*mr)
		}
	}
}

// placeImages copies the results for several images to y, and adds the residual.
func (d *direct) placeImages(j *job, out []float32) {
	s := &d.spec
	lo, hi, clamps := s.Act.Bounds(s.Lo, s.Hi)
	for m := j.p0 * mr; m < min(j.p1*mr, d.outC); m++ {
		row := out[(m-j.p0*mr)*d.columns():]
		for n := j.n0; n < j.n1; n++ {
			from := row[(n-j.n0)*d.outPlane:][:d.outPlane]
			first := ((n*s.Group+j.g)*d.outC + m) * d.outPlane
			to := d.y[first:][:d.outPlane]
			copy(to, from)
			if !s.Residual {
				continue
			}
			for i, r := range d.residual[first:][:d.outPlane] {
				to[i] += r
				if clamps {
					if to[i] < lo {
						to[i] = lo
					}
					if to[i] > hi {
						to[i] = hi
					}
				}
			}
		}
	}
}

// placeStrided interleaves the results of the phases in dx.
func (d *direct) placeStrided(j *job, out []float32) {
	s := &d.spec
	for c := j.p0 * mr; c < min(j.p1*mr, d.outC); c++ {
		plane := d.y[((j.n0*s.Group+j.g)*d.outC+c)*d.outPlane:][:d.outPlane]
		for q := range d.phases {
			ph := &d.phases[q]
			from := out[(q*d.panels*mr+c-j.p0*mr)*d.columns():]
			w0 := s.PadLeft/s.StrideW*s.StrideW + ph.col - s.PadLeft
			first := 0
			if w0 < 0 {
				first, w0 = 1, w0+s.StrideW
			}
			for i := j.r0; i < j.r1; i++ {
				h := (i+s.PadTop/s.StrideH)*s.StrideH + ph.row - s.PadTop
				if h < 0 || h >= s.H || w0 >= s.W {
					continue
				}
				row := from[(i-j.r0)*d.p.outW:][:d.p.outW]
				spread(plane[h*s.W+w0:(h+1)*s.W], row[first:], s.StrideW)
			}
		}
	}
}

// spread sets dst[i·stride] = src[i].
func spread(dst, src []float32, stride int) {
	for i := 0; i*stride < len(dst); i++ {
		dst[i*stride] = src[i]
	}
}

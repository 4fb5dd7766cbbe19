package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// isDepthwise tells that each channel is convolved on its own.
func isDepthwise(s ConvSpec) bool { return s.C == s.Group && s.M == s.Group && s.Group > 1 }

// newDepthForward plans the forward pass of s by the method that suits it best.
func newDepthForward(p *parallel.Pool, s ConvSpec) convAlgo {
	if suitsDepthPlane(s) {
		return depthOfPlanes(p, s, false)
	}
	if suitsDepthRows(s) {
		return newDepthRows(p, s)
	}
	return newDepthwise(p, s, false)
}

// newDepthGradX plans the data gradient of s by the method that suits it best.
func newDepthGradX(p *parallel.Pool, s ConvSpec) convAlgo {
	if suitsDepthPlane(s) && s.H*s.W <= depthPlaneOut {
		return depthOfPlanes(p, s, true)
	}
	return newDepthwise(p, s, true)
}

// depthwise convolves each channel with its own kernel, forward or as the data
// gradient, from a padded copy of one plane at a time. A chunk of the work is
// some channels of an image.
type depthwise struct {
	spec     ConvSpec
	pool     *parallel.Pool
	gradX    bool
	p        patches
	phases   []phase
	placer   placer
	vectors  []ref.Vector // whole groups
	per      int          // channels in a chunk
	parts    int          // chunks of an image
	outPlane int

	body                  func(worker, chunk int)
	y, x, packed          []float32
	bias, residual, spare []float32
}

func newDepthwise(p *parallel.Pool, s ConvSpec, gradX bool) *depthwise {
	d := &depthwise{spec: s, pool: p, gradX: gradX, outPlane: s.OutH() * s.OutW()}
	d.p, d.phases = convPatches(s)
	if gradX {
		d.p, d.phases = gradPatches(s)
		d.outPlane = s.H * s.W
		d.placer = newPlacer(s, d.phases)
	}
	d.p.channels = 1
	depthLayout(&d.p)
	d.vectors = d.p.vectors(d.p.outH, 1)
	for len(d.vectors)%ref.DepthGroup != 0 {
		d.vectors = append(d.vectors, ref.Vector{})
	}
	at, all := 0, d.p.offsets()
	for i := range d.phases {
		ph := &d.phases[i]
		ph.at = at
		at += len(ph.taps)
		for _, t := range ph.taps {
			ph.off = append(ph.off, all[t])
		}
	}
	d.per, d.parts = depthParts(p, s)
	d.body = d.chunk
	return d
}

// depthLayout lays the copy of a plane out: flat where rows of the output fill
// so few vectors that more copies cost less.
func depthLayout(p *patches) {
	p.size(split, p.outH, 1)
	wide := len(p.vectors(p.outH, 1))
	p.size(flat, p.outH, 1)
	if 3*len(p.vectors(p.outH, 1)) > 2*wide {
		p.size(split, p.outH, 1)
	}
	p.tabulate()
}

// depthParts divides the channels of an image so that there are chunks enough.
func depthParts(p *parallel.Pool, s ConvSpec) (per, parts int) {
	flops := 2 * s.N * s.C * s.OutH() * s.OutW() * s.KH * s.KW
	want := min(p.Want(), flops/parallel.ChunkFlops)
	return parallel.Evenly(s.C, max(1, min(s.C, parallel.Chunks(want, max(s.N, 1)))))
}

func (d *depthwise) name() string { return "depthwise-" + d.p.layout.String() }

func (d *depthwise) packedLen() int { return d.spec.C * d.spec.KH * d.spec.KW }

// pack groups the taps of each channel by phase.
func (d *depthwise) pack(packed, w []float32) {
	taps := d.spec.KH * d.spec.KW
	for c := range d.spec.C {
		to, from := packed[c*taps:][:taps], w[c*taps:][:taps]
		for i := range d.phases {
			ph := &d.phases[i]
			for k, t := range ph.taps {
				to[ph.at+k] = from[t]
			}
		}
	}
}

// perWorker is the copy of a plane and the results of the phases.
func (d *depthwise) perWorker() int {
	n := d.p.len()
	if len(d.phases) > 1 {
		n += len(d.phases) * d.p.outH * d.p.outW
	}
	return n
}

func (d *depthwise) scratch() int { return d.pool.Threads() * d.perWorker() }

func (d *depthwise) run(y, x, packed, bias, residual, scratch []float32) {
	d.y, d.x, d.packed, d.bias, d.residual, d.spare = y, x, packed, bias, residual, scratch
	d.pool.For(d.spec.N*d.parts, d.body)
	d.y, d.x, d.packed, d.bias, d.residual, d.spare = nil, nil, nil, nil, nil, nil
}

func (d *depthwise) chunk(worker, i int) {
	s := &d.spec
	ws := d.spare[worker*d.perWorker():][:d.perWorker()]
	xs, out := ws[:d.p.len()], ws[d.p.len():]
	n, plane := i/d.parts, d.p.inH*d.p.inW
	c0, c1 := parallel.Range(i%d.parts, d.per, s.C)
	t := ref.Depth{X: &xs[0], Vectors: &d.vectors[0], Groups: len(d.vectors) / ref.DepthGroup}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	for c := c0; c < c1; c++ {
		d.p.fill(xs, d.x[(n*s.C+c)*plane:], 1, 0, 0, d.p.outH, 0, 1)
		y := d.y[(n*s.C+c)*d.outPlane:][:d.outPlane]
		if s.Bias {
			t.Bias = d.bias[c]
		}
		if s.Residual {
			t.Residual = &d.residual[(n*s.C+c)*d.outPlane]
		}
		if len(d.phases) == 1 {
			d.tapsOf(&t, &d.phases[0], c, y)
			continue
		}
		results := d.p.outH * d.p.outW
		for q := range d.phases {
			if ph := &d.phases[q]; len(ph.off) > 0 {
				d.tapsOf(&t, ph, c, out[q*results:])
			}
		}
		d.placer.place(y, out, results, 0, d.p.outH)
	}
}

// tapsOf convolves the copied plane with the taps of a phase.
func (d *depthwise) tapsOf(t *ref.Depth, ph *phase, c int, y []float32) {
	t.Y, t.W = &y[0], &d.packed[c*d.spec.KH*d.spec.KW+ph.at]
	t.Off, t.K = &ph.off[0], len(ph.off)
	depthConv(t)
}

// depthGradW is the weight gradient of a depthwise convolution. A chunk of the
// work is some channels of all images; lanes are added up at the end.
type depthGradW struct {
	spec       ConvSpec
	pool       *parallel.Pool
	p          patches
	vectors    []ref.Vector // whole ones first
	off        []int32      // filled up to whole passes over the taps
	per, parts int

	body             func(worker, chunk int)
	dw, x, dy, spare []float32
}

func newDepthGradW(p *parallel.Pool, s ConvSpec) *depthGradW {
	d := &depthGradW{spec: s, pool: p}
	d.p, _ = convPatches(s)
	d.p.channels = 1
	depthLayout(&d.p)
	for _, whole := range []bool{true, false} {
		for _, v := range d.p.vectors(d.p.outH, 1) {
			if (v.N == vl) == whole {
				d.vectors = append(d.vectors, v)
			}
		}
	}
	d.off = d.p.offsets()
	for len(d.off)%ref.DepthTaps != 0 {
		d.off = append(d.off, d.off[0])
	}
	d.per, d.parts = parallel.Evenly(s.C, p.Want())
	d.body = d.chunk
	return d
}

func (d *depthGradW) name() string { return "depthwise-" + d.p.layout.String() }

func (d *depthGradW) perWorker() int { return d.p.len() + vl*len(d.off) }

func (d *depthGradW) scratch() int { return d.pool.Threads() * d.perWorker() }

func (d *depthGradW) run(dw, x, dy, scratch []float32) {
	d.dw, d.x, d.dy, d.spare = dw, x, dy, scratch
	d.pool.For(d.parts, d.body)
	d.dw, d.x, d.dy, d.spare = nil, nil, nil, nil
}

func (d *depthGradW) chunk(worker, i int) {
	s := &d.spec
	ws := d.spare[worker*d.perWorker():][:d.perWorker()]
	xs, sums := ws[:d.p.len()], ws[d.p.len():]
	in, out, taps := s.H*s.W, s.OutH()*s.OutW(), s.KH*s.KW
	t := ref.Depth{X: &xs[0], W: &sums[0], Off: &d.off[0], K: len(d.off), Vectors: &d.vectors[0], Groups: len(d.vectors)}
	c0, c1 := parallel.Range(i, d.per, s.C)
	for c := c0; c < c1; c++ {
		clear(sums)
		for n := range s.N {
			d.p.fill(xs, d.x[(n*s.C+c)*in:], 1, 0, 0, d.p.outH, 0, 1)
			t.Y = &d.dy[(n*s.C+c)*out]
			depthGrad(&t)
		}
		for k := range taps {
			sum := float32(0)
			for _, v := range sums[vl*k:][:vl] {
				sum += v
			}
			d.dw[c*taps+k] = sum
		}
	}
}

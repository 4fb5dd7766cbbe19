package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// padded convolves each channel with its own kernel, forward or as the data
// gradient, from a padded copy of one plane at a time. A chunk of the work is
// some channels of an image.
type padded struct {
	spec     method.Spec
	pool     *parallel.Pool
	gradX    bool
	p        patch.Input
	phases   []patch.Phase
	placer   patch.Placer
	vectors  []ref.Vector // whole groups
	per      int          // channels in a chunk
	parts    int          // chunks of an image
	outPlane int

	body func(worker, chunk int)
	paddedRun
}

// paddedRun is the run in progress.
type paddedRun struct {
	method.Operands
	workspace []float32 // of the workers
}

func newPadded(p *parallel.Pool, s method.Spec, gradX bool) *padded {
	d := &padded{spec: s, pool: p, gradX: gradX, outPlane: s.OutH() * s.OutW()}
	d.p, d.phases = patch.Forward(s)
	if gradX {
		d.p, d.phases = patch.GradX(s)
		d.outPlane = s.H * s.W
		d.placer = patch.NewPlacer(s, d.phases)
	}
	d.p.Channels = 1
	layOut(&d.p)
	d.vectors = d.p.Vectors(d.p.OutH, 1, ref.VL)
	for len(d.vectors)%ref.DepthGroup != 0 {
		d.vectors = append(d.vectors, ref.Vector{})
	}
	at, all := 0, d.p.Offsets()
	for i := range d.phases {
		ph := &d.phases[i]
		ph.At = at
		at += len(ph.Taps)
		for _, t := range ph.Taps {
			ph.Off = append(ph.Off, all[t])
		}
	}
	d.per, d.parts = divide(p, s)
	d.body = d.chunk
	return d
}

func (d *padded) Name() string { return "depthwise-" + d.p.Layout.String() }

func (d *padded) PackedLen() int { return d.spec.C * d.spec.KH * d.spec.KW }

// Pack groups the taps of each channel by phase.
func (d *padded) Pack(packed, w []float32) {
	taps := d.spec.KH * d.spec.KW
	for c := range d.spec.C {
		to, from := packed[c*taps:][:taps], w[c*taps:][:taps]
		for i := range d.phases {
			ph := &d.phases[i]
			for k, t := range ph.Taps {
				to[ph.At+k] = from[t]
			}
		}
	}
}

// perWorker is the copy of a plane and the results of the phases.
func (d *padded) perWorker() int {
	n := d.p.Len()
	if len(d.phases) > 1 {
		n += len(d.phases) * d.p.OutH * d.p.OutW
	}
	return n
}

func (d *padded) Scratch() int { return d.pool.Threads() * d.perWorker() }

func (d *padded) Run(o method.Operands, scratch []float32) {
	d.paddedRun = paddedRun{o, scratch}
	d.pool.For(d.spec.N*d.parts, d.body)
	d.paddedRun = paddedRun{}
}

func (d *padded) chunk(worker, i int) {
	s := &d.spec
	ws := d.workspace[worker*d.perWorker():][:d.perWorker()]
	xs, out := ws[:d.p.Len()], ws[d.p.Len():]
	n, plane := i/d.parts, d.p.InH*d.p.InW
	c0, c1 := parallel.Range(i%d.parts, d.per, s.C)
	t := ref.Depth{X: &xs[0], Vectors: &d.vectors[0], Groups: len(d.vectors) / ref.DepthGroup}
	t.Lo, t.Hi, t.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	for c := c0; c < c1; c++ {
		d.p.Fill(xs, d.X[(n*s.C+c)*plane:], 1, 0, 0, d.p.OutH, 0, 1)
		y := d.Y[(n*s.C+c)*d.outPlane:][:d.outPlane]
		if s.Bias {
			t.Bias = d.Bias[c]
		}
		if s.Residual {
			t.Residual = &d.Residual[(n*s.C+c)*d.outPlane]
		}
		if len(d.phases) == 1 {
			d.tapsOf(&t, &d.phases[0], c, y)
			continue
		}
		results := d.p.OutH * d.p.OutW
		for q := range d.phases {
			if ph := &d.phases[q]; len(ph.Off) > 0 {
				d.tapsOf(&t, ph, c, out[q*results:])
			}
		}
		d.placer.Place(y, out, results, 0, d.p.OutH)
	}
}

// tapsOf convolves the copied plane with the taps of a phase.
func (d *padded) tapsOf(t *ref.Depth, ph *patch.Phase, c int, y []float32) {
	t.Y, t.W = &y[0], &d.Packed[c*d.spec.KH*d.spec.KW+ph.At]
	t.Off, t.K = &ph.Off[0], len(ph.Off)
	convolve(t)
}

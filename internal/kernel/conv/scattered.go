package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/parallel"
)

// scattered is the data gradient of a convolution whose windows do not overlap, the way back of
// [gathered]: that of a pointwise convolution of strides of 1, whose channels are the taps of
// a channel of dx. What no tap reaches is zero.
type scattered struct {
	estimated // the data gradient of what is gathered
	spec      Spec
	pool      *parallel.Pool
	placer    patch.Placer
	plane     int // floats of a channel of what is gathered
	taps      int

	body func(worker, chunk int)
	x, y []float32 // of the run in progress
}

func newScattered(p *parallel.Pool, s Spec) *scattered {
	of := s
	of.C, of.M, of.KH, of.KW = s.M, s.C*s.KH*s.KW, 1, 1
	of.H, of.W, of.StrideH, of.StrideW = s.OutH(), s.OutW(), 1, 1
	_, phases := patch.GradX(s)
	d := &scattered{estimated: pointwiseOf(p, of, of, true), spec: s, pool: p, placer: patch.NewPlacer(s, phases),
		plane: of.H * of.W, taps: s.KH * s.KW}
	d.body = d.scatter
	return d
}

// coversPatches reports whether the windows of s lie side by side and cover all of the input.
func coversPatches(s Spec) bool {
	return s.Group == 1 && s.KH == s.StrideH && s.KW == s.StrideW && s.DilationH == 1 && s.DilationW == 1 &&
		s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && s.H%s.StrideH == 0 && s.W%s.StrideW == 0 && s.N > 0
}

func (d *scattered) Scratch() int { return d.len() + d.estimated.Scratch() }

func (d *scattered) len() int { return d.spec.N * d.spec.C * d.taps * d.plane }

func (d *scattered) Run(o method.Operands, scratch []float32) {
	d.x, d.y = scratch[:d.len()], o.Y
	o.Y = d.x
	d.estimated.Run(o, scratch[d.len():])
	d.pool.For(parallel.Chunks(d.spec.N*d.spec.C, d.perChunk()), d.body)
	d.x, d.y = nil, nil
}

// perChunk is how many planes, in the order in which they lie, a chunk of placing takes.
func (d *scattered) perChunk() int {
	const floats = 8192
	return max(1, floats/(d.spec.H*d.spec.W))
}

// scatter places the taps [N,C,tap,plane] in the planes of dx.
func (d *scattered) scatter(_, chunk int) {
	s := &d.spec
	p0, p1 := parallel.Range(chunk, d.perChunk(), s.N*s.C)
	for p := p0; p < p1; p++ {
		d.placer.Place(d.y[p*s.H*s.W:][:s.H*s.W], d.x[p*d.taps*d.plane:], d.plane, 0, s.OutH())
	}
}

// Cycles estimates those of a run on one thread.
func (d *scattered) Cycles() float64 {
	s := &d.spec
	return d.estimated.Cycles() + method.PickCycles*float64(s.N*s.C*s.H*s.W)
}

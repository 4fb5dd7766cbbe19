package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/parallel"
)

// scattered is the data gradient of a convolution, the way back of [gathered]: that of a
// pointwise convolution of strides of 1, whose channels are the taps of a channel of dx.
// Where windows overlap, what their taps give to a pixel is added; what no tap reaches is
// zero. Weights are packed as they lie, and read once for all pixels.
type scattered struct {
	estimated // the data gradient of what is gathered
	spec      Spec
	pool      *parallel.Pool
	placer    patch.Placer
	to        []int32 // where windows overlap: of each element of each tap its pixel, or -1
	plane     int     // floats of a channel of what is gathered
	taps      int

	body func(worker, chunk int)
	x, y []float32 // of the run in progress
}

func newScattered(p *parallel.Pool, s Spec) *scattered {
	of := s
	of.C, of.M, of.KH, of.KW = s.M, s.C*s.KH*s.KW, 1, 1
	of.H, of.W, of.StrideH, of.StrideW, of.DilationH, of.DilationW = s.OutH(), s.OutW(), 1, 1, 1, 1
	of.PadTop, of.PadLeft, of.PadBottom, of.PadRight = 0, 0, 0, 0
	d := &scattered{estimated: pointwiseOf(p, of, of, true), spec: s, pool: p, plane: of.H * of.W, taps: s.KH * s.KW}
	if isPointwise(s) || coversPatches(s) {
		_, phases := patch.GradX(s)
		d.placer = patch.NewPlacer(s, phases)
	} else {
		d.tabulate()
	}
	d.body = d.scatter
	return d
}

// tabulate lists the pixels.
func (d *scattered) tabulate() {
	s := &d.spec
	for tap := range d.taps {
		for i := range d.plane {
			h := i/s.OutW()*s.StrideH + tap/s.KW*s.DilationH - s.PadTop
			w := i%s.OutW()*s.StrideW + tap%s.KW*s.DilationW - s.PadLeft
			if h < 0 || h >= s.H || w < 0 || w >= s.W {
				h, w = 0, -1
			}
			d.to = append(d.to, int32(h*s.W+w))
		}
	}
}

// suitsScattered reports whether scattered can compute a data gradient of longer strides whose
// windows overlap, from products that stay in the caches until they are added.
func suitsScattered(s Spec) bool {
	return s.Group == 1 && s.StrideH*s.StrideW > 1 && s.N*s.C*s.KH*s.KW*s.OutH()*s.OutW() <= gatheredFloats
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

// scatter brings the taps [N,C,tap,plane] into the planes of dx.
func (d *scattered) scatter(_, chunk int) {
	s := &d.spec
	p0, p1 := parallel.Range(chunk, d.perChunk(), s.N*s.C)
	for p := p0; p < p1; p++ {
		dx, taps := d.y[p*s.H*s.W:][:s.H*s.W], d.x[p*d.taps*d.plane:][:d.taps*d.plane]
		if d.to == nil {
			d.placer.Place(dx, taps, d.plane, 0, s.OutH())
			continue
		}
		clear(dx)
		for i, at := range d.to {
			if at >= 0 {
				dx[at] += taps[i]
			}
		}
	}
}

// Cycles per float of what is left over once the product is counted, see [placeCycles].
const (
	addCycles   = 5.0 // of a tap, added to its pixel
	weighCycles = 1.5 // of the weights, packed
)

// Cycles estimates those of a run on one thread.
func (d *scattered) Cycles() float64 {
	s := &d.spec
	cost := method.PickCycles * float64(s.H*s.W)
	if d.to != nil {
		cost = addCycles * float64(len(d.to))
	}
	return d.estimated.Cycles() + cost*float64(s.N*s.C) +
		weighCycles*float64(d.PackedLen()) + method.StreamCycles(d.PackedLen(), 1)
}

package depthwise

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/patch"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// gradW is the weight gradient of a depthwise convolution. A chunk of the
// work is some channels of all images; lanes are added up at the end.
type gradW struct {
	spec       method.Spec
	pool       *parallel.Pool
	p          patch.Input
	vectors    []ref.Vector // whole ones first
	off        []int32      // filled up to whole passes over the taps
	per, parts int

	body func(worker, chunk int)
	gradRun
}

// gradRun is the run in progress.
type gradRun struct {
	method.GradOperands
	workspace []float32 // of the workers
}

func NewGradW(p *parallel.Pool, s method.Spec) *gradW {
	d := &gradW{spec: s, pool: p}
	d.p, _ = patch.Forward(s)
	d.p.Channels = 1
	layOut(&d.p)
	for _, whole := range []bool{true, false} {
		for _, v := range d.p.Vectors(d.p.OutH, 1, ref.VL) {
			if (v.N == tile.VL) == whole {
				d.vectors = append(d.vectors, v)
			}
		}
	}
	d.off = d.p.Offsets()
	for len(d.off)%ref.DepthTaps != 0 {
		d.off = append(d.off, d.off[0])
	}
	d.per, d.parts = parallel.Evenly(s.C, p.Want())
	d.body = d.chunk
	return d
}

func (d *gradW) Name() string { return "depthwise-" + d.p.Layout.String() }

func (d *gradW) perWorker() int { return d.p.Len() + tile.VL*len(d.off) }

func (d *gradW) Scratch() int { return d.pool.Threads() * d.perWorker() }

func (d *gradW) Run(o method.GradOperands, scratch []float32) {
	d.gradRun = gradRun{o, scratch}
	d.pool.For(d.parts, d.body)
	d.gradRun = gradRun{}
}

func (d *gradW) chunk(worker, i int) {
	s := &d.spec
	ws := d.workspace[worker*d.perWorker():][:d.perWorker()]
	xs, sums := ws[:d.p.Len()], ws[d.p.Len():]
	in, out, taps := s.H*s.W, s.OutH()*s.OutW(), s.KH*s.KW
	t := ref.Depth{X: &xs[0], W: &sums[0], Off: &d.off[0], K: len(d.off), Vectors: &d.vectors[0], Groups: len(d.vectors)}
	c0, c1 := parallel.Range(i, d.per, s.C)
	for c := c0; c < c1; c++ {
		clear(sums)
		for n := range s.N {
			d.p.Fill(xs, d.X[(n*s.C+c)*in:], 1, 0, 0, d.p.OutH, 0, 1)
			t.Y = &d.DY[(n*s.C+c)*out]
			gradient(&t)
		}
		for k := range taps {
			sum := float32(0)
			for _, v := range sums[tile.VL*k:][:tile.VL] {
				sum += v
			}
			d.DW[c*taps+k] = sum
		}
	}
}

package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// gathered is a pointwise convolution of longer strides: of the elements that they take,
// side by side, it is one of strides of 1.
type gathered struct {
	method.Conv // of what is gathered
	spec        Spec
	pool        *parallel.Pool
	plane       int // floats of a channel of what is gathered

	body func(worker, chunk int)
	x, y []float32 // of the run in progress
}

func newGathered(p *parallel.Pool, s Spec) *gathered {
	of := s
	of.H, of.W, of.StrideH, of.StrideW = s.OutH(), s.OutW(), 1, 1
	g := &gathered{Conv: pointwiseOf(p, of, false), spec: s, pool: p, plane: of.H * of.W}
	g.body = g.gather
	return g
}

func (g *gathered) Scratch() int { return g.len() + g.Conv.Scratch() }

func (g *gathered) len() int { return g.spec.N * g.spec.C * g.plane }

func (g *gathered) Run(o method.Operands, scratch []float32) {
	g.x, g.y = o.X, scratch[:g.len()]
	g.pool.For(parallel.Chunks(g.spec.C, g.channels()), g.body)
	o.X = g.y
	g.x, g.y = nil, nil
	g.Conv.Run(o, scratch[g.len():])
}

// channels is how many channels, of all images, a chunk of copying takes.
func (g *gathered) channels() int {
	const floats = 4096
	return max(1, floats/(g.spec.N*g.plane))
}

// gather brings the elements that the strides take side by side: [N,C,plane].
func (g *gathered) gather(_, chunk int) {
	s := &g.spec
	c0, c1 := parallel.Range(chunk, g.channels(), s.C)
	per := s.H * s.W
	for i := c0 * s.N; i < c1*s.N; i++ {
		at := i%s.N*s.C + i/s.N
		tile.CopyRows(&g.y[at*g.plane], &g.x[at*per], s.OutH(), s.OutW(), s.OutW(), s.StrideH*s.W, s.StrideW)
	}
}

package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// gathered is a convolution whose windows do not overlap: pointwise of longer strides, or of
// patches, windows as large as their stride. Each tap of a channel reads elements of its own,
// and side by side they are a channel of a pointwise convolution of strides of 1.
type gathered struct {
	estimated // the convolution of what is gathered
	spec      Spec
	pool      *parallel.Pool
	plane     int // floats of a channel of what is gathered
	taps      int

	body func(worker, chunk int)
	x, y []float32 // of the run in progress
}

// newGathered plans s, of what is gathered by the method that is best for all.
func newGathered(p *parallel.Pool, s, all Spec) *gathered {
	of := s
	of.C, of.KH, of.KW = s.C*s.KH*s.KW, 1, 1
	of.H, of.W, of.StrideH, of.StrideW = s.OutH(), s.OutW(), 1, 1
	of.Constant = s.Constant && isPointwise(s) // else by a method of the same bits as direct convolution
	ofAll := of
	ofAll.N = all.N
	g := &gathered{estimated: pointwiseOf(p, of, ofAll, false), spec: s, pool: p, plane: of.H * of.W, taps: s.KH * s.KW}
	g.body = g.gather
	return g
}

// gatheredFloats is the most that is gathered of patches: what stays in the caches until it is
// multiplied. The copies that direct convolution makes are of some rows at a time.
const gatheredFloats = 1 << 19

// isPatches reports whether s is of patches, and sums them as a pointwise convolution does: the
// same bits, whichever method is taken.
func isPatches(s Spec) bool {
	taps := s.KH * s.KW
	block, depth := max(directK/taps, 1)*taps, turnedDepth
	return s.Group == 1 && s.KH == s.StrideH && s.KW == s.StrideW && s.DilationH == 1 && s.DilationW == 1 &&
		s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && s.N > 0 &&
		(block == depth || s.C*taps <= min(block, depth))
}

func (g *gathered) Scratch() int { return g.len() + g.estimated.Scratch() }

func (g *gathered) len() int { return g.spec.N * g.spec.C * g.taps * g.plane }

func (g *gathered) Run(o method.Operands, scratch []float32) {
	g.x, g.y = o.X, scratch[:g.len()]
	g.pool.For(parallel.Chunks(g.spec.N*g.spec.C, g.perChunk()), g.body)
	o.X = g.y
	g.x, g.y = nil, nil
	g.estimated.Run(o, scratch[g.len():])
}

// perChunk is how many planes, in the order in which they lie, a chunk of copying takes.
func (g *gathered) perChunk() int {
	const floats = 4096
	return max(1, floats/(g.taps*g.plane))
}

// gather brings the elements that the taps take side by side: [N,C,tap,plane].
func (g *gathered) gather(_, chunk int) {
	s := &g.spec
	p0, p1 := parallel.Range(chunk, g.perChunk(), s.N*s.C)
	per := s.H * s.W
	for p := p0; p < p1; p++ {
		for tap := range g.taps {
			from := p*per + tap/s.KW*s.W + tap%s.KW
			tile.CopyRows(&g.y[(p*g.taps+tap)*g.plane], &g.x[from], s.OutH(), s.OutW(), s.OutW(), s.StrideH*s.W, s.StrideW)
		}
	}
}

// Cycles estimates those of a run on one thread.
func (g *gathered) Cycles() float64 {
	return g.estimated.Cycles() + method.PickCycles*float64(g.len())
}

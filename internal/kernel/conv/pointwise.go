package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// pointwise convolves with a kernel of one tap and one group: for each image the
// product of the weights and the planes, which are read where they lie. Strides
// are gathered first. Planes so small that they would fill panels badly are merged
// to one product.
type pointwise struct {
	spec    Spec
	pool    *parallel.Pool
	gemm    *gemm.Plan
	in, out int  // channels
	plane   int  // floats of a channel of the result
	merged  bool // planes of all images are columns of one product

	gatherBody  func(worker, chunk int)
	x, gathered []float32 // of the run in progress, with strides
}

// isPointwise reports whether pointwise can compute s.
func isPointwise(s Spec) bool {
	return s.KH == 1 && s.KW == 1 && s.Group == 1 && s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && s.N > 0
}

// newPointwise makes the forward pass of s.
func newPointwise(p *parallel.Pool, s Spec) *pointwise {
	return makePointwise(p, s, gemm.Spec{M: s.M, K: s.C}, s.OutH()*s.OutW())
}

// newPointwiseGradX makes the data gradient of s, of strides of 1.
func newPointwiseGradX(p *parallel.Pool, s Spec) *pointwise {
	return makePointwise(p, s, gemm.Spec{M: s.C, K: s.M, TransA: true}, s.H*s.W)
}

func makePointwise(p *parallel.Pool, s Spec, g gemm.Spec, plane int) *pointwise {
	c := &pointwise{spec: s, pool: p, in: g.K, out: g.M, plane: plane}
	panels := parallel.Chunks(plane, tile.NR)
	c.merged = s.N > 1 && 8*parallel.Chunks(s.N*plane, tile.NR) <= 7*s.N*panels
	g.BiasRow, g.Act, g.Lo, g.Hi = s.Bias, s.Act, s.Lo, s.Hi
	if c.merged {
		c.gemm = gemm.NewOfPlanes(p, g, s.N, plane, s.Residual)
	} else {
		g.N, g.Batch, g.StrideB, g.StrideC = plane, s.N, c.in*plane, c.out*plane
		c.gemm = gemm.New(p, g)
	}
	c.gatherBody = c.gather
	return c
}

func (c *pointwise) gathers() bool { return c.spec.StrideH > 1 || c.spec.StrideW > 1 }

func (c *pointwise) Name() string {
	if c.merged {
		return "gemm-merged"
	}
	return "gemm"
}

func (c *pointwise) PackedLen() int { return c.gemm.PackedLenA() }

func (c *pointwise) Pack(packed, w []float32) { c.gemm.PackIntoA(packed, w) }

func (c *pointwise) Scratch() int { return c.gatheredLen() + c.gemm.Scratch() }

func (c *pointwise) gatheredLen() int {
	if c.gathers() {
		return c.spec.N * c.in * c.plane
	}
	return 0
}

func (c *pointwise) Run(o method.Operands, scratch []float32) {
	n := c.gatheredLen()
	if c.gathers() {
		c.x, c.gathered = o.X, scratch[:n]
		c.pool.For(parallel.Chunks(c.in, c.channels()), c.gatherBody)
		o.X = c.gathered
		c.x, c.gathered = nil, nil
	}
	if !c.spec.Residual {
		o.Residual = nil
	}
	c.gemm.RunResidual(o.Y, o.Packed, o.X, o.Bias, o.Residual, scratch[n:])
}

// channels is how many channels, of all images, a chunk of copying takes.
func (c *pointwise) channels() int {
	const floats = 4096
	return max(1, floats/(c.spec.N*c.plane))
}

// gather brings the elements that the strides take side by side: [N,C,plane].
func (c *pointwise) gather(_, chunk int) {
	s := &c.spec
	c0, c1 := parallel.Range(chunk, c.channels(), c.in)
	per := s.H * s.W
	for i := c0 * s.N; i < c1*s.N; i++ {
		at := i%s.N*c.in + i/s.N
		tile.CopyRows(&c.gathered[at*c.plane], &c.x[at*per], s.OutH(), s.OutW(), s.OutW(), s.StrideH*s.W, s.StrideW)
	}
}

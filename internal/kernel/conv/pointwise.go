package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// pointwise convolves with a kernel of one tap, one group and strides of 1: for each image
// the product of the weights and the planes. Planes so small that they would fill panels
// badly are merged to one product.
type pointwise struct {
	spec    Spec
	gemm    *gemm.Plan
	in, out int  // channels
	plane   int  // floats of a channel
	merged  bool // planes of all images are columns of one product
}

// isPointwise reports whether s has a kernel of one tap and one group.
func isPointwise(s Spec) bool {
	return s.KH == 1 && s.KW == 1 && s.Group == 1 && s.PadTop|s.PadLeft|s.PadBottom|s.PadRight == 0 && s.N > 0
}

// newPointwise makes the forward pass of s, or with flipped weights the data gradient of
// another.
func newPointwise(p *parallel.Pool, s Spec, flipped bool) *pointwise {
	plane := s.H * s.W
	c := &pointwise{spec: s, in: s.C, out: s.M, plane: plane}
	g := gemm.Spec{M: s.M, K: s.C, TransA: flipped, BiasRow: s.Bias, Act: s.Act, Lo: s.Lo, Hi: s.Hi}
	panels := parallel.Chunks(plane, tile.NR)
	c.merged = s.N > 1 && 8*parallel.Chunks(s.N*plane, tile.NR) <= 7*s.N*panels
	if c.merged {
		c.gemm = gemm.NewOfPlanes(p, g, s.N, plane, s.Residual)
	} else {
		g.N, g.Batch, g.StrideB, g.StrideC = plane, s.N, c.in*plane, c.out*plane
		c.gemm = gemm.New(p, g)
	}
	return c
}

func (c *pointwise) Name() string {
	if c.merged {
		return "gemm-merged"
	}
	return "gemm"
}

func (c *pointwise) PackedLen() int { return c.gemm.PackedLenA() }

func (c *pointwise) Pack(packed, w []float32) { c.gemm.PackIntoA(packed, w) }

func (c *pointwise) Scratch() int { return c.gemm.Scratch() }

func (c *pointwise) Run(o method.Operands, scratch []float32) {
	if !c.spec.Residual {
		o.Residual = nil
	}
	c.gemm.RunResidual(o.Y, o.Packed, o.X, o.Bias, o.Residual, scratch)
}

// Cycles estimates those of a run on one thread.
func (c *pointwise) Cycles() float64 {
	n := c.spec.N
	panels, pack, store := n*parallel.Chunks(c.plane, tile.NR), packCycles, storeCycles
	if c.merged {
		panels, pack, store = parallel.Chunks(n*c.plane, tile.NR), method.PickCycles, method.PickCycles
	}
	products := method.TileCycles * float64(panels*parallel.Chunks(c.out, tile.MR)*c.in)
	return products + pack*float64(panels*tile.NR*c.in) + store*float64(n*c.plane*c.out)
}

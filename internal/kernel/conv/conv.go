package conv

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// Spec describes y = act(conv(x, w) + bias + residual); see [ref.ConvSpec].
type Spec = method.Spec

// Plan is a plan for y[N,M,OH,OW] = act(conv(x[N,C,H,W], w[M,C/Group,KH,KW]) + bias[M] + residual).
type Plan struct {
	spec Spec
	algo method.Conv
}

// New plans a convolution by the method that is fastest for its shape.
// The spec must be valid.
func New(p *parallel.Pool, s Spec) *Plan { return NewPart(p, s, s.N) }

// NewPart plans the convolution of s.N of the images of a batch: by the method that New takes
// for all of the batch, so that the bits are those of its plan.
func NewPart(p *parallel.Pool, s Spec, batch int) *Plan {
	all := s
	all.N = batch
	return &Plan{s, newConv(p, s, all)}
}

// Algorithm names the method.
func (c *Plan) Algorithm() string { return c.algo.Name() }

// Scratch is the number of float32s of workspace that Run and RunPacked want, or
// RunPacked alone if the weights are constant.
func (c *Plan) Scratch() int {
	if c.spec.Constant {
		return c.algo.Scratch()
	}
	return c.algo.PackedLen() + c.algo.Scratch()
}

// Run computes y with weights that are not constant. bias and residual are read
// where the spec has them; residual may not overlap y.
func (c *Plan) Run(y, x, w, bias, residual, scratch []float32) {
	_, nw, _ := c.spec.Lengths()
	check.Len("w", w, nw)
	check.Len("scratch", scratch, c.Scratch())
	n := c.algo.PackedLen()
	c.algo.Pack(scratch[:n], w)
	c.run(method.Operands{Y: y, X: x, W: w, Packed: scratch[:n], Bias: bias, Residual: residual}, scratch[n:])
}

// PackedLen is the number of float32s that Prepack writes.
func (c *Plan) PackedLen() int { return c.algo.PackedLen() }

// Prepack writes constant weights to packed, in the order in which RunPacked reads them.
func (c *Plan) Prepack(packed, w []float32) {
	_, nw, _ := c.spec.Lengths()
	check.Len("w", w, nw)
	check.Len("packed", packed, c.algo.PackedLen())
	c.algo.Pack(packed, w)
}

// RunPacked is Run with constant weights, which Prepack of a plan of the same spec wrote.
func (c *Plan) RunPacked(y, x, packed, bias, residual, scratch []float32) {
	c.run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: residual}, scratch)
}

func (c *Plan) run(o method.Operands, scratch []float32) {
	nx, _, ny := c.spec.Lengths()
	check.Len("y", o.Y, ny)
	check.Len("x", o.X, nx)
	check.Len("packed", o.Packed, c.algo.PackedLen())
	check.Len("scratch", scratch, c.algo.Scratch())
	if c.spec.Bias {
		check.Len("bias", o.Bias, c.spec.M)
	}
	if c.spec.Residual {
		check.Len("residual", o.Residual, ny)
	}
	c.algo.Run(o, scratch)
}

// GradX is a plan for dx[N,C,H,W], the gradient of Σ dy·conv(x, w) with
// respect to x, which is also the forward pass of ONNX's ConvTranspose, plus a residual
// of x's shape where the spec has one: what other paths add to the gradient.
type GradX struct {
	spec Spec
	algo method.Conv
	pool *parallel.Pool

	addBody      func(worker, chunk int) // adds the residual; nil where the method does
	dx, residual []float32               // of the run in progress
}

// addedAtATime is how many elements a chunk adds.
const addedAtATime = 1 << 14

// NewGradX plans the data gradient of the convolution s, whose bias and activation play no
// part. The spec must be valid.
func NewGradX(p *parallel.Pool, s Spec) *GradX {
	s.Bias, s.Act, s.Constant = false, tile.ActNone, false
	alone := s
	alone.Residual = false
	g := &GradX{spec: s, algo: newGradX(p, alone), pool: p}
	if !s.Residual {
		return g
	}
	switch g.algo.(type) {
	case *winograd.Conv, *pointwise, *strips, *turned:
		g.algo = newGradX(p, s)
	default:
		g.addBody = g.add
	}
	return g
}

// Algorithm names the method.
func (g *GradX) Algorithm() string { return g.algo.Name() }

// Scratch is the number of float32s of workspace that Run wants.
func (g *GradX) Scratch() int { return g.algo.PackedLen() + g.algo.Scratch() }

// Run computes dx from dy[N,M,OH,OW] and w[M,C/Group,KH,KW]. residual is read where the spec has
// one, and may not overlap dx.
func (g *GradX) Run(dx, dy, w, residual, scratch []float32) {
	nx, nw, ny := g.spec.Lengths()
	check.Len("dx", dx, nx)
	check.Len("dy", dy, ny)
	check.Len("w", w, nw)
	check.Len("scratch", scratch, g.Scratch())
	n := g.algo.PackedLen()
	if g.spec.Residual {
		check.Len("residual", residual, nx)
	}
	g.algo.Pack(scratch[:n], w)
	g.algo.Run(method.Operands{Y: dx, X: dy, W: w, Packed: scratch[:n], Residual: residual}, scratch[n:])
	if g.addBody != nil {
		g.dx, g.residual = dx[:nx], residual
		g.pool.For(parallel.Chunks(nx, addedAtATime), g.addBody)
		g.dx, g.residual = nil, nil
	}
}

func (g *GradX) add(_, chunk int) {
	lo, hi := parallel.Range(chunk, addedAtATime, len(g.dx))
	vec.Add(g.dx[lo:hi], g.dx[lo:hi], g.residual[lo:hi])
}

// GradW is a plan for dw[M,C/Group,KH,KW], the gradient of Σ dy·conv(x, w)
// with respect to w.
type GradW struct {
	spec Spec
	algo method.GradW
}

// NewGradW plans the weight gradient of the convolution s, whose bias,
// residual and activation play no part. The spec must be valid.
func NewGradW(p *parallel.Pool, s Spec) *GradW {
	s.Bias, s.Residual, s.Act, s.Constant = false, false, tile.ActNone, false
	return &GradW{s, newGradW(p, s)}
}

// Algorithm names the method.
func (g *GradW) Algorithm() string { return g.algo.Name() }

// Scratch is the number of float32s of workspace that Run wants.
func (g *GradW) Scratch() int { return g.algo.Scratch() }

// Run computes dw from x[N,C,H,W] and dy[N,M,OH,OW].
func (g *GradW) Run(dw, x, dy, scratch []float32) {
	nx, nw, ny := g.spec.Lengths()
	check.Len("dw", dw, nw)
	check.Len("x", x, nx)
	check.Len("dy", dy, ny)
	check.Len("scratch", scratch, g.algo.Scratch())
	g.algo.Run(method.GradOperands{DW: dw, X: x, DY: dy}, scratch)
}

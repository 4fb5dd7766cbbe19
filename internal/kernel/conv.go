package kernel

import "memprobe/internal/parallel"

// Conv is a plan for y[N,M,OH,OW] = act(conv(x[N,C,H,W], w[M,C/Group,KH,KW]) + bias[M] + residual).
type Conv struct {
	spec ConvSpec
	algo convAlgo
}

// NewConv plans a convolution by the method that is fastest for its shape.
// The spec must be valid.
func NewConv(p *parallel.Pool, s ConvSpec) *Conv { return &Conv{s, newConvAlgo(p, s)} }

// Algorithm names the method.
func (c *Conv) Algorithm() string { return c.algo.name() }

// Scratch is the number of float32s of workspace that Run and RunPacked want, or
// RunPacked alone if the weights are constant.
func (c *Conv) Scratch() int {
	if c.spec.Constant {
		return c.algo.scratch()
	}
	return c.algo.packedLen() + c.algo.scratch()
}

// Run computes y with weights that are not constant. bias and residual are read
// where the spec has them; residual may not overlap y.
func (c *Conv) Run(y, x, w, bias, residual, scratch []float32) {
	_, nw, _ := c.spec.Lengths()
	need("w", w, nw)
	need("scratch", scratch, c.Scratch())
	n := c.algo.packedLen()
	c.algo.pack(scratch[:n], w)
	c.RunPacked(y, x, scratch[:n], bias, residual, scratch[n:])
}

// Prepack returns constant weights in the order in which RunPacked reads them.
func (c *Conv) Prepack(w []float32) []float32 {
	_, nw, _ := c.spec.Lengths()
	need("w", w, nw)
	packed := make([]float32, c.algo.packedLen())
	c.algo.pack(packed, w)
	return packed
}

// RunPacked is Run with weights that Prepack of a plan of the same spec returned.
func (c *Conv) RunPacked(y, x, packed, bias, residual, scratch []float32) {
	nx, _, ny := c.spec.Lengths()
	need("y", y, ny)
	need("x", x, nx)
	need("packed", packed, c.algo.packedLen())
	need("scratch", scratch, c.algo.scratch())
	if c.spec.Bias {
		need("bias", bias, c.spec.M)
	}
	if c.spec.Residual {
		need("residual", residual, ny)
	}
	c.algo.run(y, x, packed, bias, residual, scratch)
}

// ConvGradX is a plan for dx[N,C,H,W], the gradient of Σ dy·conv(x, w) with
// respect to x, which is also the forward pass of ONNX's ConvTranspose.
type ConvGradX struct {
	spec ConvSpec
	algo convAlgo
}

// NewConvGradX plans the data gradient of the convolution s, whose bias,
// residual and activation play no part. The spec must be valid.
func NewConvGradX(p *parallel.Pool, s ConvSpec) *ConvGradX {
	s.Bias, s.Residual, s.Act, s.Constant = false, false, ActNone, false
	return &ConvGradX{s, newGradXAlgo(p, s)}
}

// Algorithm names the method.
func (g *ConvGradX) Algorithm() string { return g.algo.name() }

// Scratch is the number of float32s of workspace that Run wants.
func (g *ConvGradX) Scratch() int { return g.algo.packedLen() + g.algo.scratch() }

// Run computes dx from dy[N,M,OH,OW] and w[M,C/Group,KH,KW].
func (g *ConvGradX) Run(dx, dy, w, scratch []float32) {
	nx, nw, ny := g.spec.Lengths()
	need("dx", dx, nx)
	need("dy", dy, ny)
	need("w", w, nw)
	need("scratch", scratch, g.Scratch())
	n := g.algo.packedLen()
	g.algo.pack(scratch[:n], w)
	g.algo.run(dx, dy, scratch[:n], nil, nil, scratch[n:])
}

// ConvGradW is a plan for dw[M,C/Group,KH,KW], the gradient of Σ dy·conv(x, w)
// with respect to w.
type ConvGradW struct {
	spec ConvSpec
	algo gradWAlgo
}

// NewConvGradW plans the weight gradient of the convolution s, whose bias,
// residual and activation play no part. The spec must be valid.
func NewConvGradW(p *parallel.Pool, s ConvSpec) *ConvGradW {
	s.Bias, s.Residual, s.Act, s.Constant = false, false, ActNone, false
	return &ConvGradW{s, newGradWAlgo(p, s)}
}

// Algorithm names the method.
func (g *ConvGradW) Algorithm() string { return g.algo.name() }

// Scratch is the number of float32s of workspace that Run wants.
func (g *ConvGradW) Scratch() int { return g.algo.scratch() }

// Run computes dw from x[N,C,H,W] and dy[N,M,OH,OW].
func (g *ConvGradW) Run(dw, x, dy, scratch []float32) {
	nx, nw, ny := g.spec.Lengths()
	need("dw", dw, nw)
	need("x", x, nx)
	need("dy", dy, ny)
	need("scratch", scratch, g.algo.scratch())
	g.algo.run(dw, x, dy, scratch)
}

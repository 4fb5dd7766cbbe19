package ops

import (
	"math"
	"slices"

	"memprobe/internal/kernel/conv"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var convolutions = []Def{
	{Op: "Conv", Since: 1, Attributes: "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
		Weighted: true, Roles: []Role{"", ConvWeight, Bias}, Infer: inferConv, Bind: bindConv,
		Grad: gradConv, MultiplyAdds: func(n *Node) int64 {
			// w [M, C/group, kernel…]: all but M for each result
			return int64(n.Out[0].Len()) * int64(tensor.Len(n.In[1].Shape[1:]))
		}},
	{Op: "FusedConv", Domain: Internal, Since: 1, Infer: inferConv, Bind: bindConv,
		NotDifferentiable: "it exists in inference alone"},
	{Op: "ConvGradX", Domain: Internal, Since: 1, Infer: inferConvGradX, Bind: bindConvGradX, Adds: 2},
	{Op: "ConvGradW", Domain: Internal, Since: 1, Infer: inferConvGradW, Bind: bindConvGradW},
}

// convolution is y[N,M,…] = conv(x[N,C,…], w[M,C/group,…]) + bias[M].
type convolution struct {
	*slide
	m, group       int
	bias, residual bool
	clamp          []float32 // FusedConv's bounds of the result, or nil
	turned         Turned    // FusedConv's
}

// Turned tells which tensors of a FusedConv have channels innermost, 16 at a time, in memory: the
// input, or the result and the residual.
type Turned struct{ In, Out bool }

// Scales are the factors of a FusedConv's weights, one after the other: of each, one for
// each output channel, or one for all. They are constant, as the weights are.
func (n *Node) Scales() [][]float64 { return attr[[][]float64](n, "scales", nil) }

// conv resolves a convolution of an input and a weight of the given shapes.
func (n *Node) conv(x, w []int) (*convolution, error) {
	g, err := n.spatial(x)
	if err != nil {
		return nil, err
	}
	c := &convolution{slide: g, group: n.Int("group", 1)}
	if err := c.weight(n, w); err != nil {
		return nil, err
	}
	if c.m = w[0]; c.group < 1 || g.c != w[1]*c.group || c.m%c.group != 0 {
		return nil, n.Errorf("input %v and weight %v do not fit with group %d", x, w, c.group)
	}
	return c, g.fit(n, false)
}

// weight reads the kernel's size from the weight's shape.
func (c *convolution) weight(n *Node, w []int) error {
	if len(w) != c.rank+2 || slices.Min(w) < 1 {
		return n.Errorf("weight has shape %v, want rank %d and positive sizes", w, c.rank+2)
	}
	copy(c.kernel[axes-c.rank:], w[2:])
	if k := n.Ints("kernel_shape", nil); k != nil && !slices.Equal(k, w[2:]) {
		return n.Errorf("kernel_shape %v does not fit weight %v", k, w)
	}
	return nil
}

// biased checks the types of the inputs and the shape of the bias, if any.
func (c *convolution) biased(n *Node, channels int) error {
	if b := n.Input(2); b != nil {
		if c.bias = true; !slices.Equal(b.Shape, []int{channels}) {
			return n.Errorf("bias has shape %v, want [%d]", b.Shape, channels)
		}
	}
	return n.sameFloat()
}

// spec is c for the kernels of two dimensions; ok tells whether it is one.
func (c *convolution) spec() (s conv.Spec, ok bool) {
	s = conv.Spec{N: c.n, C: c.c, H: c.in[1], W: c.in[2], M: c.m, KH: c.kernel[1], KW: c.kernel[2],
		StrideH: c.stride[1], StrideW: c.stride[2], DilationH: c.dilation[1], DilationW: c.dilation[2],
		PadTop: c.before[1], PadLeft: c.before[2], PadBottom: c.after[1], PadRight: c.after[2],
		Group: c.group, Bias: c.bias, Residual: c.residual, TurnedX: c.turned.In, TurnedY: c.turned.Out}
	if c.clamp != nil {
		s.Act, s.Lo, s.Hi = tile.ActClip, c.clamp[0], c.clamp[1]
	}
	return s, c.flat() && s.Validate() == nil && s.OutH() == c.out[1] && s.OutW() == c.out[2]
}

// convInputs resolves a Conv, or a FusedConv: y = clamp(conv(x, scales·w) + bias +
// residual), with the residual as input 3, [lo, hi] as attribute clamp, Turned as
// attribute turned, and Scales.
func (n *Node) convInputs() (*convolution, error) {
	most := 3
	if n.Op == "FusedConv" {
		most = 4
	}
	if err := n.Want(2, most); err != nil {
		return nil, err
	}
	c, err := n.conv(n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return nil, err
	}
	c.residual, c.clamp, c.turned = n.Input(3) != nil, attr[[]float32](n, "clamp", nil), attr(n, "turned", Turned{})
	return c, c.biased(n, c.m)
}

// Fusible reports whether a Conv can become a FusedConv, which is for float32 in
// two dimensions.
func (n *Node) Fusible() bool {
	c, err := n.convInputs()
	if err != nil || n.In[0].DType != tensor.Float32 {
		return false
	}
	_, flat := c.spec()
	return flat
}

// Turns reports which tensors a Conv with constant weights, or a FusedConv, may have with channels
// innermost, to the same bits, and whether its input and its result must be alike.
func (n *Node) Turns() (t Turned, alike bool) {
	c, err := n.convInputs()
	if err != nil || n.In[0].DType != tensor.Float32 || n.In[1].Const == nil || n.In[1].Param {
		return Turned{}, false
	}
	s, flat := c.spec()
	if !flat || s.N == 0 {
		return Turned{}, false
	}
	s.Constant = true
	t.In, t.Out = conv.SuitsTurned(s)
	return t, s.Group > 1
}

func inferConv(n *Node) error {
	c, err := n.convInputs()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, slices.Concat([]int{c.n, c.m}, c.own(c.out)))
}

func bindConv(n *Node, e *Env) (func(), error) {
	c, err := n.convInputs()
	if err != nil {
		return nil, err
	}
	x, w, y, b, r := e.In[0], e.In[1], e.Out[0], &tensor.Tensor{}, &tensor.Tensor{}
	if c.bias {
		b = e.In[2]
	}
	if c.residual {
		r = e.In[3]
	}
	s, flat := c.spec()
	switch {
	case y.Len() == 0:
		return func() {}, nil
	case x.DType == tensor.Float64:
		return convLoop[float64](e, c, y, x, w, b), nil
	case !flat:
		return convLoop[float32](e, c, y, x, w, b), nil
	}
	s.Constant = n.In[1].Const != nil && !n.In[1].Param
	p := conv.NewPart(e.Pool, s, s.N*max(e.Parts, 1))
	scratch := e.Scratch(p.Scratch())
	if s.Constant {
		if err := n.packs(p.PackedLen()); err != nil {
			return nil, err
		}
		packed := e.constants(p.PackedLen(), func(to []float32) {
			by := conv.NewPart(e.preparing(), s, s.N*max(e.Parts, 1)) // of the same spec as p
			by.Prepack(to, e.scaled(w.F32(), n.Scales(), c.m))
			e.packed(w.F32())
		})
		return func() { p.RunPacked(y.F32(), x.F32(), packed, b.F32(), r.F32(), scratch()) }, nil
	}
	return func() { p.Run(y.F32(), x.F32(), w.F32(), b.F32(), r.F32(), scratch()) }, nil
}

// scaled returns weights of m output channels multiplied by each of the scales in turn and
// rounded to float32 after each: the weights themselves where there are none, else memory
// that the next call may write to.
func (e *Env) scaled(w []float32, scales [][]float64, m int) []float32 {
	if scales == nil {
		return w
	}
	s := e.scratch
	if len(s.weights) < len(w) {
		s.weights = memory.Floats(len(w))
	}
	out, each := s.weights[:len(w)], len(w)/m
	e.preparing().For(m, func(_, i int) {
		from, to := w[i*each:][:each], out[i*each:][:each]
		for _, scale := range scales {
			by := scale[i%len(scale)]
			for j, x := range from {
				to[j] = float32(float64(x) * by)
			}
			from = to
		}
	})
	return out
}

// attrs describes c to the operators of its gradients.
func (c *convolution) attrs(shape []int) Attrs {
	return Attrs{"strides": int64s(c.own(c.stride)), "dilations": int64s(c.own(c.dilation)), "group": int64(c.group),
		"pads": int64s(slices.Concat(c.own(c.before), c.own(c.after))), "shape": int64s(shape)}
}

func gradConv(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	c, err := n.convInputs()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	if want[0] {
		out[0] = b.Op("ConvGradX", c.attrs(n.In[0].Shape), dy[0], n.In[1])
	}
	if want[1] {
		out[1] = b.Op("ConvGradW", c.attrs(n.In[1].Shape), n.In[0], dy[0])
	}
	if c.bias && want[2] {
		out[2] = b.channelSum(dy[0])
	}
	return out, b.Err
}

// channelSum sums [N,C,…] to [C].
func (b *Builder) channelSum(v *Value) *Value {
	shape := make([]int, len(v.Shape)-1)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = v.Shape[1]
	return b.Reshape(b.SumTo(v, shape), shape[:1])
}

// inferConvGradX: inputs dy, w and, if there is one, what is added to the result; the attribute
// shape is that of x.
func inferConvGradX(n *Node) error {
	if err := n.Want(2, 3); err != nil {
		return err
	}
	if _, err := n.conv(n.Ints("shape", nil), n.In[1].Shape); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
}

func bindConvGradX(n *Node, e *Env) (func(), error) {
	c, err := n.conv(n.Ints("shape", nil), n.In[1].Shape)
	if err != nil {
		return nil, err
	}
	residual := &tensor.Tensor{}
	if n.Input(2) != nil {
		c.residual, residual = true, e.In[2]
	}
	return c.gradX(e, e.Out[0], e.In[0], e.In[1], residual), nil
}

// gradX returns the function that computes the data gradient, plus a residual where c has one.
func (c *convolution) gradX(e *Env, dx, dy, w, residual *tensor.Tensor) func() {
	s, flat := c.spec()
	switch {
	case dx.Len() == 0:
		return func() {}
	case dx.DType == tensor.Float64:
		return convGradXLoop[float64](e, c, dx, dy, w, residual)
	case !flat:
		return convGradXLoop[float32](e, c, dx, dy, w, residual)
	}
	p := conv.NewGradX(e.Pool, s)
	scratch := e.Scratch(p.Scratch())
	return func() { p.Run(dx.F32(), dy.F32(), w.F32(), residual.F32(), scratch()) }
}

// inferConvGradW: inputs x and dy; the attribute shape is that of w.
func inferConvGradW(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if _, err := n.conv(n.In[0].Shape, n.Ints("shape", nil)); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
}

func bindConvGradW(n *Node, e *Env) (func(), error) {
	c, err := n.conv(n.In[0].Shape, n.Ints("shape", nil))
	if err != nil {
		return nil, err
	}
	x, dy, dw := e.In[0], e.In[1], e.Out[0]
	s, flat := c.spec()
	switch {
	case x.DType == tensor.Float64:
		return convGradWLoop[float64](e, c, dw, x, dy), nil
	case !flat || c.n == 0:
		return convGradWLoop[float32](e, c, dw, x, dy), nil
	}
	p := conv.NewGradW(e.Pool, s)
	// its tables hold int32s of bytes, which kernels of a thousand pixels a side outgrow
	if p.Scratch() > math.MaxInt32/4 {
		return convGradWLoop[float32](e, c, dw, x, dy), nil
	}
	scratch := e.Scratch(p.Scratch())
	return func() { p.Run(dw.F32(), x.F32(), dy.F32(), scratch()) }, nil
}

// convLoop is the convolution in any number of dimensions.
func convLoop[T tensor.Float](e *Env, c *convolution, y, x, w, bias *tensor.Tensor) func() {
	px, pk, py := c.planes()
	cg, mg := c.c/c.group, c.m/c.group
	span := c.span(cg)
	body := func(_, chunk int) {
		dst := tensor.Data[T](y)
		for o := chunk * span; o < min((chunk+1)*span, len(dst)); o++ {
			n, m := o/py/c.m, o/py%c.m
			src, taps := tensor.Data[T](x)[(n*c.c+m/mg*cg)*px:][:cg*px], tensor.Data[T](w)[m*cg*pk:][:cg*pk]
			var sum T
			if c.bias {
				sum = tensor.Data[T](bias)[m]
			}
			c.at(o%py, func(i, k int) {
				for ch := range cg {
					sum += src[ch*px+i] * taps[ch*pk+k]
				}
			})
			dst[o] = sum
		}
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }
}

// convGradXLoop is the data gradient, a chunk the channels of a group of an item.
func convGradXLoop[T tensor.Float](e *Env, c *convolution, dx, dy, w, residual *tensor.Tensor) func() {
	px, pk, py := c.planes()
	cg, mg := c.c/c.group, c.m/c.group
	body := func(_, chunk int) {
		dst := tensor.Data[T](dx)[chunk*cg*px:][:cg*px]
		if c.residual {
			copy(dst, tensor.Data[T](residual)[chunk*cg*px:])
		} else {
			clear(dst)
		}
		for j := range mg {
			m := chunk%c.group*mg + j
			taps := tensor.Data[T](w)[m*cg*pk:][:cg*pk]
			for o, d := range tensor.Data[T](dy)[(chunk*mg+j)*py:][:py] {
				c.at(o, func(i, k int) {
					for ch := range cg {
						dst[ch*px+i] += d * taps[ch*pk+k]
					}
				})
			}
		}
	}
	return func() { e.Pool.For(c.n*c.group, body) }
}

// convGradWLoop is the weight gradient, a chunk one output channel.
func convGradWLoop[T tensor.Float](e *Env, c *convolution, dw, x, dy *tensor.Tensor) func() {
	px, pk, py := c.planes()
	cg, mg := c.c/c.group, c.m/c.group
	body := func(_, m int) {
		dst := tensor.Data[T](dw)[m*cg*pk:][:cg*pk]
		clear(dst)
		for n := range c.n {
			src := tensor.Data[T](x)[(n*c.c+m/mg*cg)*px:][:cg*px]
			for o, d := range tensor.Data[T](dy)[(n*c.m+m)*py:][:py] {
				c.at(o, func(i, k int) {
					for ch := range cg {
						dst[ch*pk+k] += d * src[ch*px+i]
					}
				})
			}
		}
	}
	return func() { e.Pool.For(c.m, body) }
}

// addBias adds one value a channel to y [N,C,…].
func addBias[T tensor.Float](e *Env, y, bias *tensor.Tensor) func() {
	c, plane := y.Shape[1], tensor.Len(y.Shape[2:])
	size := max(1, span/plane)
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, size, y.Shape[0]*c)
		for i := lo; i < hi; i++ {
			p := tensor.Data[T](y)[i*plane:][:plane]
			vec.AddScalar(p, p, tensor.Data[T](bias)[i%c])
		}
	}
	return func() { e.Pool.For(parallel.Chunks(y.Shape[0]*c, size), body) }
}

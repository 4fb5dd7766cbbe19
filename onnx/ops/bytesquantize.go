package ops

import (
	"memprobe/internal/kernel/quant"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// byteQuantizers are what QuantizeLinear, DequantizeLinear and their sums become where
// their scales are simple. A zero point that is absent is 0.
var byteQuantizers = []Def{
	// x float32, scale and zero point of one element.
	{Op: "Quantize", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer",
		Infer: func(n *Node) error {
			return n.SetOut(0, n.to(), n.In[0].Shape)
		}, Bind: bindQuantize},
	// x of integers, scale and zero point of one element or one for each index of an axis.
	{Op: "Dequantize", Domain: Internal, Since: 1, NotDifferentiable: "its operand is an integer",
		Infer: func(n *Node) error {
			return n.SetOut(0, tensor.Float32, n.In[0].Shape)
		}, Bind: bindDequantize},
	// a and b of bytes of one shape.
	{Op: "AddQuantized", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer", InPlace: true,
		Over: [][2]int{{0, 1}}, Infer: func(n *Node) error {
			return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
		}, Bind: bindAddQuantized},
}

func bindQuantize(n *Node, e *Env) (func(), error) {
	x, scale, zero, y := e.In[0], e.In[1], optional(e.In, 2), e.Out[0]
	lo, hi := ByteRange(y.DType)
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, x.Len())
		quant.Quantize(y.Bytes()[from:to], x.F32()[from:to], scale.F32()[0], quant.Grid{Zero: firstOf(zero), Lo: lo, Hi: hi})
	}
	return func() { e.Pool.For(parallel.Chunks(x.Len(), span), body) }, nil
}

func bindDequantize(n *Node, e *Env) (func(), error) {
	x, scale, zero, y := e.In[0], e.In[1], optional(e.In, 2), e.Out[0]
	channels, inner := scale.Len(), x.Len()
	if channels > 1 {
		inner = tensor.Len(x.Shape[n.Int("axis", 1)+1:])
	}
	zeroAt := func(c int) int32 {
		if zero == nil {
			return 0
		}
		return int32(zero.Number(c))
	}
	var run func(from, to, c int)
	if IsByte(x.DType) {
		run = func(from, to, c int) {
			quant.Dequantize(y.F32()[from:to], x.Bytes()[from:to], x.DType == tensor.Int8, scale.F32()[c], zeroAt(c))
		}
	} else {
		run = func(from, to, c int) {
			s, z := scale.F32()[c], float64(zeroAt(c))
			for i := from; i < to; i++ {
				y.F32()[i] = float32(x.Number(i)-z) * s
			}
		}
	}
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, x.Len())
		for from < to {
			end := min(to, from+inner-from%inner)
			run(from, end, from/inner%channels)
			from = end
		}
	}
	return func() { e.Pool.For(parallel.Chunks(x.Len(), span), body) }, nil
}

func bindAddQuantized(n *Node, e *Env) (func(), error) {
	sum := n.Attrs["sum"].(*quant.Sum)
	a, b, y := e.In[0], e.In[1], e.Out[0]
	body := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, y.Len())
		sum.Run(y.Bytes()[from:to], a.Bytes()[from:to], b.Bytes()[from:to])
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }, nil
}

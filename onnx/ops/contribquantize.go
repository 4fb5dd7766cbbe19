package ops

import (
	"fmt"

	"memprobe/internal/tensor"
)

// contribQuantizers are the operators on bytes that ONNX Runtime's quantiser and optimiser
// write where ONNX has none. A tensor of bytes is followed by its scale and its zero point,
// which is 0 where it is absent. Numbers are rounded in the order of ONNX Runtime's kernels
// (of x86-64), so that integers are equal; but QLinearAveragePool sums windows in another
// order, which moves ties by one.
var contribQuantizers = []Def{
	contrib("QuantizeLinear", 2, 3, "axis:i", func(b *Builder, n *Node) []*Value {
		return []*Value{b.Op(n.Op, n.Attrs, n.In...)}
	}),
	contrib("DequantizeLinear", 2, 3, "axis:i", func(b *Builder, n *Node) []*Value {
		return []*Value{b.Op(n.Op, n.Attrs, n.In...)}
	}),
	contrib("QLinearAdd", 2, 8, "", addQuantized),
	contrib("QLinearMul", 2, 8, "", mulQuantized),
	contrib("QLinearSigmoid", 2, 5, "", func(b *Builder, n *Node) []*Value {
		return b.between(n, func(x *Value) *Value { return b.Op("Sigmoid", nil, x) })
	}),
	contrib("QLinearLeakyRelu", 2, 5, "alpha:f", func(b *Builder, n *Node) []*Value {
		return b.between(n, func(x *Value) *Value { return b.Op("LeakyRelu", n.Attrs, x) })
	}),
	contrib("QLinearSoftmax", 2, 5, "axis:i opset:i!", softmaxQuantized),
	weighted(contrib("QLinearConv", 8, 9, "auto_pad:s channels_last:i dilations:I group:i kernel_shape:I pads:I strides:I",
		convQuantized), "", "", "", Quantised, ""),
	contrib("NhwcMaxPool", 1, 1, "auto_pad:s ceil_mode:i dilations:I kernel_shape:I! pads:I strides:I",
		func(b *Builder, n *Node) []*Value {
			x, back := b.channelsFirst(b.cast(n.In[0], tensor.Float32), true)
			return []*Value{b.cast(back(b.Op("MaxPool", n.Attrs, x)), n.In[0].DType)}
		}),
	contrib("QLinearGlobalAveragePool", 2, 5, "channels_last:i", globalPoolQuantized),
	contrib("QLinearAveragePool", 2, 5, "auto_pad:s ceil_mode:i channels_last:i count_include_pad:i kernel_shape:I! "+
		"pads:I strides:I", poolQuantized),
	contrib("QLinearConcat", 5, 2+3*concatMost, "axis:i!", concatQuantized),
	weighted(contrib("QGemm", 6, 9, "alpha:f transA:i transB:i", gemmQuantized), "", "", "", Quantised, ""),
	weighted(contrib("MatMulIntegerToFloat", 4, 7, "", func(b *Builder, n *Node) []*Value {
		return b.scaledProduct(n.In[0], n.In[1], n.Input(4), n.Input(5), n.In[2], n.In[3], n.Input(6))
	}), "", Quantised, "", "", "", "", Bias),
	weighted(contrib("DynamicQuantizeMatMul", 3, 5, "", func(b *Builder, n *Node) []*Value {
		x := b.OpN("DynamicQuantizeLinear", nil, 3, n.In[0])
		if b.Err != nil {
			return nil
		}
		return b.scaledProduct(x[0], n.In[1], x[2], n.Input(3), x[1], n.In[2], n.Input(4))
	}), "", Quantised, "", "", Bias),
}

// concatMost is the most tensors of a QLinearConcat.
const concatMost = 1 << 16

// quantity is a tensor of bytes with the scale and the zero point, nil where 0, of rank 0.
type quantity struct{ bytes, scale, zero *Value }

// quantity is the one that begins with n's input at.
func (b *Builder) quantity(n *Node, at int) quantity {
	x := n.Input(at)
	if x == nil || !IsByte(x.DType) {
		b.fail(n, "input %d is %s, want integers of eight bits", at, typeOf(x))
		return quantity{}
	}
	scale, zero := b.grid(n, at+1, x.DType)
	return quantity{x, scale, zero}
}

// grid is the scale at n's input at, and the zero point behind it, of bytes of a type.
func (b *Builder) grid(n *Node, at int, to tensor.DType) (scale, zero *Value) {
	scale, zero = n.Input(at), n.Input(at+1)
	switch {
	case scale == nil || scale.DType != tensor.Float32 || scale.Len() != 1:
		b.fail(n, "scale (input %d) is %s, want one float32", at, typeOf(scale))
	case zero != nil && (zero.DType != to || zero.Len() != 1):
		b.fail(n, "zero point (input %d) is %s, want one %v", at+1, typeOf(zero), to)
	}
	return b.scalarOf(scale), b.scalarOf(zero)
}

// scalarOf gives a tensor of one element rank 0.
func (b *Builder) scalarOf(v *Value) *Value {
	if b.Err != nil {
		return nil
	}
	return b.Reshape(v, nil)
}

// typeOf names type and shape of an input, which may be absent.
func typeOf(v *Value) string {
	if v == nil {
		return "absent"
	}
	return fmt.Sprint(v.DType, v.Shape)
}

// onGrid rounds and saturates x, to which the zero point is added after rounding, unless nil.
func (b *Builder) onGrid(n *Node, x, zero *Value, to tensor.DType) []*Value {
	if b.Err != nil {
		return nil
	}
	y, err := b.quantized(n, x, zero, to)
	if b.Err == nil {
		b.Err = err
	}
	return []*Value{y}
}

// offset is a zero point in float32.
func (b *Builder) offset(zero *Value) *Value {
	if zero == nil {
		return b.Const(tensor.New(tensor.Float32))
	}
	return b.cast(zero, tensor.Float32)
}

// fused is x·y + z, rounded to float32 once: x has eight bits, so that the product is exact
// in float64.
func (b *Builder) fused(x, y, z *Value) *Value {
	wide := func(v *Value) *Value { return b.cast(v, tensor.Float64) }
	return b.cast(b.Op("Add", nil, b.Op("Mul", nil, wide(x), wide(y)), wide(z)), tensor.Float32)
}

// addQuantized is round(fixed + B·b/y + A·a/y), with a sum of what the zero points add.
func addQuantized(b *Builder, n *Node) []*Value {
	p, q := b.quantity(n, 0), b.quantity(n, 3)
	scale, zero := b.grid(n, 6, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	byP, byQ := b.Op("Div", nil, p.scale, scale), b.Op("Div", nil, q.scale, scale)
	fixed := b.Op("Sub", nil, b.offset(zero),
		b.fused(b.offset(p.zero), byP, b.Op("Mul", nil, b.offset(q.zero), byQ)))
	return b.onGrid(n, b.fused(p.bytes, byP, b.fused(q.bytes, byQ, fixed)), nil, p.bytes.DType)
}

// mulQuantized is round((A − zero)·(B − zero)·(a·b/y) + zero).
func mulQuantized(b *Builder, n *Node) []*Value {
	p, q := b.quantity(n, 0), b.quantity(n, 3)
	scale, zero := b.grid(n, 6, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	y := b.cast(b.Op("Mul", nil, b.centred(p.bytes, p.zero, 0), b.centred(q.bytes, q.zero, 0)), tensor.Float32)
	y = b.Op("Mul", nil, y, b.Op("Div", nil, b.Op("Mul", nil, p.scale, q.scale), scale))
	return b.onGrid(n, b.Op("Add", nil, y, b.offset(zero)), nil, p.bytes.DType)
}

// between computes in float32: of inputs 0 to 2, rounded as inputs 3 and 4 say.
func (b *Builder) between(n *Node, f func(x *Value) *Value) []*Value {
	x := b.quantity(n, 0)
	scale, zero := b.grid(n, 3, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	y := f(b.Op("DequantizeLinear", nil, x.bytes, x.scale, x.zero))
	return b.onGrid(n, b.Op("Div", nil, y, scale), zero, x.bytes.DType)
}

// softmaxQuantized multiplies by the whole part of 1/scale. Of an opset before 13, it is
// over all axes from axis on.
func softmaxQuantized(b *Builder, n *Node) []*Value {
	x := b.quantity(n, 0)
	scale, zero := b.grid(n, 3, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	shape, flat := x.bytes.Shape, n.Int("opset", 13) < 13
	axis := n.Int("axis", -1)
	if flat {
		axis = n.Int("axis", 1)
	}
	axis, err := n.Axis(axis, len(shape))
	if err != nil {
		b.Err = err
		return nil
	}
	y := b.Op("DequantizeLinear", nil, x.bytes, x.scale, x.zero)
	if flat {
		y = b.Reshape(y, []int{tensor.Len(shape[:axis]), tensor.Len(shape[axis:])})
		axis = 1
	}
	y = b.Reshape(b.Op("Softmax", Attrs{"axis": int64(axis)}, y), shape)
	times := b.Op("Floor", nil, b.Op("Reciprocal", nil, scale))
	return b.onGrid(n, b.Op("Mul", nil, y, times), zero, x.bytes.DType)
}

// channelsLast tells what the attribute of that name says.
func (n *Node) channelsLast() bool { return n.Int("channels_last", 0) != 0 }

// channelsFirst moves the last axis behind the first where channels are last; back undoes it.
func (b *Builder) channelsFirst(x *Value, last bool) (y *Value, back func(*Value) *Value) {
	if b.Err != nil || !last || len(x.Shape) < 3 {
		return x, func(v *Value) *Value { return v }
	}
	rank := len(x.Shape)
	there, again := []int{0, rank - 1}, []int{0}
	for i := 1; i < rank-1; i++ {
		there, again = append(there, i), append(again, i+1)
	}
	again = append(again, 1)
	return b.transpose(x, there...), func(v *Value) *Value { return b.transpose(v, again...) }
}

// convQuantized is ONNX's own QLinearConv, whose images may have their channels last.
func convQuantized(b *Builder, n *Node) []*Value {
	x, back := b.channelsFirst(n.In[0], n.channelsLast())
	return []*Value{back(b.Op("QLinearConv", without(n.Attrs, "channels_last"), append([]*Value{x}, n.In[1:]...)...))}
}

// globalPoolQuantized is round(Σ(X − zero)·x/(y·count)) + zero.
func globalPoolQuantized(b *Builder, n *Node) []*Value {
	x := b.quantity(n, 0)
	scale, zero := b.grid(n, 3, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	y, back := b.channelsFirst(b.centred(x.bytes, x.zero, 0), n.channelsLast())
	if b.Err != nil || len(y.Shape) < 3 {
		b.fail(n, "input has shape %v, want [N,C] and axes to average over", x.bytes.Shape)
		return nil
	}
	var axes []int
	for i := 2; i < len(y.Shape); i++ {
		axes = append(axes, i)
	}
	sum := b.cast(back(b.Op("ReduceSum", nil, y, b.Ints(axes...))), tensor.Float32)
	by := b.Op("Div", nil, x.scale, b.times(scale, float64(tensor.Len(y.Shape[2:]))))
	return b.onGrid(n, b.Op("Mul", nil, sum, by), zero, x.bytes.DType)
}

// poolQuantized averages in float32 and is round(mean/y + zero).
func poolQuantized(b *Builder, n *Node) []*Value {
	x := b.quantity(n, 0)
	scale, zero := b.grid(n, 3, n.In[0].DType)
	if b.Err != nil {
		return nil
	}
	y, back := b.channelsFirst(b.Op("DequantizeLinear", nil, x.bytes, x.scale, x.zero), n.channelsLast())
	y = back(b.Op("AveragePool", without(n.Attrs, "channels_last"), y))
	return b.onGrid(n, b.Op("Add", nil, b.Op("Div", nil, y, scale), b.offset(zero)), nil, x.bytes.DType)
}

// concatQuantized joins tensors on the grid of inputs 0 and 1.
func concatQuantized(b *Builder, n *Node) []*Value {
	if len(n.In)%3 != 2 {
		b.fail(n, "has %d inputs, want scale and zero point of the result and three of each tensor", len(n.In))
		return nil
	}
	scale, zero := b.grid(n, 0, n.In[1].DType)
	var parts []*Value
	for at := 2; at < len(n.In); at += 3 {
		x := b.quantity(n, at)
		parts = append(parts,
			b.Op("QuantizeLinear", nil, b.Op("DequantizeLinear", nil, x.bytes, x.scale, x.zero), scale, zero))
	}
	return []*Value{b.Op("Concat", n.Attrs, parts...)}
}

// gemmQuantized is round((Σ(A − zero)·(B − zero) + C)·(alpha·a·b/y)) + zero, or, without a scale
// of the result, that sum times alpha·a·b in float32. B's scale may be one for each column.
func gemmQuantized(b *Builder, n *Node) []*Value {
	x, w, c := n.In[0], n.In[3], n.Input(6)
	if len(x.Shape) != 2 || len(w.Shape) != 2 || (n.Input(7) == nil) != (n.Input(8) == nil) {
		b.fail(n, "operands have shapes %v and %v, want matrices, and scale and zero point of the result or neither",
			x.Shape, w.Shape)
		return nil
	}
	across, columns := n.Int("transB", 0) != 0, 1
	if across {
		columns = 0
	}
	if n.Int("transA", 0) != 0 {
		x = b.transpose(x, 1, 0)
	}
	alpha, size := n.Float("alpha", 1), w.Shape[columns]
	rounded := n.Input(7) != nil
	if rounded && alpha == 1 && b.Err == nil && (c == nil || c.Len() == size && c.Shape[len(c.Shape)-1] == size) {
		if r := n.rounds(c, 1, 4, 7); r != nil {
			attrs := Attrs{"transposed": int64(1 - columns)}
			if y := b.onBytes("IntegerProduct", attrs, r, x, w, n.In[2], n.In[5]); y != nil {
				return []*Value{y}
			}
		}
	}
	m := b.centred(w, n.In[5], columns)
	if across {
		m = b.transpose(m, 1, 0)
	}
	y := b.Op("MatMul", nil, b.centred(x, n.In[2], 0), m)
	if c != nil {
		y = b.Op("Add", nil, y, b.cast(c, tensor.Float64))
	}
	scale := b.Op("Mul", nil, b.times(n.In[1], float64(alpha)), n.In[4])
	if b.Err != nil {
		return nil
	}
	if !rounded {
		return []*Value{b.Op("Mul", nil, b.cast(y, tensor.Float32), scale)}
	}
	out, err := b.requantized(n, y, scale, 7)
	if b.Err == nil {
		b.Err = err
	}
	return []*Value{out}
}

// scaledProduct is Σ(x − zeroX)·(w − zeroW)·(a·b) + bias in float32.
func (b *Builder) scaledProduct(x, w, zeroX, zeroW, scaleX, scaleW, bias *Value) []*Value {
	y := b.cast(b.Op("MatMulInteger", nil, x, w, zeroX, zeroW), tensor.Float32)
	y = b.Op("Mul", nil, y, b.Op("Mul", nil, scaleX, scaleW))
	if bias != nil {
		y = b.Op("Add", nil, y, bias)
	}
	return []*Value{y}
}

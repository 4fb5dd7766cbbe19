package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

// quantizers turn floats into integers of few bits and back:
// q = saturate(round(x/scale) + zero point), x ≈ (q − zero point)·scale. A scale
// belongs to the whole tensor, to each index of an axis, or to blocks along it.
var quantizers = []Def{
	{Op: "QuantizeLinear", Since: 10,
		Attributes: "; 13 axis:i; 19 axis:i saturate:i; 21 axis:i block_size:i output_dtype:i saturate:i; " +
			"23 axis:i block_size:i output_dtype:i precision:i saturate:i",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(2, 3); err != nil {
				return nil, err
			}
			to := tensor.Uint8
			if n.Int("output_dtype", 0) != 0 {
				to = castTypes[n.Int("output_dtype", 0)].dtype
				if zero := n.Input(2); zero != nil && zero.DType != to {
					return nil, n.Errorf("the zero point is %v and output_dtype %v, want one type", zero.DType, to)
				}
			} else if n.Input(2) != nil {
				to = n.In[2].DType
			}
			if n.Int("precision", 0) == 0 && IsByte(to) && n.simplyScaled(n.In[0].Shape) && n.In[1].Len() == 1 {
				y := b.Op("Quantize", Attrs{"dtype": int64(to)}, b.cast(n.In[0], tensor.Float32), n.In[1], n.Input(2))
				return []*Value{y}, b.Err
			}
			scale, zero, err := b.scales(n, n.In[0].Shape)
			if err != nil {
				return nil, err
			}
			x := b.Op("Div", nil, b.cast(n.In[0], scale.DType), scale)
			y, err := b.quantized(n, x, zero, to)
			return []*Value{y}, err
		}},
	{Op: "DequantizeLinear", Since: 10,
		Attributes: "; 13 axis:i; 21 axis:i block_size:i; 23 axis:i block_size:i output_dtype:i",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(2, 3); err != nil {
				return nil, err
			}
			if d := n.In[0].DType; (IsByte(d) || d == tensor.Int32) && n.Int("output_dtype", 1) == 1 &&
				n.simplyScaled(n.In[0].Shape) {
				y := b.Op("Dequantize", Attrs{"axis": int64(axisFromFront(n))}, n.In...)
				return []*Value{y}, b.Err
			}
			scale, zero, err := b.scales(n, n.In[0].Shape)
			if err != nil {
				return nil, err
			}
			between := scale.DType
			if n.In[0].DType == tensor.Int32 { // more bits than a float32 has
				between = tensor.Float64
			}
			x := b.cast(n.In[0], between)
			if zero != nil {
				x = b.Op("Sub", nil, x, b.cast(zero, between))
			}
			return []*Value{b.Op("Mul", nil, b.cast(x, scale.DType), scale)}, b.Err
		}},
	{Op: "DynamicQuantizeLinear", Since: 11, Expand: expandDynamicQuantize},
}

// simplyScaled reports whether the scale, a float32 that is not trained, and the zero point
// are of one element, or one for each index of an axis of a tensor of the given shape.
func (n *Node) simplyScaled(shape []int) bool {
	scale, zero := n.In[1], n.Input(2)
	if scale.DType != tensor.Float32 || scale.Param || n.Int("block_size", 0) != 0 ||
		zero != nil && zero.Len() != scale.Len() {
		return false
	}
	if len(scale.Shape) == 0 || len(scale.Shape) == 1 && scale.Shape[0] == 1 {
		return true
	}
	axis, err := n.Axis(n.Int("axis", 1), len(shape))
	return err == nil && len(scale.Shape) == 1 && scale.Shape[0] == shape[axis]
}

// axisFromFront is the attribute axis of a quantiser, counted from the front.
func axisFromFront(n *Node) int {
	axis, rank := n.Int("axis", 1), len(n.In[0].Shape)
	if axis < 0 {
		axis += rank
	}
	return axis
}

// cast converts to an element type of the engine.
func (b *Builder) cast(v *Value, d tensor.DType) *Value {
	if v == nil || v.DType == d {
		return v
	}
	return b.Op("CastTo", Attrs{"dtype": int64(d)}, v)
}

// scales returns the scale and the zero point, or nil, of a quantised tensor of the
// given shape in shapes that broadcast to it.
func (b *Builder) scales(n *Node, shape []int) (scale, zero *Value, err error) {
	scale, zero = n.In[1], n.Input(2)
	if !scale.DType.IsFloat() {
		return nil, nil, n.Errorf("scale is %v, want float32", scale.DType)
	}
	if zero != nil && zero.Len() != scale.Len() {
		return nil, nil, n.Errorf("scale has shape %v and zero point %v, want the same", scale.Shape, zero.Shape)
	}
	if scale.Len() == 1 && len(scale.Shape) <= 1 {
		return b.Reshape(scale, nil), b.Reshape(zero, nil), b.Err
	}
	axis, err := n.Axis(n.Int("axis", 1), len(shape))
	if err != nil {
		return nil, nil, err
	}
	spread := func(v *Value) *Value { return b.along(v, axis, len(shape)) }
	if block := n.Int("block_size", 0); block > 0 {
		if len(scale.Shape) != len(shape) || (shape[axis]+block-1)/block != scale.Shape[axis] {
			return nil, nil, n.Errorf("scale has shape %v, want blocks of %d along axis %d of %v",
				scale.Shape, block, axis, shape)
		}
		spread = func(v *Value) *Value { return b.repeated(v, axis, block, shape[axis]) }
	} else if len(scale.Shape) != 1 || scale.Shape[0] != shape[axis] {
		return nil, nil, n.Errorf("scale has shape %v, want one for each of axis %d of %v", scale.Shape, axis, shape)
	}
	if zero != nil {
		zero = spread(zero)
	}
	return spread(scale), zero, b.Err
}

// along lays a vector along an axis of a tensor of the given rank.
func (b *Builder) along(v *Value, axis, rank int) *Value {
	if v == nil || v.Len() == 1 {
		return b.Reshape(v, nil)
	}
	shape := slices.Repeat([]int{1}, rank)
	shape[axis] = v.Len()
	return b.Reshape(v, shape)
}

// repeated repeats each element of an axis, which becomes size long.
func (b *Builder) repeated(v *Value, axis, times, size int) *Value {
	indices := make([]int, size)
	for i := range indices {
		indices[i] = i / times
	}
	return b.Op("Gather", Attrs{"axis": int64(axis)}, v, b.Ints(indices...))
}

// integerRanges bounds the integers that numbers are quantised to.
var integerRanges = map[tensor.DType][2]float64{
	tensor.Int8: {math.MinInt8, math.MaxInt8}, tensor.Uint8: {0, math.MaxUint8},
	tensor.Int16: {math.MinInt16, math.MaxInt16}, tensor.Uint16: {0, math.MaxUint16},
	tensor.Int4: {-8, 7}, tensor.Uint4: {0, 15}, tensor.Int2: {-2, 1}, tensor.Uint2: {0, 3},
}

// quantized rounds x, adds the zero point, which may be nil, and saturates.
func (b *Builder) quantized(n *Node, x, zero *Value, to tensor.DType) (*Value, error) {
	limits, integer := integerRanges[to]
	if !integer && floats8[to] == nil {
		return nil, n.Errorf("numbers cannot be quantised to %v", to)
	}
	if integer {
		x = b.Op("Round", nil, x)
	}
	if zero != nil {
		x = b.Op("Add", nil, x, b.cast(zero, x.DType))
	}
	if integer {
		x = b.Op("Clip", nil, x, b.Scalar(x, limits[0]), b.Scalar(x, limits[1]))
	}
	return b.Op("CastTo", Attrs{"dtype": int64(to), "saturate": int64(n.Int("saturate", 1))}, x), b.Err
}

// expandDynamicQuantize chooses scale and zero point so that 0 and all of x are
// within the range of uint8.
func expandDynamicQuantize(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(1, 1); err != nil {
		return nil, err
	}
	x := n.In[0]
	if x.DType != tensor.Float32 {
		return nil, n.Errorf("input is %v, want float32", x.DType)
	}
	all, zero := Attrs{"keepdims": int64(0)}, b.Scalar(x, 0)
	lo := b.Op("Min", nil, b.Op("ReduceMin", all, x), zero)
	hi := b.Op("Max", nil, b.Op("ReduceMax", all, x), zero)
	scale := b.Op("Div", nil, b.Op("Sub", nil, hi, lo), b.Scalar(x, 255))
	divisor := b.Op("Where", nil, b.Op("Equal", nil, scale, zero), b.Scalar(x, 1), scale)
	point, err := b.quantized(n, b.Op("Div", nil, b.Op("Sub", nil, zero, lo), divisor), nil, tensor.Uint8)
	if err != nil {
		return nil, err
	}
	y, err := b.quantized(n, b.Op("Div", nil, x, divisor), point, tensor.Uint8)
	return []*Value{y, scale, point}, err
}

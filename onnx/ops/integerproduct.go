package ops

import "memprobe/internal/tensor"

// integerProducts are products and convolutions of quantised numbers: on bytes where the
// weights are constant, otherwise in float64, in which sums of products of integers are exact.
var integerProducts = []Def{
	{Op: "MatMulInteger", Since: 10, Weighted: true, Roles: []Role{Quantised, Quantised, ""},
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(2, 4); err != nil {
				return nil, err
			}
			if y := b.onBytes("IntegerProduct", nil, nil, n.In[0], n.In[1], n.Input(2), n.Input(3)); y != nil {
				return []*Value{y}, nil
			}
			y := b.Op("MatMul", nil, b.centred(n.In[0], n.Input(2), -2), b.centred(n.In[1], n.Input(3), -1))
			return []*Value{b.cast(y, tensor.Int32)}, b.Err
		}},
	{Op: "ConvInteger", Since: 10, Attributes: "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
		Weighted: true, Roles: []Role{"", Quantised, ""},
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(2, 4); err != nil {
				return nil, err
			}
			if y := b.onBytes("IntegerConv", n.Attrs, nil, n.In[0], n.In[1], n.Input(2), n.Input(3)); y != nil {
				return []*Value{y}, nil
			}
			y := b.Op("Conv", n.Attrs, b.centred(n.In[0], n.Input(2), 0), b.centred(n.In[1], n.Input(3), 0))
			return []*Value{b.cast(y, tensor.Int32)}, b.Err
		}},
	{Op: "QLinearMatMul", Since: 10, Weighted: true, Roles: []Role{Quantised, "", "", Quantised, ""},
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(8, 8); err != nil {
				return nil, err
			}
			if r := n.rounds(nil, 1, 4, 6); r != nil {
				if y := b.onBytes("IntegerProduct", nil, r, n.In[0], n.In[3], n.In[2], n.In[5]); y != nil {
					return []*Value{y}, nil
				}
			}
			y := b.Op("MatMul", nil, b.centred(n.In[0], n.In[2], -2), b.centred(n.In[3], n.In[5], -1))
			if b.Err != nil {
				return nil, b.Err
			}
			rank := len(y.Shape)
			out, err := b.requantized(n, y,
				b.Op("Mul", nil, b.along(n.In[1], max(rank-2, 0), rank), b.along(n.In[4], max(rank-1, 0), rank)), 6)
			return []*Value{out}, err
		}},
	{Op: "QLinearConv", Since: 10, Attributes: "auto_pad:s dilations:I group:i kernel_shape:I pads:I strides:I",
		Weighted: true, Roles: []Role{"", "", "", Quantised, ""},
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(8, 9); err != nil {
				return nil, err
			}
			if r := n.rounds(n.Input(8), 1, 4, 6); r != nil {
				if y := b.onBytes("IntegerConv", n.Attrs, r, n.In[0], n.In[3], n.In[2], n.In[5]); y != nil {
					return []*Value{y}, nil
				}
			}
			in := []*Value{b.centred(n.In[0], n.In[2], 0), b.centred(n.In[3], n.In[5], 0)}
			if n.Input(8) != nil {
				in = append(in, b.cast(n.In[8], tensor.Float64))
			}
			y := b.Op("Conv", n.Attrs, in...)
			if b.Err != nil {
				return nil, b.Err
			}
			out, err := b.requantized(n, y, b.Op("Mul", nil, b.Reshape(n.In[1], nil), b.along(n.In[4], 1, len(y.Shape))), 6)
			return []*Value{out}, err
		}},
}

// onBytes appends an operator on bytes if it can be one; nil where not.
func (b *Builder) onBytes(op string, attrs Attrs, r *Rounded, in ...*Value) *Value {
	own, w := without(attrs, "rounded"), in[1].Shape
	if len(w) == 0 {
		return nil
	}
	if r != nil {
		channels := w[0]
		if op == "IntegerProduct" && attrs["transposed"] != int64(1) {
			channels = w[len(w)-1]
		}
		own["rounded"] = r.ForChannels(channels)
	}
	def, err := b.find(Internal, op, Newest)
	if err != nil || b.Err != nil || def.Infer(&Node{Op: op, Attrs: own, In: in, Out: []*Value{{}}, Def: def}) != nil {
		return nil
	}
	return b.Op(op, own, in...)
}

// rounds reads the constant inputs that say how n rounds its sums: the bias, which may be
// absent, the scales of the operands at x and w, and that of the result at y, which its
// zero point follows. Nil where they are not constant, or no scales of bytes.
func (n *Node) rounds(bias *Value, x, w, y int) *Rounded {
	sx, sw, sy, zy := n.In[x], n.In[w], n.In[y], n.In[y+1]
	for _, v := range []*Value{sx, sw, sy, zy} {
		if v.Const == nil || v.Param {
			return nil
		}
	}
	if sx.DType != tensor.Float32 || sw.DType != tensor.Float32 || sy.DType != tensor.Float32 || sx.Len() != 1 ||
		sy.Len() != 1 || zy.Len() != 1 || !IsByte(zy.DType) {
		return nil
	}
	r := NewRounded(sx.Const.F32()[0], sw.Const.F32(), sy.Const.F32()[0], int32(zy.Const.Number(0)), zy.DType)
	if bias != nil && r != nil {
		if bias.Const == nil || bias.DType != tensor.Int32 {
			return nil
		}
		r.Bias = bias.Const.I32()
	}
	return r
}

// centred is x − zero in float64; a zero point of several values lies along an axis,
// from the end where that is negative.
func (b *Builder) centred(x, zero *Value, axis int) *Value {
	y := b.cast(x, tensor.Float64)
	if zero == nil || b.Err != nil {
		return y
	}
	if zero = b.cast(zero, tensor.Float64); len(zero.Shape) <= 1 {
		if axis < 0 {
			axis = max(axis+len(x.Shape), 0)
		}
		zero = b.along(zero, axis, len(x.Shape))
	}
	return b.Op("Sub", nil, y, zero)
}

// requantized is the sum of products y as the inputs at and at+1, the result's scale
// and zero point, say.
func (b *Builder) requantized(n *Node, y, scale *Value, at int) (*Value, error) {
	if b.Err != nil {
		return nil, b.Err
	}
	by, zero := n.In[at], n.In[at+1]
	x := b.Op("Mul", nil, b.cast(y, by.DType), b.Op("Div", nil, scale, b.Reshape(by, nil)))
	return b.quantized(n, x, b.Reshape(zero, nil), zero.DType)
}

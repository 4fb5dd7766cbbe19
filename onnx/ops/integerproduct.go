package ops

import "memprobe/internal/tensor"

// integerProducts are products and convolutions of quantised numbers. They are
// computed in float64, in which sums of products of integers are exact.
var integerProducts = []Def{
	{Op: "MatMulInteger", Since: 10, Weighted: true, Roles: []Role{Quantised, Quantised, ""}, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(2, 4); err != nil {
			return nil, err
		}
		y := b.Op("MatMul", nil, b.centred(n.In[0], n.Input(2), -2), b.centred(n.In[1], n.Input(3), -1))
		return []*Value{b.cast(y, tensor.Int32)}, b.Err
	}},
	{Op: "ConvInteger", Since: 10, Weighted: true, Roles: []Role{"", Quantised, ""}, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(2, 4); err != nil {
			return nil, err
		}
		y := b.Op("Conv", n.Attrs, b.centred(n.In[0], n.Input(2), 0), b.centred(n.In[1], n.Input(3), 0))
		return []*Value{b.cast(y, tensor.Int32)}, b.Err
	}},
	{Op: "QLinearMatMul", Since: 10, Weighted: true, Roles: []Role{Quantised, "", "", Quantised, ""}, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(8, 8); err != nil {
			return nil, err
		}
		y := b.Op("MatMul", nil, b.centred(n.In[0], n.In[2], -2), b.centred(n.In[3], n.In[5], -1))
		if b.Err != nil {
			return nil, b.Err
		}
		rank := len(y.Shape)
		out, err := b.requantized(n, y, b.Op("Mul", nil, b.along(n.In[1], max(rank-2, 0), rank), b.along(n.In[4], max(rank-1, 0), rank)), 6)
		return []*Value{out}, err
	}},
	{Op: "QLinearConv", Since: 10, Weighted: true, Roles: []Role{"", "", "", Quantised, ""}, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(8, 9); err != nil {
			return nil, err
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

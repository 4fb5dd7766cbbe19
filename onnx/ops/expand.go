package ops

import "slices"

// Expanded returns the nodes that compute n's outputs: n itself, inferred, or what its
// Expand writes.
func Expanded(n *Node) ([]*Node, error) {
	if n.Def.Expand == nil {
		return []*Node{n}, n.Def.Infer(n)
	}
	b := NewBuilder(n.Name)
	values, err := n.Def.Expand(b, n)
	switch {
	case err != nil:
		return nil, err
	case b.Err != nil:
		return nil, b.Err
	case n.Mistyped != nil:
		return nil, n.Mistyped
	}
	for i, out := range n.Out {
		if out == nil {
			continue
		}
		if i >= len(values) || values[i] == nil {
			return nil, n.Errorf("output %d, %q, is not one of the operator's", i, out.Name)
		}
		v := values[i]
		if !slices.Contains(b.Nodes, v.Producer) || slices.Contains(values[:i], v) {
			v = b.Op("Identity", nil, v)
		}
		become(b.Nodes, v, out)
	}
	return b.Nodes, b.Err
}

// become puts out in the place of a value that one of the nodes computes.
func become(nodes []*Node, v, out *Value) {
	out.DType, out.Shape, out.Producer = v.DType, v.Shape, v.Producer
	if v.Const != nil {
		out.Const = v.Const
	}
	for _, n := range nodes {
		for _, list := range [][]*Value{n.In, n.Out} {
			for i := range list {
				if list[i] == v {
					list[i] = out
				}
			}
		}
	}
}

// transpose puts the axes of v in another order.
func (b *Builder) transpose(v *Value, perm ...int) *Value {
	return b.Op("Transpose", Attrs{"perm": int64s(perm)}, v)
}

// times multiplies v by a number.
func (b *Builder) times(v *Value, by float64) *Value {
	if v == nil || by == 1 {
		return v
	}
	return b.Op("Mul", nil, v, b.Scalar(v, by))
}

// concat joins values along an axis; absent ones count for nothing.
func (b *Builder) concat(axis int, values ...*Value) *Value {
	values = slices.DeleteFunc(slices.Clone(values), func(v *Value) bool { return v == nil })
	if len(values) == 1 {
		return values[0]
	}
	return b.Op("Concat", Attrs{"axis": int64(axis)}, values...)
}

// slice is v's elements from lo up to hi along an axis.
func (b *Builder) slice(v *Value, axis, lo, hi int) *Value {
	if v == nil || lo == 0 && hi == v.Shape[axis] {
		return v
	}
	return b.Op("Slice", nil, v, b.Ints(lo), b.Ints(hi), b.Ints(axis))
}

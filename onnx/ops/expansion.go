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

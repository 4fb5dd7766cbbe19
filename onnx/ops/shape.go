package ops

import "memprobe/internal/tensor"

// shapes are the operators that turn a shape into data.
var shapes = []Def{
	{Op: "Shape", Since: 1, Attributes: "; 15 end:i start:i",
		OfShape: true, Infer: inferShape, NotDifferentiable: "its result depends on the shape alone"},
	{Op: "Size", Since: 1, OfShape: true, NotDifferentiable: "its result depends on the shape alone",
		Infer: func(n *Node) error {
			if err := n.Want(1, 1); err != nil {
				return err
			}
			n.Out[0].Const = tensor.From([]int64{int64(n.In[0].Len())})
			return n.SetOut(0, tensor.Int64, nil)
		}},
}

func inferShape(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	s := n.In[0].Shape
	bound := func(i int) int {
		if i < 0 {
			i += len(s)
		}
		return min(max(i, 0), len(s))
	}
	lo, hi := bound(n.Int("start", 0)), bound(n.Int("end", len(s)))
	dims := int64s(s[lo:max(lo, hi)])
	n.Out[0].Const = tensor.From(dims, len(dims))
	return n.SetOut(0, tensor.Int64, []int{len(dims)})
}

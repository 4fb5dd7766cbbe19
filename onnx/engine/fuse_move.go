package engine

import (
	"slices"

	"memprobe/onnx/ops"
)

// nothing makes a view of what only copies its operand: a Pad by nothing, a
// Slice or Expand of the whole, and a Transpose that moves axes of size 1.
func (f *fuser) nothing(n *ops.Node) *ops.Node {
	if !float(n) || len(n.In) == 0 || n.Out[0].Len() != n.In[0].Len() {
		return nil
	}
	switch {
	case is(n, "Pad") && addsNothing(n):
	case is(n, "Slice", "Expand") && slices.Equal(n.Out[0].Shape, n.In[0].Shape) && !n.Reverses():
	case is(n, "Transpose") && keepsOrder(n):
	default:
		return nil
	}
	return f.node("", "Identity", n, nil, n.In[0])
}

// stretched reads the operand of an Expand where the node stretches it to the other one
// itself.
func (f *fuser) stretched(n *ops.Node) *ops.Node {
	if !is(n, "Add", "Sub", "Mul", "Div") || !float(n) {
		return nil
	}
	for i, v := range n.In {
		if v.Const == nil && is(v.Producer, "Expand") && slices.Equal(n.In[1-i].Shape, n.Out[0].Shape) {
			in := slices.Clone(n.In)
			in[i] = v.Producer.In[0]
			return f.node("", n.Op, n, n.Attrs, in...)
		}
	}
	return nil
}

// addsNothing reports whether a Pad leaves every axis as it is. Equal shapes do not
// say so: a Pad may add before an axis what it crops after it.
func addsNothing(n *ops.Node) bool {
	before, after, err := n.Pads()
	some := func(p int) bool { return p != 0 }
	return err == nil && !slices.ContainsFunc(before, some) && !slices.ContainsFunc(after, some)
}

// keepsOrder reports whether a Transpose leaves the axes that are longer than 1
// in their order.
func keepsOrder(n *ops.Node) bool {
	last := -1
	for _, p := range n.Perm() {
		if n.In[0].Shape[p] == 1 {
			continue
		}
		if p < last {
			return false
		}
		last = p
	}
	return true
}

// globalAverage: the mean over all of space, of two axes or more, whether or not
// they stay. Over one axis it may be a part of a layer normalisation.
func (f *fuser) globalAverage(n *ops.Node) *ops.Node {
	if !is(n, "ReduceMean") || !float(n) || len(n.In[0].Shape) < 4 {
		return nil
	}
	axes := n.Ints("axes", nil)
	if v := n.Input(1); v != nil {
		axes, _ = v.Ints()
	}
	rank := len(n.In[0].Shape)
	axes, err := n.Axes(axes, rank)
	if err != nil || len(axes) != rank-2 || axes[0] != 2 || n.In[0].Len() == 0 {
		return nil
	}
	return f.node("", "GlobalAveragePool", n, nil, n.In[0])
}

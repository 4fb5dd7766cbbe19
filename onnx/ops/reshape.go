package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// reshapes are the operators that change a tensor's shape and none of its elements.
var reshapes = []Def{
	{Op: "Reshape", Since: 1, Attributes: "consumed_inputs:I shape:I", View: true, Moves: true, Grad: gradView,
		Infer: func(n *Node) error { return inferReshape(n, n.Ints("shape", nil), false) }},
	{Op: "Reshape", Since: 5, Attributes: "; 14 allowzero:i",
		View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error {
			shape, err := n.known(1, "shape")
			if err != nil {
				return err
			}
			return inferReshape(n, shape, n.Int("allowzero", 0) != 0)
		}},
	{Op: "Flatten", Since: 1, Attributes: "axis:i", View: true, Moves: true, Grad: gradView, Infer: inferFlatten},
	{Op: "Squeeze", Since: 1, Attributes: "axes:I", View: true, Moves: true, Grad: gradView,
		Infer: func(n *Node) error { return inferSqueeze(n, n.Ints("axes", nil), n.Has("axes")) }},
	{Op: "Squeeze", Since: 13, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error {
		if n.Input(1) == nil {
			return inferSqueeze(n, nil, false)
		}
		axes, err := n.known(1, "axes")
		if err != nil {
			return err
		}
		return inferSqueeze(n, axes, true)
	}},
	{Op: "Unsqueeze", Since: 1, Attributes: "axes:I!", View: true, Moves: true, Grad: gradView,
		Infer: func(n *Node) error { return inferUnsqueeze(n, n.Ints("axes", nil)) }},
	{Op: "Unsqueeze", Since: 13, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error {
		axes, err := n.known(1, "axes")
		if err != nil {
			return err
		}
		return inferUnsqueeze(n, axes)
	}},
}

func inferReshape(n *Node, shape []int, allowZero bool) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	in, out := n.In[0], slices.Clone(shape)
	rest, hole := 1, -1
	for i, d := range out {
		switch {
		case d == 0 && !allowZero:
			if i >= len(in.Shape) {
				return n.Errorf("shape %v copies dimension %d of %v", shape, i, in.Shape)
			}
			out[i] = in.Shape[i]
		case d == -1 && hole >= 0:
			return n.Errorf("shape %v has several -1", shape)
		case d == -1:
			hole = i
			continue
		case d < -1:
			return n.Errorf("shape %v has a negative dimension", shape)
		}
		if out[i] != 0 && rest > 1<<40/out[i] {
			return n.Errorf("cannot reshape %v to %v", in.Shape, shape)
		}
		rest *= out[i]
	}
	if hole >= 0 {
		if rest == 0 || in.Len()%rest != 0 {
			return n.Errorf("cannot reshape %v to %v", in.Shape, shape)
		}
		out[hole] = in.Len() / rest
		rest *= out[hole]
	}
	if rest != in.Len() {
		return n.Errorf("cannot reshape %v to %v", in.Shape, shape)
	}
	return n.SetOut(0, in.DType, out)
}

func inferFlatten(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	in := n.In[0]
	axis, rank := n.Int("axis", 1), len(in.Shape)
	if axis < -rank || axis > rank {
		return n.Errorf("axis %d is out of range for rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return n.SetOut(0, in.DType, []int{tensor.Len(in.Shape[:axis]), tensor.Len(in.Shape[axis:])})
}

func inferSqueeze(n *Node, axes []int, given bool) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	in := n.In[0]
	axes, err := n.Axes(axes, len(in.Shape))
	if err != nil {
		return err
	}
	out := []int{}
	for i, d := range in.Shape {
		listed := slices.Contains(axes, i)
		if listed && d != 1 {
			return n.Errorf("axis %d of shape %v is not 1", i, in.Shape)
		}
		if listed || !given && d == 1 {
			continue
		}
		out = append(out, d)
	}
	return n.SetOut(0, in.DType, out)
}

func inferUnsqueeze(n *Node, axes []int) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	in := n.In[0]
	rank := len(in.Shape) + len(axes)
	axes, err := n.Axes(axes, rank)
	if err != nil {
		return err
	}
	out := make([]int, 0, rank)
	for i, j := 0, 0; i < rank; i++ {
		if slices.Contains(axes, i) {
			out = append(out, 1)
		} else {
			out = append(out, in.Shape[j])
			j++
		}
	}
	return n.SetOut(0, in.DType, out)
}

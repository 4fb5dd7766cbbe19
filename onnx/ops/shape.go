package ops

import (
	"fmt"
	"slices"

	"memprobe/internal/tensor"
)

// shapes are the operators that change a tensor's shape and none of its
// elements, and those that turn shapes into data.
var shapes = []Def{
	{Op: "Reshape", Since: 1, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error { return inferReshape(n, n.Ints("shape", nil), false) }},
	{Op: "Reshape", Since: 5, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error {
		shape, err := n.known(1, "shape")
		if err != nil {
			return err
		}
		return inferReshape(n, shape, n.Int("allowzero", 0) != 0)
	}},
	{Op: "Flatten", Since: 1, View: true, Moves: true, Grad: gradView, Infer: inferFlatten},
	{Op: "Squeeze", Since: 1, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error { return inferSqueeze(n, n.Ints("axes", nil), n.Has("axes")) }},
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
	{Op: "Unsqueeze", Since: 1, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error { return inferUnsqueeze(n, n.Ints("axes", nil)) }},
	{Op: "Unsqueeze", Since: 13, View: true, Moves: true, Grad: gradView, Infer: func(n *Node) error {
		axes, err := n.known(1, "axes")
		if err != nil {
			return err
		}
		return inferUnsqueeze(n, axes)
	}},
	{Op: "Shape", Since: 1, OfShape: true, Infer: inferShape, NotDifferentiable: "its result depends on the shape alone"},
	{Op: "Size", Since: 1, OfShape: true, NotDifferentiable: "its result depends on the shape alone", Infer: func(n *Node) error {
		if err := n.Want(1, 1); err != nil {
			return err
		}
		n.Out[0].Const = tensor.From([]int64{int64(n.In[0].Len())})
		return n.SetOut(0, tensor.Int64, nil)
	}},
	{Op: "Constant", Since: 1, Infer: inferConstant, NotDifferentiable: "it has no input"},
	{Op: "ConstantOfShape", Since: 9, Infer: inferConstantOfShape, Bind: bindConstantOfShape, NotDifferentiable: "its result depends on the shape alone"},
	{Op: "Range", Since: 11, Infer: inferRange, Bind: bindRange, NotDifferentiable: "its result decides shapes"},
}

// known returns the elements of an integer input that must be constant.
func (n *Node) known(i int, what string) ([]int, error) {
	v := n.Input(i)
	if v == nil {
		return nil, n.Errorf("input %d (%s) is missing", i, what)
	}
	if !v.DType.IsInteger() {
		return nil, n.Errorf("input %d (%s) is %v, want integers", i, what, v.DType)
	}
	ints, ok := v.Ints()
	if !ok {
		return nil, n.Unknown(v, fmt.Sprintf("input %d (%s)", i, what))
	}
	if len(v.Shape) > 1 {
		return nil, n.Errorf("input %d (%s) has shape %v, want a vector", i, what, v.Shape)
	}
	return ints, nil
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

func inferConstant(n *Node) error {
	var t *tensor.Tensor
	switch {
	case n.Has("value"):
		t, _ = n.Attrs["value"].(*tensor.Tensor)
	case n.Has("value_int"):
		t = tensor.From([]int64{int64(n.Int("value_int", 0))})
	case n.Has("value_float"):
		t = tensor.From([]float32{n.Float("value_float", 0)})
	case n.Has("value_ints"):
		v := int64s(n.Ints("value_ints", nil))
		t = tensor.From(v, len(v))
	case n.Has("value_floats"):
		v, _ := n.Attrs["value_floats"].([]float32)
		t = tensor.From(v, len(v))
	}
	if t == nil {
		return n.Errorf("has no value of a supported type")
	}
	n.Out[0].Const = t
	return n.SetOut(0, t.DType, t.Shape)
}

func inferConstantOfShape(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	shape, err := n.known(0, "shape")
	if err != nil {
		return err
	}
	d := tensor.Float32
	if v, ok := n.Attrs["value"].(*tensor.Tensor); ok {
		if v.Len() != 1 {
			return n.Errorf("value has %d elements, want 1", v.Len())
		}
		d = v.DType
	}
	return n.SetOut(0, d, shape)
}

func bindConstantOfShape(n *Node, e *Env) (func(), error) {
	v, ok := n.Attrs["value"].(*tensor.Tensor)
	if !ok {
		return func() {}, nil // tensors are made zero
	}
	return broadcastTo(e, e.Out[0], v), nil
}

func inferRange(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	for i := range 3 {
		v := n.In[i]
		if v.Len() != 1 || v.DType != n.In[0].DType {
			return n.Errorf("start, limit and delta must be scalars of one type")
		}
		if v.Const == nil {
			return n.Unknown(v, "start, limit and delta")
		}
	}
	lo, hi, by := n.In[0].Const.Number(0), n.In[1].Const.Number(0), n.In[2].Const.Number(0)
	if by == 0 {
		return n.Errorf("delta is 0")
	}
	count := (hi - lo) / by
	if !(count <= 1<<30) { // nor a NaN
		return n.Errorf("range from %v to %v by %v is too long", lo, hi, by)
	}
	size := int(count)
	if float64(size) < count {
		size++
	}
	return n.SetOut(0, n.In[0].DType, []int{max(size, 0)})
}

func bindRange(n *Node, e *Env) (func(), error) {
	lo, by := n.In[0].Const.Number(0), n.In[2].Const.Number(0)
	steps := tensor.New(tensor.Float64, e.Out[0].Len())
	for i, s := 0, steps.F64(); i < len(s); i++ {
		s[i] = lo + float64(i)*by
	}
	return castLoop(steps, e.Out[0], narrowing{}), nil
}

package ops

import "memprobe/internal/tensor"

// constants are the operators that make a tensor of attributes, or of a shape.
var constants = []Def{
	{Op: "Constant", Since: 1,
		Attributes: "value:t!; 11 sparse_value:x value:t; " +
			"12 sparse_value:x value:t value_float:f value_floats:F value_int:i value_ints:I value_string:s " +
			"value_strings:S",
		Infer: inferConstant, NotDifferentiable: "it has no input"},
	{Op: "ConstantOfShape", Since: 9, Attributes: "value:t", Infer: inferConstantOfShape, Bind: bindConstantOfShape,
		NotDifferentiable: "its result depends on the shape alone"},
}

func inferConstant(n *Node) error {
	var t *tensor.Tensor
	switch {
	case n.Has("value"):
		t = attr[*tensor.Tensor](n, "value", nil)
	case n.Has("value_int"):
		t = tensor.From([]int64{int64(n.Int("value_int", 0))})
	case n.Has("value_float"):
		t = tensor.From([]float32{n.Float("value_float", 0)})
	case n.Has("value_ints"):
		v := int64s(n.Ints("value_ints", nil))
		t = tensor.From(v, len(v))
	case n.Has("value_floats"):
		v := n.floats("value_floats")
		t = tensor.From(v, len(v))
	}
	if n.Mistyped != nil {
		return n.Mistyped
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
	if v := attr[*tensor.Tensor](n, "value", nil); v != nil {
		if v.Len() != 1 {
			return n.Errorf("value has %d elements, want 1", v.Len())
		}
		d = v.DType
	}
	return n.SetOut(0, d, shape)
}

func bindConstantOfShape(n *Node, e *Env) (func(), error) {
	v := attr[*tensor.Tensor](n, "value", nil)
	if v == nil {
		return func() {}, nil // tensors are made zero
	}
	return broadcastTo(e, e.Out[0], v), nil
}

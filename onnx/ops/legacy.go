package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// legacies are operators of two operands before opset 7, when broadcasting was asked for.
var legacies = []Def{
	legacy("Add", placedHinted), legacy("Sub", placedHinted), legacy("Mul", placedHinted), legacy("Div", placedHinted),
	legacy("Pow", placed), legacy("And", placed), legacy("Or", placed), legacy("Xor", placed),
	legacy("Equal", placed), legacy("Less", placed), legacy("Greater", placed),
}

// placed says where operand B lies in A; below opset 6 arithmetic has a hint besides.
const (
	placed       = "axis:i broadcast:i"
	placedHinted = "axis:i broadcast:i consumed_inputs:I; 6 " + placed
)

// legacy is the operator as opset 1 to 6 have it: operands are of one shape or, with
// broadcast=1, that of B is a run of A's axes, from the attribute axis on; by default
// the last ones, or a single number. It is written out as a Reshape of B and the
// operator of later opsets.
func legacy(op, attributes string) Def {
	return Def{Op: op, Since: 1, Attributes: attributes, Infer: func(n *Node) error {
		if _, err := n.legacyShape(); err != nil {
			return err
		}
		d := n.In[0].DType
		if op == "Equal" || op == "Less" || op == "Greater" {
			d = tensor.Bool
		}
		return n.SetOut(0, d, n.In[0].Shape)
	}, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		shape, err := n.legacyShape()
		if err != nil {
			return nil, err
		}
		y := b.Op(op, nil, n.In[0], b.Reshape(n.In[1], shape))
		return []*Value{y}, b.Err
	}}
}

// legacyShape is B's shape with axes of 1 for those of A that it stretches along.
func (n *Node) legacyShape() ([]int, error) {
	if err := n.Want(2, 2); err != nil {
		return nil, err
	}
	a, b := n.In[0].Shape, n.In[1].Shape
	if n.Int("broadcast", 0) == 0 || n.In[1].Len() == 1 {
		if n.In[1].Len() != 1 && !slices.Equal(a, b) {
			return nil, n.Errorf("shapes %v and %v differ, and broadcast is not 1", a, b)
		}
		return b[max(0, len(b)-len(a)):], nil
	}
	axis, err := n.Axis(n.Int("axis", len(a)-len(b)), len(a))
	if err != nil {
		return nil, err
	}
	shape := slices.Repeat([]int{1}, len(a))
	if axis+len(b) > len(a) {
		return nil, n.Errorf("shape %v does not lie in %v from axis %d on", b, a, axis)
	}
	for i, d := range b {
		if shape[axis+i] = d; d != a[axis+i] && d != 1 {
			return nil, n.Errorf("shape %v does not lie in %v from axis %d on", b, a, axis)
		}
	}
	return shape, nil
}

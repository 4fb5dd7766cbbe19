package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var compressions = []Def{{Op: "Compress", Since: 9, Attributes: "axis:i",
	Expand: expandCompress, Eager: eagerly(2, 2, compress)}}

// expandCompress keeps the slices along an axis, or elements, where the condition
// holds.
func expandCompress(b *Builder, n *Node) ([]*Value, error) {
	x, axis, err := n.compressed()
	if err != nil {
		return nil, err
	}
	if n.In[1].Const == nil {
		return nil, n.Unknown(n.In[1], "condition")
	}
	kept, err := n.kept(x[axis])
	if err != nil {
		return nil, err
	}
	return []*Value{b.Op("Gather", Attrs{"axis": int64(axis)}, b.Reshape(n.In[0], x), b.Ints(kept...))}, b.Err
}

// compress is expandCompress on elements.
func compress(n *Node) ([]*tensor.Tensor, error) {
	shape, axis, err := n.compressed()
	if err != nil {
		return nil, err
	}
	kept, err := n.kept(shape[axis])
	if err != nil {
		return nil, err
	}
	x, l := n.In[0].Const, laneOf(shape, axis)
	shape[axis] = len(kept)
	size := x.DType.Size() * l.inner
	if err := n.need("the result", l.outer*len(kept)*size); err != nil {
		return nil, err
	}
	y := tensor.New(x.DType, shape...)
	for o := range l.outer {
		for j, i := range kept {
			copy(y.Bytes()[(o*len(kept)+j)*size:][:size], x.Bytes()[(o*l.n+i)*size:])
		}
	}
	return []*tensor.Tensor{y}, nil
}

// compressed is the shape of Compress's operand, flat without an axis, and the axis.
func (n *Node) compressed() (shape []int, axis int, err error) {
	if err := n.Want(2, 2); err != nil {
		return nil, 0, err
	}
	if c := n.In[1]; c.DType != tensor.Bool || len(c.Shape) != 1 {
		return nil, 0, n.Errorf("condition is %v%v, want a vector of bool", c.DType, c.Shape)
	}
	if n.Has("axis") {
		axis, err = n.axisAttr(0)
		return slices.Clone(n.In[0].Shape), axis, err
	}
	return []int{n.In[0].Len()}, 0, nil
}

// kept lists the slices, of a number of them, that Compress's condition keeps.
func (n *Node) kept(slices int) ([]int, error) {
	if err := n.need("the places", 16*n.In[1].Len()); err != nil {
		return nil, err
	}
	var kept []int
	for i, keep := range n.In[1].Const.Bool() {
		if keep && i >= slices {
			return nil, n.Errorf("condition keeps slice %d of %d", i, slices)
		}
		if keep {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

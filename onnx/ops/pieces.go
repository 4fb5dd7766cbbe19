package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// concatenated joins tensors of one type, of which there is at least one, along an axis.
func (n *Node) concatenated(axis int, parts []*tensor.Tensor) (*tensor.Tensor, error) {
	join := Node{Name: n.Name, Op: n.Op, Attrs: Attrs{"axis": int64(axis)}, Out: []*Value{{}}}
	for _, t := range parts {
		join.In = append(join.In, &Value{DType: t.DType, Shape: t.Shape})
	}
	if err := inferConcat(&join); err != nil {
		return nil, err
	}
	y := join.Out[0]
	if err := n.need("the joined tensors", y.Len()*y.DType.Size()); err != nil {
		return nil, err
	}
	out := tensor.New(y.DType, y.Shape...)
	run, err := bindConcat(&join, &Env{In: parts, Out: []*tensor.Tensor{out}})
	if err != nil {
		return nil, err
	}
	run()
	return out, nil
}

// stacked joins tensors of one shape along an axis that is new.
func (n *Node) stacked(axis int, parts []*tensor.Tensor) (*tensor.Tensor, error) {
	axis, err := n.Axis(axis, len(parts[0].Shape)+1)
	if err != nil {
		return nil, err
	}
	slabs := make([]*tensor.Tensor, len(parts))
	for i, t := range parts {
		if !slices.Equal(t.Shape, parts[0].Shape) {
			return nil, n.Errorf("shapes %v and %v cannot be stacked", parts[0].Shape, t.Shape)
		}
		slabs[i] = t.Reshape(slices.Insert(slices.Clone(t.Shape), axis, 1)...)
	}
	return n.concatenated(axis, slabs)
}

// piece is a copy of t's indices lo to hi of an axis.
func (n *Node) piece(t *tensor.Tensor, axis, lo, hi int) (*tensor.Tensor, error) {
	l, shape := laneOf(t.Shape, axis), slices.Clone(t.Shape)
	shape[axis] = hi - lo
	size := t.DType.Size() * l.inner
	if err := n.need("a piece", tensor.Len(shape)*t.DType.Size()); err != nil {
		return nil, err
	}
	out := tensor.New(t.DType, shape...)
	row := (hi - lo) * size
	for o := range l.outer {
		copy(out.Bytes()[o*row:][:row], t.Bytes()[(o*l.n+lo)*size:])
	}
	return out, nil
}

// slab is a copy of t's index i of an axis, without the axis.
func (n *Node) slab(t *tensor.Tensor, axis, i int) (*tensor.Tensor, error) {
	p, err := n.piece(t, axis, i, i+1)
	if err != nil {
		return nil, err
	}
	return p.Reshape(slices.Concat(t.Shape[:axis], t.Shape[axis+1:])...), nil
}

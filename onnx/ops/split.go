package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var splits = []Def{
	{Op: "Split", Since: 2, Attributes: "axis:i split:I",
		Infer: func(n *Node) error { return inferSplit(n, n.Ints("split", nil)) }, Bind: bindSplit,
		Grad: gradSplit},
	{Op: "Split", Since: 13, Attributes: "axis:i; 18 axis:i num_outputs:i", Infer: func(n *Node) error {
		if n.Input(1) == nil {
			return inferSplit(n, nil)
		}
		sizes, err := n.known(1, "split")
		if err != nil {
			return err
		}
		return inferSplit(n, sizes)
	}, Bind: bindSplit, Grad: gradSplit},
}

func inferSplit(n *Node, sizes []int) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	in := n.In[0]
	axis, err := n.Axis(n.Int("axis", 0), len(in.Shape))
	if err != nil {
		return err
	}
	if sizes == nil {
		parts := len(n.Out)
		switch {
		case n.Opset < 18 && in.Shape[axis]%parts != 0:
			return n.Errorf("axis %d of shape %v has no %d equal parts", axis, in.Shape, parts)
		case n.Opset >= 18 && n.Int("num_outputs", 0) != parts:
			return n.Errorf("has no sizes, and num_outputs is %d for %d outputs", n.Int("num_outputs", 0), parts)
		}
		each := (in.Shape[axis] + parts - 1) / parts
		for i := range parts {
			sizes = append(sizes, max(0, min(each, in.Shape[axis]-i*each)))
		}
	}
	sum := 0
	for _, s := range sizes {
		if s < 0 {
			return n.Errorf("split %v has a negative size", sizes)
		}
		sum += s
	}
	if len(sizes) != len(n.Out) || sum != in.Shape[axis] {
		return n.Errorf("split %v does not fit axis %d of shape %v and %d outputs", sizes, axis, in.Shape, len(n.Out))
	}
	for i, s := range sizes {
		out := slices.Clone(in.Shape)
		out[axis] = s
		if err := n.SetOut(i, in.DType, out); err != nil {
			return err
		}
		if n.Out[i] == nil {
			return n.Errorf("output %d is absent", i)
		}
	}
	return nil
}

func bindSplit(n *Node, e *Env) (func(), error) {
	axis, _ := n.Axis(n.Int("axis", 0), len(n.In[0].Shape))
	strides := tensor.Strides(n.In[0].Shape)
	var runs []func()
	at := 0
	for i, v := range n.Out {
		if v == nil || e.Out[i] == nil {
			continue
		}
		runs = append(runs, bindView(e, e.Out[i], e.In[0], view{at * strides[axis], strides}))
		at += v.Shape[axis]
	}
	return func() {
		for _, run := range runs {
			run()
		}
	}, nil
}

// gradSplit puts zeros for the pieces that do not reach the loss, of which the last
// may be gone from the node.
func gradSplit(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	x := n.In[0]
	axis, err := n.Axis(n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	rest := slices.Clone(x.Shape)
	for _, v := range n.Out {
		if v != nil {
			rest[axis] -= v.Shape[axis]
		}
	}
	parts := make([]*Value, len(n.Out))
	for i, v := range n.Out {
		shape := rest
		if v != nil {
			shape = v.Shape
		}
		if parts[i] = dy[i]; dy[i] == nil {
			parts[i] = b.Op("Expand", nil, b.Scalar(x, 0), b.Ints(shape...))
		}
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("Concat", Attrs{"axis": int64(axis)}, parts...)
	return out, b.Err
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

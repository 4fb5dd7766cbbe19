package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var concats = []Def{
	{Op: "Concat", Since: 1, Attributes: "axis:i; 4 axis:i!",
		Roles: []Role{Embedding}, Infer: inferConcat, Bind: bindConcat, Grad: gradConcat},
}

func inferConcat(n *Node) error {
	if len(n.In) == 0 {
		return n.Errorf("has no inputs")
	}
	if err := n.Want(len(n.In), len(n.In)); err != nil {
		return err
	}
	first := n.In[0]
	axis, err := n.Axis(n.Int("axis", 1), len(first.Shape))
	if err != nil {
		return err
	}
	out := slices.Clone(first.Shape)
	for _, v := range n.In[1:] {
		if v.DType != first.DType {
			return n.Errorf("inputs are %v and %v, want one type", first.DType, v.DType)
		}
		if len(v.Shape) != len(out) {
			return n.Errorf("input shapes %v and %v do not fit", first.Shape, v.Shape)
		}
		for d := range out {
			if d != axis && v.Shape[d] != out[d] {
				return n.Errorf("input shapes %v and %v differ on axis %d", first.Shape, v.Shape, d)
			}
		}
		out[axis] += v.Shape[axis]
	}
	return n.SetOut(0, first.DType, out)
}

func bindConcat(n *Node, e *Env) (func(), error) {
	y := e.Out[0]
	axis, _ := n.Axis(n.Int("axis", 1), len(y.Shape))
	outer, size := tensor.Len(y.Shape[:axis]), y.DType.Size()
	row := tensor.Len(y.Shape[axis:]) * size
	body := func(_, o int) {
		at := o * row
		for _, x := range e.In {
			n := tensor.Len(x.Shape[axis:]) * size
			copy(y.Bytes()[at:at+n], x.Bytes()[o*n:(o+1)*n])
			at += n
		}
	}
	return func() { e.Pool.For(outer, body) }, nil
}

func gradConcat(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	axis, err := n.Axis(n.Int("axis", 1), len(n.Out[0].Shape))
	if err != nil {
		return nil, err
	}
	sizes := make([]int, len(n.In))
	for i, v := range n.In {
		sizes[i] = v.Shape[axis]
	}
	return b.OpN("Split", Attrs{"axis": int64(axis)}, len(n.In), dy[0], b.Ints(sizes...)), b.Err
}

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

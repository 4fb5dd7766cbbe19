package ops

import "memprobe/internal/tensor"

var wheres = []Def{{Op: "Where", Since: 9, Infer: inferWhere, Bind: bindWhere, Grad: gradWhere}}

func inferWhere(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	if n.In[0].DType != tensor.Bool || n.In[1].DType != n.In[2].DType {
		return n.Errorf("inputs are %v, %v, %v, want bool and two of one type", n.In[0].DType, n.In[1].DType, n.In[2].DType)
	}
	shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape, n.In[2].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[1].DType, shape)
}

func bindWhere(n *Node, e *Env) (func(), error) {
	return words(n.In[1].DType, func() func() { return whereLoop[uint8](e) },
		func() func() { return whereLoop[uint16](e) }, func() func() { return whereLoop[uint32](e) },
		func() func() { return whereLoop[uint64](e) }), nil
}

func whereLoop[T tensor.Word](e *Env) func() {
	out := e.Out[0]
	w := newWalk(out.Shape, e.In[0].Shape, e.In[1].Shape, e.In[2].Shape)
	return func() {
		c, a, b, y := e.In[0].Bool(), tensor.Words[T](e.In[1]), tensor.Words[T](e.In[2]), tensor.Words[T](out)
		for r := range w.rows {
			ic, ia, ib := w.offset(0, r), w.offset(1, r), w.offset(2, r)
			for i := range w.inner {
				if c[ic+i*w.step[0]] {
					y[r*w.inner+i] = a[ia+i*w.step[1]]
				} else {
					y[r*w.inner+i] = b[ib+i*w.step[2]]
				}
			}
		}
	}
}

var gradWhere = gradOf(nil,
	func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Where", nil, n.In[0], dy, b.Scalar(dy, 0)) },
	func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Where", nil, n.In[0], b.Scalar(dy, 0), dy) })

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var topKs = []Def{
	{Op: "TopK", Since: 1, Attributes: "axis:i k:i!",
		Infer: inferTopK, Wide: wideInt, Bind: bindTopK, Grad: gradTopK},
	{Op: "TopK", Since: 10, Attributes: "axis:i; 11 axis:i largest:i sorted:i",
		Infer: inferTopK, Wide: wideInt, Bind: bindTopK, Grad: gradTopK},
}

// topK resolves axis and k, which is an attribute before opset 10.
func (n *Node) topK() (axis, k int, err error) {
	if axis, err = n.axisAttr(-1); err != nil {
		return 0, 0, err
	}
	k = n.Int("k", 0)
	if n.Def.Since >= 10 {
		v, err := n.known(1, "K")
		if err != nil {
			return 0, 0, err
		}
		if len(v) != 1 {
			return 0, 0, n.Errorf("K has %d values, want 1", len(v))
		}
		k = v[0]
	}
	if d := n.In[0].Shape[axis]; k < 0 || k > d {
		return 0, 0, n.Errorf("K is %d, axis %d has %d elements", k, axis, d)
	}
	return axis, k, nil
}

func inferTopK(n *Node) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	axis, k, err := n.topK()
	if err != nil {
		return err
	}
	shape := slices.Clone(n.In[0].Shape)
	shape[axis] = k
	if err := n.SetOut(1, tensor.Int64, shape); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, shape)
}

func bindTopK(n *Node, e *Env) (func(), error) {
	axis, k, err := n.topK()
	if err != nil {
		return nil, err
	}
	l, largest := laneOf(e.In[0].Shape, axis), n.Int("largest", 1) != 0
	return numbers(n, e.In[0].DType,
		func() func() { return topKLoop[float32](e, l, k, largest) },
		func() func() { return topKLoop[float64](e, l, k, largest) },
		func() func() { return topKLoop[int64](e, l, k, largest) },
		func() func() { return topKLoop[uint64](e, l, k, largest) })
}

// gradTopK moves each gradient to the element that was taken.
func gradTopK(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	axis, k, err := n.topK()
	if err != nil {
		return nil, err
	}
	var indices *Value
	if len(n.Out) > 1 {
		indices = n.Out[1]
	}
	if indices == nil {
		again := b.OpN("TopK", Attrs{"axis": int64(axis), "largest": int64(n.Int("largest", 1))}, 2, n.In[0], b.Ints(k))
		if b.Err != nil {
			return nil, b.Err
		}
		indices = again[1]
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("ScatterElements", Attrs{"axis": int64(axis)}, b.zeros(n.In[0]), indices, dy[0])
	return out, b.Err
}

// topKLoop sorts each lane, best first, equals by index. Sorted results also
// satisfy sorted = 0, which leaves the order open.
func topKLoop[T number](e *Env, l lane, k int, largest bool) func() {
	x := e.In[0]
	order, count := make([]int, l.n), l.outer*l.inner
	if k == 0 {
		count = 0
	}
	return func() {
		for i := range count {
			src := tensor.Data[T](x)[l.start(i):]
			for j := range order {
				order[j] = j
			}
			slices.SortStableFunc(order, func(a, b int) int {
				if u, v := src[a*l.inner], src[b*l.inner]; u == v {
					return 0
				} else if (u > v) == largest {
					return -1
				}
				return 1
			})
			out := lane{l.outer, k, l.inner}.start(i)
			for j, from := range order[:k] {
				if e.Out[0] != nil {
					tensor.Data[T](e.Out[0])[out+j*l.inner] = src[from*l.inner]
				}
				if len(e.Out) > 1 && e.Out[1] != nil {
					e.Out[1].I64()[out+j*l.inner] = int64(from)
				}
			}
		}
	}
}

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// lanes are operators along one axis: each works on the lanes of n elements,
// inner elements apart, that cross a tensor [outer,n,inner].
var lanes = slices.Concat(
	argument("ArgMax", true), argument("ArgMin", false),
	[]Def{
		{Op: "TopK", Since: 1, Infer: inferTopK, Wide: wideInt, Bind: bindTopK, Grad: gradTopK},
		{Op: "TopK", Since: 10, Infer: inferTopK, Wide: wideInt, Bind: bindTopK, Grad: gradTopK},
		{Op: "CumSum", Since: 11, Infer: inferCumSum, Wide: wideInt, Bind: bindCumSum, Grad: gradCumSum},
		{Op: "OneHot", Since: 9, Infer: inferOneHot, Bind: bindOneHot, NotDifferentiable: "its result is a code of integers"},
	})

const ranking = "its result is a ranking"

// lane is the place of an axis in a shape.
type lane struct{ outer, n, inner int }

func laneOf(shape []int, axis int) lane {
	return lane{tensor.Len(shape[:axis]), shape[axis], tensor.Len(shape[axis+1:])}
}

// start is the first element of lane i, of outer·inner.
func (l lane) start(i int) int { return i/l.inner*l.n*l.inner + i%l.inner }

// axisAttr is the attribute axis, resolved against the first input.
func (n *Node) axisAttr(def int) (int, error) { return n.Axis(n.Int("axis", def), len(n.In[0].Shape)) }

// argument is ArgMax or ArgMin: the index of the best element of each lane, the
// first of equals or, with select_last_index, the last.
func argument(op string, largest bool) []Def {
	d := Def{Op: op, Since: 1, Wide: wideInt, NotDifferentiable: ranking}
	d.Infer = func(n *Node) error {
		if err := n.Want(1, 1); err != nil {
			return err
		}
		axis, err := n.axisAttr(0)
		if err != nil {
			return err
		}
		shape := slices.Clone(n.In[0].Shape)
		if shape[axis] == 0 {
			return n.Errorf("axis %d of shape %v is empty", axis, shape)
		}
		if shape[axis] = 1; n.Int("keepdims", 1) == 0 {
			shape = slices.Delete(shape, axis, axis+1)
		}
		return n.SetOut(0, tensor.Int64, shape)
	}
	d.Bind = func(n *Node, e *Env) (func(), error) {
		axis, _ := n.axisAttr(0)
		l, last := laneOf(e.In[0].Shape, axis), n.Int("select_last_index", 0) != 0
		return numbers(n, e.In[0].DType,
			func() func() { return argLoop[float32](e, l, last, largest) }, func() func() { return argLoop[float64](e, l, last, largest) },
			func() func() { return argLoop[int64](e, l, last, largest) }, func() func() { return argLoop[uint64](e, l, last, largest) })
	}
	select12 := d
	select12.Since = 12
	return []Def{d, select12}
}

func argLoop[T number](e *Env, l lane, last, largest bool) func() {
	x, y := e.In[0], e.Out[0]
	body := func(_, i int) {
		src, best := tensor.Data[T](x)[l.start(i):], 0
		for j := 1; j < l.n; j++ {
			a, b := src[j*l.inner], src[best*l.inner]
			if largest && a > b || !largest && a < b || last && a == b {
				best = j
			}
		}
		y.I64()[i] = int64(best)
	}
	return func() { e.Pool.For(l.outer*l.inner, body) }
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
		func() func() { return topKLoop[float32](e, l, k, largest) }, func() func() { return topKLoop[float64](e, l, k, largest) },
		func() func() { return topKLoop[int64](e, l, k, largest) }, func() func() { return topKLoop[uint64](e, l, k, largest) })
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

// cumSumAxis is the axis input of CumSum.
func (n *Node) cumSumAxis() (int, error) {
	v, err := n.known(1, "axis")
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, n.Errorf("axis has %d values, want 1", len(v))
	}
	return n.Axis(v[0], len(n.In[0].Shape))
}

func inferCumSum(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if _, err := n.cumSumAxis(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindCumSum(n *Node, e *Env) (func(), error) {
	axis, err := n.cumSumAxis()
	if err != nil {
		return nil, err
	}
	l, exclusive, reverse := laneOf(e.In[0].Shape, axis), n.Int("exclusive", 0) != 0, n.Int("reverse", 0) != 0
	return numbers(n, e.In[0].DType,
		func() func() { return cumSumLoop[float32](e, l, exclusive, reverse) }, func() func() { return cumSumLoop[float64](e, l, exclusive, reverse) },
		func() func() { return cumSumLoop[int64](e, l, exclusive, reverse) }, func() func() { return cumSumLoop[uint64](e, l, exclusive, reverse) })
}

func cumSumLoop[T number](e *Env, l lane, exclusive, reverse bool) func() {
	x, y := e.In[0], e.Out[0]
	body := func(_, i int) {
		src, dst, sum := tensor.Data[T](x), tensor.Data[T](y), T(0)
		for j := range l.n {
			at := j
			if reverse {
				at = l.n - 1 - j
			}
			at = l.start(i) + at*l.inner
			v := src[at]
			if exclusive {
				dst[at] = sum
			} else {
				dst[at] = sum + v
			}
			sum += v
		}
	}
	return func() { e.Pool.For(l.outer*l.inner, body) }
}

// gradCumSum: what an element adds to later sums comes back from them.
func gradCumSum(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	dx := b.Op("CumSum", Attrs{"exclusive": int64(n.Int("exclusive", 0)), "reverse": int64(1 - n.Int("reverse", 0))}, dy[0], n.In[1])
	return []*Value{dx, nil}, b.Err
}

func inferOneHot(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	depth, ix := n.In[1], n.In[0]
	if depth.Len() != 1 || n.In[2].Len() != 2 {
		return n.Errorf("depth has %d elements and values %d, want 1 and 2", depth.Len(), n.In[2].Len())
	}
	if depth.Const == nil {
		return n.Unknown(depth, "depth")
	}
	if ix.DType == tensor.Bool {
		return n.Errorf("indices are bool, want numbers")
	}
	axis, err := n.Axis(n.Int("axis", -1), len(ix.Shape)+1)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[2].DType, slices.Insert(slices.Clone(ix.Shape), axis, int(depth.Const.Number(0))))
}

func bindOneHot(n *Node, e *Env) (func(), error) {
	axis, err := n.Axis(n.Int("axis", -1), len(e.Out[0].Shape))
	if err != nil {
		return nil, err
	}
	l := laneOf(e.Out[0].Shape, axis)
	return words(e.Out[0].DType, func() func() { return oneHotLoop[uint8](e, l) }, func() func() { return oneHotLoop[uint16](e, l) },
		func() func() { return oneHotLoop[uint32](e, l) }, func() func() { return oneHotLoop[uint64](e, l) }), nil
}

// oneHotLoop writes values[1] at each index, which may count from the end, and
// values[0] elsewhere; an index out of range leaves its lane off.
func oneHotLoop[T tensor.Word](e *Env, l lane) func() {
	return func() {
		ix, values, dst := e.In[0], tensor.Words[T](e.In[2]), tensor.Words[T](e.Out[0])
		for i := range l.outer * l.inner {
			hot := int(ix.Number(i))
			if hot < 0 {
				hot += l.n
			}
			for j := range l.n {
				v := values[0]
				if j == hot {
					v = values[1]
				}
				dst[l.start(i)+j*l.inner] = v
			}
		}
	}
}

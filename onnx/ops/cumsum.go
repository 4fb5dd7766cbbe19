package ops

import "memprobe/internal/tensor"

var cumSums = []Def{{Op: "CumSum", Since: 11, Attributes: "exclusive:i reverse:i",
	Infer: inferCumSum, Wide: wideInt, Bind: bindCumSum, Grad: gradCumSum}}

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
		func() func() { return cumSumLoop[float32](e, l, exclusive, reverse) },
		func() func() { return cumSumLoop[float64](e, l, exclusive, reverse) },
		func() func() { return cumSumLoop[int64](e, l, exclusive, reverse) },
		func() func() { return cumSumLoop[uint64](e, l, exclusive, reverse) })
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
	dx := b.Op("CumSum", Attrs{"exclusive": int64(n.Int("exclusive", 0)), "reverse": int64(1 - n.Int("reverse", 0))},
		dy[0], n.In[1])
	return []*Value{dx, nil}, b.Err
}

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var argMaxes = []Def{argument("ArgMax", true), argument("ArgMin", false)}

const ranking = "its result is a ranking"

// argument is ArgMax or ArgMin: the index of the best element of each lane, the
// first of equals or, with select_last_index, the last.
func argument(op string, largest bool) Def {
	d := Def{Op: op, Since: 1, Attributes: "axis:i keepdims:i; 12 axis:i keepdims:i select_last_index:i",
		Wide: wideInt, NotDifferentiable: ranking}
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
			func() func() { return argLoop[float32](e, l, last, largest) },
			func() func() { return argLoop[float64](e, l, last, largest) },
			func() func() { return argLoop[int64](e, l, last, largest) },
			func() func() { return argLoop[uint64](e, l, last, largest) })
	}
	return d
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

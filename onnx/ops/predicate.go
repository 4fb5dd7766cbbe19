package ops

import (
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// predicates are the questions that are asked of each float.
var predicates = []Def{
	{Op: "IsNaN", Since: 9, NotDifferentiable: "its result is boolean", Infer: inferPredicate,
		Bind: func(n *Node, e *Env) (func(), error) {
			return bindPredicate(n, e, math.IsNaN)
		}},
	{Op: "IsInf", Since: 10, Attributes: "detect_negative:i detect_positive:i",
		NotDifferentiable: "its result is boolean", Infer: inferPredicate,
		Bind: func(n *Node, e *Env) (func(), error) {
			up, down := n.Int("detect_positive", 1) != 0, n.Int("detect_negative", 1) != 0
			return bindPredicate(n, e, func(x float64) bool { return up && math.IsInf(x, 1) || down && math.IsInf(x, -1) })
		}},
}

func inferPredicate(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if !n.In[0].DType.IsFloat() {
		return n.Errorf("input is %v, want float32", n.In[0].DType)
	}
	return n.SetOut(0, tensor.Bool, n.In[0].Shape)
}

func bindPredicate(n *Node, e *Env, f func(x float64) bool) (func(), error) {
	return floatLoop(n, e, func() func() { return predicateLoop[float32](e, f) },
		func() func() { return predicateLoop[float64](e, f) })
}

func predicateLoop[T tensor.Float](e *Env, f func(x float64) bool) func() {
	x, y := e.In[0], e.Out[0]
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, span, y.Len())
		for i, v := range tensor.Data[T](x)[lo:hi] {
			y.Bool()[lo+i] = f(float64(v))
		}
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }
}

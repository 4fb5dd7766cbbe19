package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// identities are the operators that pass their input on, and Clip, which does
// so within bounds.
var identities = []Def{
	{Op: "Identity", Since: 1, View: true, Moves: true, Infer: func(n *Node) error { return sameAs(n, 1, 1) }, Grad: gradView, Eager: handOn},
	{Op: "Clip", Since: 1, InPlace: true, Wide: wideInt, Infer: inferClip, Bind: bindClip, Grad: gradClip},
	{Op: "ClipGrad", Domain: Internal, Since: 1, InPlace: true, Infer: func(n *Node) error { return sameAs(n, 2, 4) }, Bind: bindClipGrad},
	{Op: "Not", Since: 1, NotDifferentiable: "its result is boolean", Infer: inferNot, Bind: func(_ *Node, e *Env) (func(), error) {
		return mapLoop(e, func(y, x []bool) {
			for i, v := range x {
				y[i] = !v
			}
		}), nil
	}},
	{Op: "IsNaN", Since: 9, NotDifferentiable: "its result is boolean", Infer: inferPredicate, Bind: func(n *Node, e *Env) (func(), error) {
		return bindPredicate(n, e, math.IsNaN)
	}},
	{Op: "IsInf", Since: 10, NotDifferentiable: "its result is boolean", Infer: inferPredicate, Bind: func(n *Node, e *Env) (func(), error) {
		up, down := n.Int("detect_positive", 1) != 0, n.Int("detect_negative", 1) != 0
		return bindPredicate(n, e, func(x float64) bool { return up && math.IsInf(x, 1) || down && math.IsInf(x, -1) })
	}},
}

// gradView is the gradient of an operator that changes no element.
func gradView(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	out[0] = b.Reshape(dy[0], n.In[0].Shape)
	return out, b.Err
}

// inferClip checks bounds: attributes before opset 11, inputs after.
func inferClip(n *Node) error {
	if err := sameAs(n, 1, 3); err != nil {
		return err
	}
	for i := 1; i < len(n.In); i++ {
		if v := n.In[i]; v != nil && (v.Len() != 1 || v.DType != n.In[0].DType) {
			return n.Errorf("bound %d is %v%v, want one %v", i, v.DType, v.Shape, n.In[0].DType)
		}
	}
	if n.In[0].DType >= tensor.Bool {
		return n.Errorf("element type %v is not supported", n.In[0].DType)
	}
	return nil
}

func bindClip(n *Node, e *Env) (func(), error) {
	return numbers(n, n.In[0].DType,
		func() func() {
			return clipLoop(n, e, float32(math.Inf(-1)), float32(math.Inf(1)), vec.Clip[float32])
		},
		func() func() { return clipLoop(n, e, math.Inf(-1), math.Inf(1), vec.Clip[float64]) },
		func() func() { return clipLoop(n, e, math.MinInt64, math.MaxInt64, clip[int64]) },
		func() func() { return clipLoop(n, e, 0, math.MaxUint64, clip[uint64]) })
}

func clip[T number](y, x []T, lo, hi T) {
	for i, v := range x {
		y[i] = min(max(v, lo), hi)
	}
}

// bounds returns what reads a Clip's bounds from attributes or, at run time,
// from the inputs at and at+1.
func bounds[T number](n *Node, e *Env, at int, lo, hi T) func() (T, T) {
	if n.Has("min") {
		lo = T(n.Float("min", 0))
	}
	if n.Has("max") {
		hi = T(n.Float("max", 0))
	}
	var from [2]*tensor.Tensor
	copy(from[:], e.In[min(at, len(e.In)):])
	return func() (T, T) {
		lo, hi := lo, hi
		if from[0] != nil {
			lo = tensor.Data[T](from[0])[0]
		}
		if from[1] != nil {
			hi = tensor.Data[T](from[1])[0]
		}
		return lo, hi
	}
}

func clipLoop[T number](n *Node, e *Env, lo, hi T, f func(y, x []T, lo, hi T)) func() {
	read := bounds(n, e, 1, lo, hi)
	run := mapLoop(e, func(y, x []T) { f(y, x, lo, hi) })
	return func() { lo, hi = read(); run() }
}

func gradClip(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	out[0] = b.Op("ClipGrad", n.Attrs, append([]*Value{dy[0]}, n.In...)...)
	return out, b.Err
}

func bindClipGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return clipGradLoop(n, e, vec.ClipGrad[float32]) },
		func() func() { return clipGradLoop(n, e, vec.ClipGrad[float64]) })
}

func clipGradLoop[T tensor.Float](n *Node, e *Env, f func(dx, dy, x []T, lo, hi T)) func() {
	lo, hi := T(math.Inf(-1)), T(math.Inf(1))
	read := bounds(n, e, 2, lo, hi)
	run := mapLoop2(e, func(dx, dy, x []T) { f(dx, dy, x, lo, hi) })
	return func() { lo, hi = read(); run() }
}

func inferNot(n *Node) error {
	if err := sameAs(n, 1, 1); err != nil {
		return err
	}
	if n.In[0].DType != tensor.Bool {
		return n.Errorf("input is %v, want bool", n.In[0].DType)
	}
	return nil
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
	return floatLoop(n, e, func() func() { return predicateLoop[float32](e, f) }, func() func() { return predicateLoop[float64](e, f) })
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

package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

var clips = []Def{
	{Op: "Clip", Since: 1, Attributes: "consumed_inputs:I max:f min:f; 6 max:f min:f; 11",
		InPlace: true, Wide: wideInt, Infer: inferClip, Bind: bindClip, Grad: gradClip},
	{Op: "ClipGrad", Domain: Internal, Since: 1, InPlace: true, Infer: func(n *Node) error { return sameAs(n, 2, 4) },
		Bind: bindClipGrad},
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

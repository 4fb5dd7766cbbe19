package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

func inferPow(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if d := n.In[0].DType; d >= tensor.Bool || n.In[1].DType >= tensor.Bool {
		return n.Errorf("a power of %v with exponent %v is not supported", d, n.In[1].DType)
	}
	shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, shape)
}

// bindPow squares without a call of pow where the exponent is the constant 2,
// the form in which exporters write a variance.
func bindPow(n *Node, e *Env) (func(), error) {
	if x := n.In[1]; x.Const != nil && x.Len() == 1 && n.In[0].DType == tensor.Float32 && x.DType == tensor.Float32 && x.Const.F32()[0] == 2 && e.In[0].Len() == e.Out[0].Len() {
		return mapLoop(e, func(y, x []float32) { vec.Mul(y, x, x) }), nil
	}
	f := arith{f32: pow[float32], f64: pow[float64], i64: pow[int64], u64: pow[uint64]}
	if n.In[0].DType == n.In[1].DType {
		return f.bind(n, e, e.In[0], e.In[1], e.Out[0])
	}
	exponent := tensor.New(tensor.Float64, e.In[1].Shape...)
	cast := castLoop(e.In[1], exponent, narrowing{})
	run, err := powOf(n, e, exponent)
	return func() { cast(); run() }, err
}

// powOf is a power whose exponent has another type than the base.
func powOf(n *Node, e *Env, exponent *tensor.Tensor) (func(), error) {
	w := newWalk(e.Out[0].Shape, e.In[0].Shape, exponent.Shape)
	return numbers(n, e.In[0].DType,
		func() func() { return rowOf(e, w, e.In[0], exponent, e.Out[0], power[float32], vectors[float32]{}) },
		func() func() { return rowOf(e, w, e.In[0], exponent, e.Out[0], power[float64], vectors[float64]{}) },
		func() func() { return rowOf(e, w, e.In[0], exponent, e.Out[0], power[int64], vectors[int64]{}) },
		func() func() { return rowOf(e, w, e.In[0], exponent, e.Out[0], power[uint64], vectors[uint64]{}) })
}

func power[T number](a T, b float64) T { return T(math.Pow(float64(a), b)) }

func pow[T number](a, b T) T { return power(a, float64(b)) }

func inferMod(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	d := n.In[0].DType
	if d != n.In[1].DType || d >= tensor.Bool {
		return n.Errorf("inputs are %v and %v, want one type of numbers", d, n.In[1].DType)
	}
	if d.IsFloat() && n.Int("fmod", 0) == 0 {
		return n.Errorf("fmod must be 1 for %v", d)
	}
	shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, d, shape)
}

// bindMod takes the sign of the dividend with fmod, else that of the divisor.
func bindMod(n *Node, e *Env) (func(), error) {
	f := arith{f32: fmod[float32], f64: fmod[float64], i64: floorMod, u64: remainder[uint64]}
	if n.Int("fmod", 0) != 0 {
		f.i64 = remainder[int64]
	}
	return f.bind(n, e, e.In[0], e.In[1], e.Out[0])
}

func fmod[T tensor.Float](a, b T) T { return T(math.Mod(float64(a), float64(b))) }

// remainder is 0 for the divisor 0.
func remainder[T int64 | uint64](a, b T) T {
	if b == 0 {
		return 0
	}
	return a % b
}

func floorMod(a, b int64) int64 {
	r := remainder(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

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
	if d := n.In[0].DType; d == tensor.Bool || d == tensor.Uint8 || n.In[1].DType == tensor.Bool {
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
	if x := n.In[1]; x.Const != nil && x.Len() == 1 && n.In[0].DType == tensor.Float32 && x.DType == tensor.Float32 && x.Const.F32[0] == 2 && e.In[0].Len() == e.Out[0].Len() {
		return mapLoop(e, func(y, x []float32) { vec.Mul(y, x, x) }), nil
	}
	if n.In[0].DType == n.In[1].DType {
		return arith{f32: pow[float32, float32], f64: pow[float64, float64], i64: pow[int64, int64], i32: pow[int32, int32]}.bind(n, e, e.In[0], e.In[1], e.Out[0])
	}
	switch n.In[0].DType {
	case tensor.Float32:
		return powLoop[float32](n, e), nil
	case tensor.Float64:
		return powLoop[float64](n, e), nil
	case tensor.Int64:
		return powLoop[int64](n, e), nil
	}
	return powLoop[int32](n, e), nil
}

// powLoop is a power whose exponent has another type than the base.
func powLoop[A number](n *Node, e *Env) func() {
	w := newWalk(e.Out[0].Shape, e.In[0].Shape, e.In[1].Shape)
	switch n.In[1].DType {
	case tensor.Float32:
		return rowOf(e, w, e.In[0], e.In[1], e.Out[0], pow[A, float32], vectors[A]{})
	case tensor.Float64:
		return rowOf(e, w, e.In[0], e.In[1], e.Out[0], pow[A, float64], vectors[A]{})
	case tensor.Int64:
		return rowOf(e, w, e.In[0], e.In[1], e.Out[0], pow[A, int64], vectors[A]{})
	case tensor.Int32:
		return rowOf(e, w, e.In[0], e.In[1], e.Out[0], pow[A, int32], vectors[A]{})
	}
	return rowOf(e, w, e.In[0], e.In[1], e.Out[0], pow[A, uint8], vectors[A]{})
}

func pow[A, B number](a A, b B) A { return A(math.Pow(float64(a), float64(b))) }

func inferMod(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	d := n.In[0].DType
	if d != n.In[1].DType || d == tensor.Bool {
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
	f := arith{f32: fmod[float32], f64: fmod[float64], i64: floorMod[int64], i32: floorMod[int32], u8: floorMod[uint8]}
	if n.Int("fmod", 0) != 0 {
		f.i64, f.i32 = remainder[int64], remainder[int32]
	}
	return f.bind(n, e, e.In[0], e.In[1], e.Out[0])
}

func fmod[T tensor.Float](a, b T) T { return T(math.Mod(float64(a), float64(b))) }

// remainder is 0 for the divisor 0.
func remainder[T int64 | int32 | uint8](a, b T) T {
	if b == 0 {
		return 0
	}
	return a % b
}

func floorMod[T int64 | int32 | uint8](a, b T) T {
	r := remainder(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

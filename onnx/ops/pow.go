package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

var pows = []Def{
	{Op: "Pow", Since: 7, Wide: wideInt, Infer: inferPow, Bind: bindPow, Grad: gradPow},
	internal(binary("PowGradBase", 1, arith{f32: powGradBase[float32], f64: powGradBase[float64]}, nil)),
	internal(binary("PowGradExponent", 1, arith{f32: powGradExponent[float32], f64: powGradExponent[float64]}, nil)),
}

// internal moves an entry to the internal domain.
func internal(d Def) Def {
	d.Domain = Internal
	return d
}

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
	if x := n.In[1]; x.Const != nil && x.Len() == 1 && n.In[0].DType == tensor.Float32 && x.DType == tensor.Float32 &&
		x.Const.F32()[0] == 2 && e.In[0].Len() == e.Out[0].Len() {
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

var gradPow = gradOf(
	func(b *Builder, n *Node, dy *Value) *Value {
		return b.Op("Mul", nil, dy, b.Op("PowGradBase", nil, n.In[0], exponent(b, n)))
	},
	func(b *Builder, n *Node, dy *Value) *Value {
		return b.Op("Mul", nil, dy, b.Op("PowGradExponent", nil, n.In[0], exponent(b, n)))
	})

// exponent is Pow's, in the type of the base.
func exponent(b *Builder, n *Node) *Value {
	if n.In[1].DType == n.In[0].DType {
		return n.In[1]
	}
	return b.Op("CastLike", nil, n.In[1], n.In[0])
}

// powGradBase is ∂aᵇ/∂a = b·aᵇ⁻¹.
func powGradBase[T tensor.Float](a, b T) T {
	switch b {
	case 0:
		return 0
	case 2:
		return 2 * a
	}
	return T(float64(b) * math.Pow(float64(a), float64(b)-1))
}

// powGradExponent is ∂aᵇ/∂b = aᵇ·ln a, with its limit 0 at a = 0.
func powGradExponent[T tensor.Float](a, b T) T {
	if a == 0 && b >= 0 {
		return 0
	}
	return T(math.Pow(float64(a), float64(b)) * math.Log(float64(a)))
}

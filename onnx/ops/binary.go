package ops

import (
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

var binaries = []Def{
	reads(binary("Add", 7, sumOf, gradAdd), Added),
	reads(binary("Sub", 7, arith{minus[float32], minus[float64], minus[int64], minus[uint64], nil,
		vectors[float32]{rows: vec.Sub[float32]}, vectors[float64]{rows: vec.Sub[float64]}}, gradSub), Added),
	reads(binary("Mul", 7, arith{times[float32], times[float64], times[int64], times[uint64], nil,
		vectors[float32]{vec.Mul[float32], vec.MulScalar[float32], vec.MulScalar[float32], vec.MulRows[float32]},
		vectors[float64]{vec.Mul[float64], vec.MulScalar[float64], vec.MulScalar[float64], vec.MulRows[float64]}}, gradMul), Scale),
	reads(binary("Div", 7, arith{over[float32], over[float64], over[int64], over[uint64], nil,
		vectors[float32]{vec.Div[float32], vec.DivScalar[float32], vec.ScalarDiv[float32], nil},
		vectors[float64]{vec.Div[float64], vec.DivScalar[float64], vec.ScalarDiv[float64], nil}}, gradDiv), Scale),
}

var sumOf = arith{plus[float32], plus[float64], plus[int64], plus[uint64], nil,
	vectors[float32]{vec.Add[float32], vec.AddScalar[float32], vec.AddScalar[float32], nil},
	vectors[float64]{vec.Add[float64], vec.AddScalar[float64], vec.AddScalar[float64], nil}}

// arith is an arithmetic operator on every type that it is defined on.
type arith struct {
	f32  func(a, b float32) float32
	f64  func(a, b float64) float64
	i64  func(a, b int64) int64
	u64  func(a, b uint64) uint64
	bool func(a, b bool) bool
	v32  vectors[float32]
	v64  vectors[float64]
}

func (f arith) bind(n *Node, e *Env, a, b, dst *tensor.Tensor) (func(), error) {
	w := newWalk(dst.Shape, a.Shape, b.Shape)
	if dst.DType == tensor.Bool {
		return rowOf(e, w, a, b, dst, f.bool, vectors[bool]{}), nil
	}
	return numbers(n, dst.DType, func() func() { return rowOf(e, w, a, b, dst, f.f32, f.v32) },
		func() func() { return rowOf(e, w, a, b, dst, f.f64, f.v64) },
		func() func() { return rowOf(e, w, a, b, dst, f.i64, vectors[int64]{}) },
		func() func() { return rowOf(e, w, a, b, dst, f.u64, vectors[uint64]{}) })
}

// gradRule is Def.Grad.
type gradRule = func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error)

// supports reports whether the operator is defined on an element type.
func (f arith) supports(d tensor.DType) bool {
	switch wideInt(d) {
	case tensor.Float32:
		return f.f32 != nil
	case tensor.Float64:
		return f.f64 != nil
	case tensor.Int64:
		return f.i64 != nil
	case tensor.Uint64:
		return f.u64 != nil
	case tensor.Bool:
		return f.bool != nil
	}
	return false
}

func binary(op string, since int, f arith, grad gradRule) Def {
	return Def{Op: op, Since: since, InPlace: true, Over: [][2]int{{0, 1}}, Wide: wideInt, Grad: grad,
		Infer: func(n *Node) error {
			if err := n.Want(2, 2); err != nil {
				return err
			}
			if n.In[0].DType != n.In[1].DType {
				return n.Errorf("inputs are %v and %v, want one type", n.In[0].DType, n.In[1].DType)
			}
			if !f.supports(n.In[0].DType) {
				return n.Errorf("element type %v is not supported", n.In[0].DType)
			}
			shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
			if err != nil {
				return err
			}
			return n.SetOut(0, n.In[0].DType, shape)
		},
		Bind: func(n *Node, e *Env) (func(), error) {
			run, err := f.bind(n, e, e.In[0], e.In[1], e.Out[0])
			if op == "Div" && err == nil {
				run = dividing(n, e, run)
			}
			return run, err
		},
	}
}

func plus[T number](a, b T) T  { return a + b }
func minus[T number](a, b T) T { return a - b }
func times[T number](a, b T) T { return a * b }

func over[T number](a, b T) T { return a / b }

// dividing has run fail where a divisor among integers is 0, as in ONNX Runtime.
func dividing(n *Node, e *Env, run func()) func() {
	y, b := e.Out[0], e.In[1]
	if b.DType.IsFloat() {
		return run
	}
	return func() {
		if y.Len() > 0 && slices.Contains(tensor.Words[uint64](b), 0) {
			e.Fail(n.Errorf("an integer is divided by 0"))
			return
		}
		run()
	}
}

var (
	gradAdd = gradOf(pass, pass)
	gradSub = gradOf(pass, func(b *Builder, _ *Node, dy *Value) *Value { return b.Op("Neg", nil, dy) })
	gradMul = gradOf(
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Mul", nil, dy, n.In[1]) },
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Mul", nil, dy, n.In[0]) })
	gradDiv = gradOf(
		func(b *Builder, n *Node, dy *Value) *Value { return b.Op("Div", nil, dy, n.In[1]) },
		func(b *Builder, n *Node, dy *Value) *Value {
			return b.Op("Neg", nil, b.Op("Div", nil, b.Op("Mul", nil, dy, n.Out[0]), n.In[1]))
		})
)

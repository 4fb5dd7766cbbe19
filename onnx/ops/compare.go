package ops

import "memprobe/internal/tensor"

var comparisons = []Def{
	compare("Equal", 7, relation{eq[float32], eq[float64], eq[int64], eq[uint64], eq[bool]}),
	compare("Less", 7, relation{lt[float32], lt[float64], lt[int64], lt[uint64], nil}),
	compare("Greater", 7, relation{gt[float32], gt[float64], gt[int64], gt[uint64], nil}),
	compare("LessOrEqual", 12, relation{le[float32], le[float64], le[int64], le[uint64], nil}),
	compare("GreaterOrEqual", 12, relation{ge[float32], ge[float64], ge[int64], ge[uint64], nil}),
}

// relation is a comparison of two elements of each type.
type relation struct {
	f32  func(a, b float32) bool
	f64  func(a, b float64) bool
	i64  func(a, b int64) bool
	u64  func(a, b uint64) bool
	bool func(a, b bool) bool
}

// compare is an operator with a bool result.
func compare(op string, since int, f relation) Def {
	return Def{Op: op, Since: since, Wide: wideInt, NotDifferentiable: "its result is boolean",
		Infer: func(n *Node) error {
			if err := n.Want(2, 2); err != nil {
				return err
			}
			if n.In[0].DType != n.In[1].DType {
				return n.Errorf("inputs are %v and %v, want one type", n.In[0].DType, n.In[1].DType)
			}
			if f.bool == nil && n.In[0].DType == tensor.Bool {
				return n.Errorf("element type %v is not supported", n.In[0].DType)
			}
			shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape)
			if err != nil {
				return err
			}
			return n.SetOut(0, tensor.Bool, shape)
		},
		Bind: func(n *Node, e *Env) (func(), error) {
			x, y, dst := e.In[0], e.In[1], e.Out[0]
			w := newWalk(dst.Shape, x.Shape, y.Shape)
			if x.DType == tensor.Bool {
				return rowOf(e, w, x, y, dst, f.bool, vectors[bool]{}), nil
			}
			return numbers(n, x.DType,
				func() func() { return rowOf(e, w, x, y, dst, f.f32, vectors[bool]{}) },
				func() func() { return rowOf(e, w, x, y, dst, f.f64, vectors[bool]{}) },
				func() func() { return rowOf(e, w, x, y, dst, f.i64, vectors[bool]{}) },
				func() func() { return rowOf(e, w, x, y, dst, f.u64, vectors[bool]{}) })
		},
	}
}

func eq[T tensor.Element](a, b T) bool { return a == b }
func lt[T number](a, b T) bool         { return a < b }
func gt[T number](a, b T) bool         { return a > b }
func le[T number](a, b T) bool         { return a <= b }
func ge[T number](a, b T) bool         { return a >= b }

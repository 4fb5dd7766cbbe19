package ops

import (
	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

func eq[T tensor.Element](a, b T) bool { return a == b }
func lt[T number](a, b T) bool         { return a < b }
func gt[T number](a, b T) bool         { return a > b }
func le[T number](a, b T) bool         { return a <= b }
func ge[T number](a, b T) bool         { return a >= b }

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

// logic is an operator on booleans.
func logic(op string, f func(a, b bool) bool) Def {
	d := binary(op, 7, arith{bool: f}, nil)
	d.NotDifferentiable = "its result is boolean"
	return d
}

// internal moves an entry to the internal domain.
func internal(d Def) Def {
	d.Domain = Internal
	return d
}

// variadic folds a binary operator over any number of inputs.
func variadic(op string, since int, f arith, grad gradRule) Def {
	return Def{Op: op, Since: since, Wide: wideInt, Grad: grad,
		Infer: func(n *Node) error {
			if err := n.Want(len(n.In), len(n.In)); err != nil || len(n.In) == 0 {
				return n.Errorf("wants at least one input, and none absent")
			}
			if !f.supports(n.In[0].DType) {
				return n.Errorf("element type %v is not supported", n.In[0].DType)
			}
			shapes := make([][]int, len(n.In))
			for i, v := range n.In {
				if shapes[i] = v.Shape; v.DType != n.In[0].DType {
					return n.Errorf("inputs are %v and %v, want one type", n.In[0].DType, v.DType)
				}
			}
			shape, err := broadcastShape(n, shapes...)
			if err != nil {
				return err
			}
			return n.SetOut(0, n.In[0].DType, shape)
		},
		Bind: func(n *Node, e *Env) (func(), error) {
			if len(n.In) == 1 {
				return func() { e.Out[0].Copy(e.In[0]) }, nil
			}
			var runs []func()
			acc := e.In[0]
			for _, x := range e.In[1:] {
				run, err := f.bind(n, e, acc, x, e.Out[0])
				if err != nil {
					return nil, err
				}
				runs, acc = append(runs, run), e.Out[0]
			}
			if n.Op == "Mean" {
				run, err := scaleBy(n, e, 1/float64(len(n.In)))
				if err != nil {
					return nil, err
				}
				runs = append(runs, run)
			}
			return func() {
				for _, run := range runs {
					run()
				}
			}, nil
		},
	}
}

// scaleBy multiplies the output by a number.
func scaleBy(n *Node, e *Env, by float64) (func(), error) {
	over := *e
	over.In = e.Out
	return floatLoop(n, &over, func() func() {
		return mapLoop(&over, func(y, x []float32) { vec.MulScalar(y, x, float32(by)) })
	}, func() func() {
		return mapLoop(&over, func(y, x []float64) { vec.MulScalar(y, x, by) })
	})
}

func inferWhere(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	if n.In[0].DType != tensor.Bool || n.In[1].DType != n.In[2].DType {
		return n.Errorf("inputs are %v, %v, %v, want bool and two of one type", n.In[0].DType, n.In[1].DType, n.In[2].DType)
	}
	shape, err := broadcastShape(n, n.In[0].Shape, n.In[1].Shape, n.In[2].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[1].DType, shape)
}

func bindWhere(n *Node, e *Env) (func(), error) {
	return words(n.In[1].DType, func() func() { return whereLoop[uint8](e) }, func() func() { return whereLoop[uint16](e) },
		func() func() { return whereLoop[uint32](e) }, func() func() { return whereLoop[uint64](e) }), nil
}

func whereLoop[T tensor.Word](e *Env) func() {
	out := e.Out[0]
	w := newWalk(out.Shape, e.In[0].Shape, e.In[1].Shape, e.In[2].Shape)
	return func() {
		c, a, b, y := e.In[0].Bool(), tensor.Words[T](e.In[1]), tensor.Words[T](e.In[2]), tensor.Words[T](out)
		for r := range w.rows {
			ic, ia, ib := w.offset(0, r), w.offset(1, r), w.offset(2, r)
			for i := range w.inner {
				if c[ic+i*w.step[0]] {
					y[r*w.inner+i] = a[ia+i*w.step[1]]
				} else {
					y[r*w.inner+i] = b[ib+i*w.step[2]]
				}
			}
		}
	}
}

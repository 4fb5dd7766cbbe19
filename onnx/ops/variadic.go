package ops

import "memprobe/internal/kernel/vec"

// variadics are the operators that fold any number of operands.
var variadics = []Def{
	variadic("Sum", 1, arith{f32: plus[float32], f64: plus[float64], v32: sumOf.v32, v64: sumOf.v64}, gradAdd),
	variadic("Max", 1, arith{maxOf[float32], maxOf[float64], maxOf[int64], maxOf[uint64], nil,
		vectors[float32]{rows: vec.Max[float32]}, vectors[float64]{rows: vec.Max[float64]}}, gradExtreme),
	variadic("Min", 1, arith{minOf[float32], minOf[float64], minOf[int64], minOf[uint64], nil,
		vectors[float32]{rows: vec.Min[float32]}, vectors[float64]{rows: vec.Min[float64]}}, gradExtreme),
	variadic("Mean", 1, arith{f32: plus[float32], f64: plus[float64], v32: sumOf.v32, v64: sumOf.v64}, gradMean),
}

// variadic folds a binary operator over any number of inputs.
func variadic(op string, since int, f arith, grad gradRule) Def {
	return Def{Op: op, Since: since, Attributes: hinted, Wide: wideInt, Grad: grad,
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

// maxOf and minOf propagate NaN, as numpy's maximum and minimum do.
func maxOf[T number](a, b T) T {
	if a > b || a != a {
		return a
	}
	return b
}

func minOf[T number](a, b T) T {
	if a < b || a != a {
		return a
	}
	return b
}

var gradMean = gradOf(func(b *Builder, n *Node, dy *Value) *Value {
	return b.Op("Mul", nil, dy, b.Scalar(dy, 1/float64(len(n.In))))
})

// gradExtreme shares the gradient of Max and Min among the operands that attain
// the extreme.
func gradExtreme(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	y := n.Out[0]
	hits := make([]*Value, len(n.In))
	for i, v := range n.In {
		hits[i] = b.Op("CastLike", nil, b.Op("Equal", nil, v, y), y)
	}
	share := b.Op("Div", nil, dy[0], b.Op("Sum", nil, hits...))
	out := make([]*Value, len(n.In))
	for i, v := range n.In {
		if want[i] {
			out[i] = b.SumTo(b.Op("Mul", nil, share, hits[i]), v.Shape)
		}
	}
	return out, b.Err
}

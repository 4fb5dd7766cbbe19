package ops

import (
	"math"

	"memprobe/internal/tensor"
)

// reductions fold axes away; each is a sum of f over them followed by g.
var reductions = []Def{
	reduce("ReduceSum", 1, 13, 0, func(a, x float64) float64 { return a + x }, nil, gradReduceSum),
	reduce("ReduceMean", 1, 18, 0, func(a, x float64) float64 { return a + x }, func(a float64, n int) float64 { return a / float64(n) }, gradReduceMean),
	reduce("ReduceMax", 1, 18, math.Inf(-1), maxOf[float64], nil, gradReduceExtreme),
	reduce("ReduceMin", 1, 18, math.Inf(1), minOf[float64], nil, gradReduceExtreme),
	reduce("ReduceProd", 1, 18, 1, func(a, x float64) float64 { return a * x }, nil, gradReduceProd),
	reduce("ReduceL1", 1, 18, 0, func(a, x float64) float64 { return a + math.Abs(x) }, nil, gradReduceL1),
	reduce("ReduceL2", 1, 18, 0, func(a, x float64) float64 { return a + x*x }, func(a float64, _ int) float64 { return math.Sqrt(a) }, gradReduceL2),
	reduce("ReduceSumSquare", 1, 18, 0, func(a, x float64) float64 { return a + x*x }, nil, gradReduceSumSquare),
	reduce("ReduceLogSum", 1, 18, 0, func(a, x float64) float64 { return a + x }, func(a float64, _ int) float64 { return math.Log(a) }, gradReduceLogSum),
	reduce("ReduceLogSumExp", 1, 18, math.Inf(-1), logAddExp, nil, gradReduceLogSumExp),
	{Op: "ProductOfOthers", Domain: Internal, Since: 1, Infer: inferProductOfOthers, Bind: bindProductOfOthers},
}

// logAddExp is ln(eᵃ+eˣ), from the larger, so that no exponential overflows.
func logAddExp(a, x float64) float64 {
	m := max(a, x)
	if math.IsInf(m, 0) { // a difference of infinities is no number
		return m
	}
	return m + math.Log1p(math.Exp(-math.Abs(a-x)))
}

// reduce is a reduction whose axes are an attribute before the version asInput.
// Others than sums of floats run in float64, in the order of the elements.
func reduce(op string, since, asInput int, zero float64, f func(a, x float64) float64, g func(a float64, n int) float64, grad func(*Builder, folded) *Value) Def {
	resolve := func(n *Node) ([]int, error) { return n.reduced(asInput) }
	return Def{Op: op, Since: since, Wide: wideBool, Grad: gradReduce(asInput, grad),
		Infer: func(n *Node) error {
			axes, err := resolve(n)
			if err != nil {
				return err
			}
			keep := n.Int("keepdims", 1) != 0
			out := []int{}
			for i, d := range n.In[0].Shape {
				switch {
				case !contains(axes, i):
					out = append(out, d)
				case keep:
					out = append(out, 1)
				}
			}
			return n.SetOut(0, n.In[0].DType, out)
		},
		Bind: func(n *Node, e *Env) (func(), error) {
			axes, err := resolve(n)
			if err != nil {
				return nil, err
			}
			if sums, count := reducedSum(n, axes); sums {
				gone := make([]bool, len(n.In[0].Shape))
				for _, a := range axes {
					gone[a] = true
				}
				return floatLoop(n, e, func() func() { return sumLoop[float32](e, gone, count) }, func() func() { return sumLoop[float64](e, gone, count) })
			}
			return numbers(n, n.In[0].DType,
				func() func() { return reduceLoop[float32](e, axes, zero, f, g) }, func() func() { return reduceLoop[float64](e, axes, zero, f, g) },
				func() func() { return reduceLoop[int64](e, axes, zero, f, g) }, func() func() { return reduceLoop[uint64](e, axes, zero, f, g) })
		},
	}
}

// reducedSum reports whether n is a sum of floats, and what it is divided by.
func reducedSum(n *Node, axes []int) (sums bool, count int) {
	count = 1
	if n.Op == "ReduceMean" {
		for _, a := range axes {
			count *= n.In[0].Shape[a]
		}
	}
	return n.In[0].DType.IsFloat() && (n.Op == "ReduceSum" || n.Op == "ReduceMean"), count
}

func contains(axes []int, i int) bool {
	for _, a := range axes {
		if a == i {
			return true
		}
	}
	return false
}

// reduced returns the axes to fold; all where none are given, unless
// noop_with_empty_axes says to fold none.
func (n *Node) reduced(asInput int) ([]int, error) {
	if err := n.Want(1, 2); err != nil {
		return nil, err
	}
	axes := n.Ints("axes", nil)
	if n.Opset >= asInput && n.Input(1) != nil {
		var err error
		if axes, err = n.known(1, "axes"); err != nil {
			return nil, err
		}
	}
	rank := len(n.In[0].Shape)
	if len(axes) == 0 && n.Int("noop_with_empty_axes", 0) == 0 {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	return n.Axes(axes, rank)
}

func reduceLoop[T number](e *Env, axes []int, zero float64, f func(a, x float64) float64, g func(a float64, n int) float64) func() {
	x, y := e.In[0], e.Out[0]
	own := tensor.Strides(x.Shape)
	var outer, inner, outerStride, innerStride []int
	for i, d := range x.Shape {
		if contains(axes, i) {
			inner, innerStride = append(inner, d), append(innerStride, own[i])
		} else {
			outer, outerStride = append(outer, d), append(outerStride, own[i])
		}
	}
	count := tensor.Len(inner)
	starts, offsets := offsetsOf(outer, outerStride), offsetsOf(inner, innerStride)
	body := func(_, o int) {
		src, acc := tensor.Data[T](x), zero
		for _, at := range offsets {
			acc = f(acc, float64(src[starts[o]+at]))
		}
		if g != nil {
			acc = g(acc, count)
		}
		tensor.Data[T](y)[o] = T(acc)
	}
	return func() { e.Pool.For(len(starts), body) }
}

// offsetsOf lists the offsets of all elements of a strided array, row-major.
func offsetsOf(shape, strides []int) []int {
	out := []int{0}
	for d, size := range shape {
		next := make([]int, 0, len(out)*size)
		for _, o := range out {
			for i := range size {
				next = append(next, o+i*strides[d])
			}
		}
		out = next
	}
	return out
}

package ops

import (
	"fmt"
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// reductions fold axes away.
var reductions = []Def{
	reduce("ReduceSum", 1, 13, folds{fold[float64]{0, plus[float64], nil}, &fold[int64]{0, plus[int64], nil},
		&fold[uint64]{0, plus[uint64], nil}}, gradReduceSum),
	reduce("ReduceMean", 1, 18, folds{fold[float64]{0, plus[float64], share[float64]},
		&fold[int64]{0, plus[int64], share[int64]}, &fold[uint64]{0, plus[uint64], share[uint64]}}, gradReduceMean),
	reduce("ReduceMax", 1, 18, folds{fold[float64]{math.Inf(-1), maxOf[float64], nil},
		&fold[int64]{math.MinInt64, maxOf[int64], nil}, &fold[uint64]{0, maxOf[uint64], nil}}, gradReduceExtreme),
	reduce("ReduceMin", 1, 18, folds{fold[float64]{math.Inf(1), minOf[float64], nil},
		&fold[int64]{math.MaxInt64, minOf[int64], nil}, &fold[uint64]{math.MaxUint64, minOf[uint64], nil}},
		gradReduceExtreme),
	reduce("ReduceProd", 1, 18, folds{fold[float64]{1, times[float64], nil}, &fold[int64]{1, times[int64], nil},
		&fold[uint64]{1, times[uint64], nil}}, gradReduceProd),
	reduce("ReduceL1", 1, 18, folds{fold[float64]{0, plusSize[float64], nil}, &fold[int64]{0, plusSize[int64], nil},
		&fold[uint64]{0, plusSize[uint64], nil}}, gradReduceL1),
	reduce("ReduceL2", 1, 18, folds{float: fold[float64]{0, plusSquare[float64],
		func(a float64, _ int) float64 { return math.Sqrt(a) }}}, gradReduceL2),
	reduce("ReduceSumSquare", 1, 18,
		folds{fold[float64]{0, plusSquare[float64], nil}, &fold[int64]{0, plusSquare[int64], nil},
			&fold[uint64]{0, plusSquare[uint64], nil}}, gradReduceSumSquare),
	reduce("ReduceLogSum", 1, 18, folds{float: fold[float64]{0, plus[float64],
		func(a float64, _ int) float64 { return math.Log(a) }}}, gradReduceLogSum),
	reduce("ReduceLogSumExp", 1, 18, folds{float: fold[float64]{math.Inf(-1), logAddExp, nil}}, gradReduceLogSumExp),
	{Op: "ProductOfOthers", Domain: Internal, Since: 1, Infer: inferProductOfOthers, Bind: bindProductOfOthers},
}

// fold is a sum of f over elements, from zero on, followed by g of it and of their number.
type fold[A number] struct {
	zero A
	f    func(a, x A) A
	g    func(a A, n int) A
}

// folds are a reduction of floats and, where float64 would round it, of integers.
type folds struct {
	float fold[float64]
	int   *fold[int64]
	uint  *fold[uint64]
}

func plusSize[T number](a, x T) T {
	if x < 0 {
		x = -x
	}
	return a + x
}

func plusSquare[T number](a, x T) T { return a + x*x }

// share is one of n equal parts; of integers, rounded towards 0.
func share[T number](a T, n int) T { return over(a, T(n)) }

// logAddExp is ln(eᵃ+eˣ), from the larger, so that no exponential overflows.
func logAddExp(a, x float64) float64 {
	m := max(a, x)
	if math.IsInf(m, 0) { // a difference of infinities is no number
		return m
	}
	return m + math.Log1p(math.Exp(-math.Abs(a-x)))
}

// reduce is a reduction whose axes are an attribute before the version asInput.
// Others than sums of floats and of their squares run in float64 or 64-bit integers, in the
// order of the elements.
func reduce(op string, since, asInput int, f folds, grad func(*Builder, folded) *Value) Def {
	resolve := func(n *Node) ([]int, error) { return n.reduced(asInput) }
	return Def{Op: op, Since: since,
		Attributes: fmt.Sprintf("axes:I keepdims:i; %d keepdims:i noop_with_empty_axes:i", asInput),
		Wide:       wideBool, Grad: gradReduce(asInput, grad),
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
			if t, ok := reducedTotal(n, axes); ok {
				gone := make([]bool, len(n.In[0].Shape))
				for _, a := range axes {
					gone[a] = true
				}
				return floatLoop(n, e, func() func() { return sumLoop[float32](e, gone, t) },
					func() func() { return sumLoop[float64](e, gone, t) })
			}
			ints, uints := func() func() { return reduceLoop[int64](e, axes, f.float) },
				func() func() { return reduceLoop[uint64](e, axes, f.float) }
			if f.int != nil {
				ints, uints = func() func() { return reduceLoop[int64](e, axes, *f.int) },
					func() func() { return reduceLoop[uint64](e, axes, *f.uint) }
			}
			return numbers(n, n.In[0].DType, func() func() { return reduceLoop[float32](e, axes, f.float) },
				func() func() { return reduceLoop[float64](e, axes, f.float) }, ints, uints)
		},
	}
}

// reducedTotal is what n adds up, if it is a sum of floats or of their squares.
func reducedTotal(n *Node, axes []int) (t total, ok bool) {
	if !n.In[0].DType.IsFloat() {
		return t, false
	}
	switch n.Op {
	case "ReduceSum":
		return total{}, true
	case "ReduceMean":
		count := 1
		for _, a := range axes {
			count *= n.In[0].Shape[a]
		}
		return total{then: func(sum float64) float64 { return sum / float64(count) }}, true
	case "ReduceSumSquare":
		return total{squares: true}, true
	case "ReduceL2":
		return total{squares: true, then: math.Sqrt}, true
	case "ReduceLogSum":
		return total{then: math.Log}, true
	}
	return t, false
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

func reduceLoop[T, A number](e *Env, axes []int, f fold[A]) func() {
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
	size := max(1, span/max(1, count))
	body := func(_, chunk int) {
		src, dst := tensor.Data[T](x), tensor.Data[T](y)
		lo, hi := parallel.Range(chunk, size, len(starts))
		for o := lo; o < hi; o++ {
			acc := f.zero
			for _, at := range offsets {
				acc = f.f(acc, A(src[starts[o]+at]))
			}
			if f.g != nil {
				acc = f.g(acc, count)
			}
			dst[o] = T(acc)
		}
	}
	return func() { e.Pool.For(parallel.Chunks(len(starts), size), body) }
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

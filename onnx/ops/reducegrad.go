package ops

import (
	"memprobe/internal/tensor"
)

// folded is a reduction as its gradient sees it: x, and y and dy with the folded
// dimensions kept as 1.
type folded struct {
	x, y, dy *Value
	count    int // elements of x for each of y
}

// gradReduce is the gradient of a reduction. rule returns dx, or what broadcasts
// to it.
func gradReduce(asInput int, rule func(b *Builder, f folded) *Value) gradRule {
	return func(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
		axes, err := n.reduced(asInput)
		if err != nil {
			return nil, err
		}
		x := n.In[0]
		kept := make([]int, len(x.Shape))
		for i, d := range x.Shape {
			if kept[i] = d; contains(axes, i) {
				kept[i] = 1
			}
		}
		f := folded{x: x, y: b.Reshape(n.Out[0], kept), dy: b.Reshape(dy[0], kept), count: x.Len() / max(1, tensor.Len(kept))}
		out := make([]*Value, len(n.In))
		out[0] = b.expand(rule(b, f), x.Shape)
		return out, b.Err
	}
}

// expand stretches v to a shape.
func (b *Builder) expand(v *Value, shape []int) *Value {
	if v == nil || v.Len() == tensor.Len(shape) {
		return v
	}
	return b.Op("Expand", nil, v, b.Ints(shape...))
}

func gradReduceSum(_ *Builder, f folded) *Value { return f.dy }

func gradReduceMean(b *Builder, f folded) *Value {
	return b.Op("Mul", nil, f.dy, b.Scalar(f.dy, 1/float64(f.count)))
}

// gradReduceExtreme shares dy among the elements that attain the extreme.
func gradReduceExtreme(b *Builder, f folded) *Value {
	hits := b.indicator(f.x, f.y)
	if b.Err != nil {
		return nil
	}
	return b.Op("Mul", nil, hits, b.Op("Div", nil, f.dy, b.SumTo(hits, f.y.Shape)))
}

func gradReduceL1(b *Builder, f folded) *Value { return b.normSlope(f.x, f.y, f.dy, 1) }

func gradReduceL2(b *Builder, f folded) *Value { return b.normSlope(f.x, f.y, f.dy, 2) }

// normSlope is the gradient of y = (Σ|x|^p)^(1/p) with respect to x, which is
// dy·sign(x)·(|x|/y)^(p-1), and 0 where y is 0.
func (b *Builder) normSlope(x, y, dy *Value, p int) *Value {
	if p == 1 {
		return b.Op("Mul", nil, b.Op("Sign", nil, x), dy)
	}
	zero, one := b.Scalar(x, 0), b.Scalar(x, 1)
	ratio := b.Op("Div", nil, x, b.Op("Where", nil, b.Op("Equal", nil, y, zero), one, y))
	if p > 2 {
		power := b.Op("Pow", nil, b.Op("Abs", nil, ratio), b.Scalar(x, float64(p-1)))
		ratio = b.Op("Mul", nil, b.Op("Sign", nil, ratio), power)
	}
	return b.Op("Mul", nil, ratio, dy)
}

func gradReduceSumSquare(b *Builder, f folded) *Value {
	return b.Op("Mul", nil, f.x, b.Op("Mul", nil, f.dy, b.Scalar(f.x, 2)))
}

func gradReduceLogSum(b *Builder, f folded) *Value {
	return b.Op("Div", nil, f.dy, b.Op("Exp", nil, f.y))
}

// gradReduceLogSumExp is dy·exp(x−y), dy times softmax; x is at most y.
func gradReduceLogSumExp(b *Builder, f folded) *Value {
	return b.Op("Mul", nil, f.dy, b.Op("Exp", nil, b.Op("Sub", nil, f.x, f.y)))
}

func gradReduceProd(b *Builder, f folded) *Value {
	return b.Op("Mul", nil, b.Op("ProductOfOthers", Attrs{"shape": int64s(f.y.Shape)}, f.x), f.dy)
}

// inferProductOfOthers: the attribute shape is that of the products.
func inferProductOfOthers(n *Node) error { return sameAs(n, 1, 1) }

func bindProductOfOthers(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return othersLoop[float32](n, e) },
		func() func() { return othersLoop[float64](n, e) })
}

// othersLoop computes, for each element, the product of all others of its line,
// from the products before it and after it, so that zeros do no harm.
func othersLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y, to := e.In[0], e.Out[0], n.Ints("shape", nil)
	own := tensor.Strides(x.Shape)
	var outer, inner, outerStride, innerStride []int
	for i, d := range x.Shape {
		if to[i] == 1 {
			inner, innerStride = append(inner, d), append(innerStride, own[i])
		} else {
			outer, outerStride = append(outer, d), append(outerStride, own[i])
		}
	}
	starts, offsets := offsetsOf(outer, outerStride), offsetsOf(inner, innerStride)
	body := func(_, o int) {
		src, dst := tensor.Data[T](x)[starts[o]:], tensor.Data[T](y)[starts[o]:]
		product := T(1)
		for _, at := range offsets {
			dst[at] = product
			product *= src[at]
		}
		product = 1
		for i := len(offsets) - 1; i >= 0; i-- {
			dst[offsets[i]] *= product
			product *= src[offsets[i]]
		}
	}
	return func() { e.Pool.For(len(starts), body) }
}

package ops

import (
	"math"

	"memprobe/internal/tensor"
)

// meanVariances holds MeanVarianceNormalization.
var meanVariances = []Def{{Op: "MeanVarianceNormalization", Since: 9, Attributes: "axes:I",
	Infer: inferMVN, Bind: bindMVN, Grad: gradMVN}}

func inferMVN(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if _, err := n.Axes(n.Ints("axes", []int{0, 2, 3}), len(n.In[0].Shape)); err != nil {
		return err
	}
	return sameAs(n, 1, 1)
}

func bindMVN(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return mvnLoop[float32](n, e) },
		func() func() { return mvnLoop[float64](n, e) })
}

// mvnLoop computes (x - mean)/(std + 1e-9) over the axes.
func mvnLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y := e.In[0], e.Out[0]
	axes, _ := n.Axes(n.Ints("axes", []int{0, 2, 3}), len(x.Shape))
	own := tensor.Strides(x.Shape)
	var outer, inner, outerStride, innerStride []int
	for i, d := range x.Shape {
		if contains(axes, i) {
			inner, innerStride = append(inner, d), append(innerStride, own[i])
		} else {
			outer, outerStride = append(outer, d), append(outerStride, own[i])
		}
	}
	starts, offsets := offsetsOf(outer, outerStride), offsetsOf(inner, innerStride)
	body := func(_, o int) {
		src, dst, count := tensor.Data[T](x), tensor.Data[T](y), float64(len(offsets))
		mean, variance := 0.0, 0.0
		for _, at := range offsets {
			mean += float64(src[starts[o]+at]) / count
		}
		for _, at := range offsets {
			d := float64(src[starts[o]+at]) - mean
			variance += d * d / count
		}
		for _, at := range offsets {
			dst[starts[o]+at] = T((float64(src[starts[o]+at]) - mean) / (math.Sqrt(variance) + 1e-9))
		}
	}
	return func() { e.Pool.For(len(starts), body) }
}

// gradMVN: with y = (x-mean)/(std+1e-9) and means over the axes,
// dx = (dy - mean(dy))/(std+1e-9) - (x-mean)·mean(dy·y)/(std·(std+1e-9)).
func gradMVN(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	x := n.In[0]
	axes, err := n.Axes(n.Ints("axes", []int{0, 2, 3}), len(x.Shape))
	if err != nil {
		return nil, err
	}
	mean := func(v *Value) *Value { return b.Op("ReduceMean", nil, v, b.Ints(axes...)) }
	centred := b.Op("Sub", nil, x, mean(x))
	std := b.Op("Sqrt", nil, mean(b.Op("Mul", nil, centred, centred)))
	rest := b.Op("Div", nil, mean(b.Op("Mul", nil, dy[0], n.Out[0])), b.Op("Max", nil, std, b.Scalar(x, 1e-30)))
	d := b.Op("Sub", nil, b.Op("Sub", nil, dy[0], mean(dy[0])), b.Op("Mul", nil, centred, rest))
	return []*Value{b.Op("Div", nil, d, b.Op("Add", nil, std, b.Scalar(x, 1e-9)))}, b.Err
}

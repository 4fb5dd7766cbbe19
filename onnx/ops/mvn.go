package ops

import (
	"math"

	"memprobe/internal/tensor"
)

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
	return floatLoop(n, e, func() func() { return mvnLoop[float32](n, e) }, func() func() { return mvnLoop[float64](n, e) })
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

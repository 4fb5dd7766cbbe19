package ops

import (
	"math"

	"memprobe/internal/tensor"
)

func inferLRN(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if len(n.In[0].Shape) < 3 {
		return n.Errorf("input has shape %v, want at least [N,C,D]", n.In[0].Shape)
	}
	if size := n.Int("size", 0); size < 1 || size > 1<<20 {
		return n.Errorf("size is %d, want at least 1", size)
	}
	return sameAs(n, 1, 1)
}

func bindLRN(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return lrnLoop[float32](n, e) }, func() func() { return lrnLoop[float64](n, e) })
}

// lrnLoop divides by (bias + alpha/size·Σx²)^beta, the sum over the size channels
// around each. Reference: Krizhevsky, Sutskever and Hinton 2012.
func lrnLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y, size := e.In[0], e.Out[0], n.Int("size", 1)
	alpha, beta, bias := float64(n.Float("alpha", 1e-4))/float64(size), float64(n.Float("beta", 0.75)), float64(n.Float("bias", 1))
	c, plane := x.Shape[1], tensor.Len(x.Shape[2:])
	body := func(_, i int) {
		src, dst := tensor.Data[T](x), tensor.Data[T](y)
		lo, hi := max(0, i%c-(size-1)/2), min(c, i%c+size/2+1)
		item := i / c * c
		for j := range plane {
			sum := 0.0
			for k := lo; k < hi; k++ {
				v := float64(src[(item+k)*plane+j])
				sum += v * v
			}
			dst[i*plane+j] = T(float64(src[i*plane+j]) / math.Pow(bias+alpha*sum, beta))
		}
	}
	return func() { e.Pool.For(x.Shape[0]*c, body) }
}

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

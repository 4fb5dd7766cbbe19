package ops

import "memprobe/internal/tensor"

var cumProds = []Def{{Op: "CumProd", Since: 26, Attributes: "exclusive:i reverse:i",
	Wide: wideInt, Infer: inferCumSum, Bind: bindCumProd,
	NotDifferentiable: "its gradient divides by elements that may be 0"}}

func bindCumProd(n *Node, e *Env) (func(), error) {
	axis, err := n.cumSumAxis()
	if err != nil {
		return nil, err
	}
	l, exclusive, reverse := laneOf(e.In[0].Shape, axis), n.Int("exclusive", 0) != 0, n.Int("reverse", 0) != 0
	return numbers(n, e.In[0].DType,
		func() func() { return cumProdLoop[float32](e, l, exclusive, reverse) },
		func() func() { return cumProdLoop[float64](e, l, exclusive, reverse) },
		func() func() { return cumProdLoop[int64](e, l, exclusive, reverse) },
		func() func() { return cumProdLoop[uint64](e, l, exclusive, reverse) })
}

func cumProdLoop[T number](e *Env, l lane, exclusive, reverse bool) func() {
	x, y := e.In[0], e.Out[0]
	body := func(_, i int) {
		src, dst, product := tensor.Data[T](x), tensor.Data[T](y), T(1)
		for j := range l.n {
			if reverse {
				j = l.n - 1 - j
			}
			at := l.start(i) + j*l.inner
			v := src[at]
			if dst[at] = product; !exclusive {
				dst[at] = product * v
			}
			product *= v
		}
	}
	return func() { e.Pool.For(l.outer*l.inner, body) }
}

package ops

import (
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var dets = []Def{{Op: "Det", Since: 11, NotDifferentiable: "its gradient is an inverse, for which there is no operator",
	Infer: func(n *Node) error {
		if err := n.Want(1, 1); err != nil {
			return err
		}
		if err := n.sameFloat(); err != nil {
			return err
		}
		x := n.In[0].Shape
		if len(x) < 2 || x[len(x)-1] != x[len(x)-2] {
			return n.Errorf("input has shape %v, want square matrices", x)
		}
		return n.SetOut(0, n.In[0].DType, x[:len(x)-2])
	}, Bind: func(n *Node, e *Env) (func(), error) {
		x := n.In[0].Shape
		if err := n.need("the matrix", 8*x[len(x)-1]*x[len(x)-1]); err != nil {
			return nil, err
		}
		return floatLoop(n, e, func() func() { return detLoop[float32](e) }, func() func() { return detLoop[float64](e) })
	}}}

func detLoop[T tensor.Float](e *Env) func() {
	x, y := e.In[0], e.Out[0]
	size := x.Shape[len(x.Shape)-1]
	a := make([]float64, size*size)
	return func() {
		dst := tensor.Data[T](y)
		for i := range dst {
			for j, v := range tensor.Data[T](x)[i*size*size:][:size*size] {
				a[j] = float64(v)
			}
			dst[i] = T(det(e.Pool, a, size))
		}
	}
}

// det is the determinant of a, which it destroys: the product of the pivots of an
// elimination that takes the largest of each column.
func det(p *parallel.Pool, a []float64, size int) float64 {
	product := 1.0
	for k := range size {
		pivot := k
		for i := k + 1; i < size; i++ {
			if math.Abs(a[i*size+k]) > math.Abs(a[pivot*size+k]) {
				pivot = i
			}
		}
		if pivot != k {
			for j := range size {
				a[k*size+j], a[pivot*size+j] = a[pivot*size+j], a[k*size+j]
			}
			product = -product
		}
		divisor := a[k*size+k]
		if product *= divisor; divisor == 0 {
			return product
		}
		rows := max(1, mapSpan/size)
		p.For(parallel.Chunks(size-k-1, rows), func(_, chunk int) {
			lo, hi := parallel.Range(chunk, rows, size-k-1)
			for i := k + 1 + lo; i < k+1+hi; i++ {
				f := a[i*size+k] / divisor
				for j := k + 1; j < size; j++ {
					a[i*size+j] -= f * a[k*size+j]
				}
			}
		})
	}
	return product
}

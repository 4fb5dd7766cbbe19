package ops

import (
	"math"

	"memprobe/internal/tensor"
)

var lrns = []Def{
	{Op: "LRN", Since: 1, Attributes: "alpha:f beta:f bias:f size:i!",
		Infer: inferLRN, Bind: bindLRN, Grad: gradLRN},
	{Op: "LRNGrad", Domain: Internal, Since: 1, Infer: func(n *Node) error { return sameAs(n, 2, 2) }, Bind: bindLRNGrad},
}

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
	return floatLoop(n, e, func() func() { return lrnLoop[float32](n, e) },
		func() func() { return lrnLoop[float64](n, e) })
}

// lrnLoop divides by (bias + alpha/size·Σx²)^beta, the sum over the size channels
// around each. Reference: Krizhevsky, Sutskever and Hinton 2012.
func lrnLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y, size := e.In[0], e.Out[0], n.Int("size", 1)
	alpha, beta, bias := float64(n.Float("alpha", 1e-4))/float64(size), float64(n.Float("beta", 0.75)),
		float64(n.Float("bias", 1))
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

func gradLRN(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.Op("LRNGrad", n.Attrs, dy[0], n.In[0])}, b.Err
}

func bindLRNGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return lrnGradLoop[float32](n, e) },
		func() func() { return lrnGradLoop[float64](n, e) })
}

// lrnGradLoop: with s_j = bias + alpha/size·Σx² around channel j and y = x·s^-beta,
// dx_i = dy_i·s_i^-beta - 2·beta·alpha/size·x_i·Σ dy_j·x_j·s_j^(-beta-1) over the
// channels j whose sum has i. A chunk is an item.
func lrnGradLoop[T tensor.Float](n *Node, e *Env) func() {
	dy, x, dx, size := e.In[0], e.In[1], e.Out[0], n.Int("size", 1)
	alpha, beta, bias := float64(n.Float("alpha", 1e-4))/float64(size), float64(n.Float("beta", 0.75)),
		float64(n.Float("bias", 1))
	c, plane := x.Shape[1], tensor.Len(x.Shape[2:])
	spare := make([]float64, c*e.Pool.Threads())
	body := func(worker, item int) {
		at, slope := item*c*plane, spare[worker*c:][:c]
		d, v, out := tensor.Data[T](dy)[at:], tensor.Data[T](x)[at:], tensor.Data[T](dx)[at:]
		for j := range plane {
			for k := range c {
				s := bias
				for q := max(0, k-(size-1)/2); q < min(c, k+size/2+1); q++ {
					s += alpha * float64(v[q*plane+j]) * float64(v[q*plane+j])
				}
				i := k*plane + j
				power := float64(d[i]) * math.Pow(s, -beta)
				slope[k], out[i] = power/s*float64(v[i]), T(power)
			}
			for k := range c {
				sum := 0.0
				for q := max(0, k-size/2); q < min(c, k+(size-1)/2+1); q++ {
					sum += slope[q]
				}
				i := k*plane + j
				out[i] -= T(2 * alpha * beta * float64(v[i]) * sum)
			}
		}
	}
	return func() { e.Pool.For(x.Shape[0], body) }
}

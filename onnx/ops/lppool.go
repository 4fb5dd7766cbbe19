package ops

import (
	"math"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var lpPools = []Def{
	{Op: "LpPool", Since: 2,
		Attributes: "auto_pad:s kernel_shape:I! p:i pads:I strides:I; " +
			"18 auto_pad:s ceil_mode:i dilations:I kernel_shape:I! p:i pads:I strides:I",
		Infer: inferPool, Bind: bindLpPool, Grad: gradLpPool},
	{Op: "LpPoolGrad", Domain: Internal, Since: 1, Infer: inferLpPoolGrad, Bind: bindLpPoolGrad},
}

func bindLpPool(n *Node, e *Env) (func(), error) {
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return lpPoolLoop[float32](n, e, g) },
		func() func() { return lpPoolLoop[float64](n, e, g) })
}

// lpPoolLoop computes (Σ|x|^p)^(1/p) over each window.
func lpPoolLoop[T tensor.Float](n *Node, e *Env, g *slide) func() {
	x, y, p := e.In[0], e.Out[0], float64(n.Int("p", 2))
	in, _, out := g.planes()
	span := g.span(16) // a power takes about as long
	body := func(_, chunk int) {
		dst := tensor.Data[T](y)
		for o := chunk * span; o < min((chunk+1)*span, len(dst)); o++ {
			src, sum := tensor.Data[T](x)[o/out*in:][:in], 0.0
			g.at(o%out, func(i, _ int) { sum += math.Pow(math.Abs(float64(src[i])), p) })
			dst[o] = T(math.Pow(sum, 1/p))
		}
	}
	return func() { e.Pool.For(parallel.Chunks(y.Len(), span), body) }
}

func gradLpPool(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.Op("LpPoolGrad", n.Attrs, dy[0], n.In[0], n.Out[0])}, b.Err
}

// inferLpPoolGrad: inputs dy, x and y.
func inferLpPoolGrad(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	return n.SetOut(0, n.In[1].DType, n.In[1].Shape)
}

func bindLpPoolGrad(n *Node, e *Env) (func(), error) {
	g, err := n.pool(n.In[1].Shape)
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return lpPoolGradLoop[float32](n, e, g) },
		func() func() { return lpPoolGradLoop[float64](n, e, g) })
}

// lpPoolGradLoop adds dy·sign(x)·(|x|/y)^(p-1) of every window to its elements.
func lpPoolGradLoop[T tensor.Float](n *Node, e *Env, g *slide) func() {
	dy, x, y, dx, p := e.In[0], e.In[1], e.In[2], e.Out[0], float64(n.Int("p", 2))
	in, _, out := g.planes()
	body := func(_, plane int) {
		src, dst := tensor.Data[T](x)[plane*in:][:in], tensor.Data[T](dx)[plane*in:][:in]
		clear(dst)
		for o, d := range tensor.Data[T](dy)[plane*out:][:out] {
			norm := float64(tensor.Data[T](y)[plane*out+o])
			if norm == 0 {
				continue
			}
			g.at(o, func(i, _ int) {
				v := float64(src[i])
				dst[i] += T(float64(d) * sign(v) * math.Pow(math.Abs(v)/norm, p-1))
			})
		}
	}
	return func() { e.Pool.For(g.n*g.c, body) }
}

package ops

import (
	"math"
	"slices"

	"memprobe/internal/kernel/pool"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var globalPools = []Def{
	{Op: "GlobalAveragePool", Since: 1, Infer: inferGlobalPool, Bind: bindGlobalPool, Grad: gradGlobalPool},
	{Op: "GlobalMaxPool", Since: 1, Infer: inferGlobalPool, Bind: bindGlobalPool, Grad: gradGlobalPool},
	{Op: "GlobalLpPool", Since: 1, Attributes: "p:f; 2 p:i",
		Infer: inferGlobalPool, Bind: bindGlobalPool, Grad: gradGlobalLpPool},
	{Op: "GlobalPoolGrad", Domain: Internal, Since: 1, Infer: inferGlobalPoolGrad, Bind: bindGlobalPoolGrad},
}

func inferGlobalPool(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	x := n.In[0]
	if len(x.Shape) < 2 || len(x.Shape) > 2 && slices.Min(x.Shape[2:]) < 1 {
		return n.Errorf("input has shape %v, want at least [N,C] and positive sizes", x.Shape)
	}
	if !x.DType.IsFloat() {
		return n.Errorf("input is %v, want float32", x.DType)
	}
	if p := n.Int("p", 2); p < 1 {
		return n.Errorf("p is %d, want at least 1", p)
	}
	out := slices.Clone(x.Shape)
	for i := 2; i < len(out); i++ {
		out[i] = 1
	}
	return n.SetOut(0, x.DType, out)
}

func bindGlobalPool(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return globalPoolLoop[float32](n, e) },
		func() func() { return globalPoolLoop[float64](n, e) })
}

func globalPoolLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y := e.In[0], e.Out[0]
	planes, size := x.Shape[0]*x.Shape[1], tensor.Len(x.Shape[2:])
	p := pool.NewGlobal[T](e.Pool, planes, size)
	switch n.Op {
	case "GlobalAveragePool":
		return func() { p.Avg(tensor.Data[T](y), tensor.Data[T](x)) }
	case "GlobalMaxPool":
		return func() { p.Max(tensor.Data[T](y), nil, tensor.Data[T](x)) }
	}
	power, block := float64(n.Int("p", 2)), max(1, span/size)
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, block, planes)
		for i := lo; i < hi; i++ {
			sum := 0.0
			for _, v := range tensor.Data[T](x)[i*size:][:size] {
				sum += math.Pow(math.Abs(float64(v)), power)
			}
			tensor.Data[T](y)[i] = T(math.Pow(sum, 1/power))
		}
	}
	return func() { e.Pool.For(parallel.Chunks(planes, block), body) }
}

func gradGlobalPool(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	in := []*Value{dy[0]}
	if n.Op == "GlobalMaxPool" {
		in = append(in, n.In[0])
	}
	return []*Value{b.Op("GlobalPoolGrad", Attrs{"shape": int64s(n.In[0].Shape)}, in...)}, b.Err
}

func gradGlobalLpPool(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.normSlope(n.In[0], n.Out[0], dy[0], n.Int("p", 2))}, b.Err
}

// inferGlobalPoolGrad: inputs dy and, where the pooling took the maximum and not
// the average, x; the attribute shape is that of x.
func inferGlobalPoolGrad(n *Node) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
}

func bindGlobalPoolGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return globalPoolGradLoop[float32](n, e) },
		func() func() { return globalPoolGradLoop[float64](n, e) })
}

func globalPoolGradLoop[T tensor.Float](n *Node, e *Env) func() {
	dy, dx := e.In[0], e.Out[0]
	p := pool.NewGlobal[T](e.Pool, dy.Len(), tensor.Len(dx.Shape[2:]))
	if n.Input(1) == nil {
		return func() { p.AvgGrad(tensor.Data[T](dx), tensor.Data[T](dy)) }
	}
	index, y := make([]int32, dy.Len()), make([]T, dy.Len())
	return func() {
		p.Max(y, index, tensor.Data[T](e.In[1]))
		p.MaxGrad(tensor.Data[T](dx), tensor.Data[T](dy), index)
	}
}

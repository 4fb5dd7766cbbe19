package ops

import (
	"math"

	"memprobe/internal/kernel"
	"memprobe/internal/tensor"
)

var pools = []Def{
	{Op: "MaxPool", Since: 1, Infer: inferPool, Bind: bindPool},
	{Op: "AveragePool", Since: 1, Infer: inferPool, Bind: bindPool},
	{Op: "GlobalAveragePool", Since: 1, Infer: inferGlobalPool, Bind: bindGlobalPool},
	{Op: "GlobalMaxPool", Since: 1, Infer: inferGlobalPool, Bind: bindGlobalPool},
}

func (n *Node) pool() (*window2, error) {
	if err := n.Want(1, 1); err != nil {
		return nil, err
	}
	if !n.Has("kernel_shape") {
		return nil, n.Errorf("has no kernel_shape")
	}
	if len(n.Out) > 1 && n.Out[1] != nil {
		return nil, n.Errorf("the indices output is not supported")
	}
	kh, kw, err := n.sized("kernel_shape", len(n.In[0].Shape)-2, 1)
	if err != nil {
		return nil, err
	}
	return n.slide(n.In[0], kh, kw, n.Int("ceil_mode", 0) != 0)
}

func inferPool(n *Node) error {
	w, err := n.pool()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, w.shape(w.c))
}

func bindPool(n *Node, e *Env) (func(), error) {
	w, err := n.pool()
	if err != nil {
		return nil, err
	}
	s := kernel.PoolSpec{N: w.n, C: w.c, H: w.h, W: w.w, KH: w.kh, KW: w.kw, StrideH: w.sh, StrideW: w.sw,
		DilationH: w.dh, DilationW: w.dw, PadTop: w.top, PadLeft: w.left, PadBottom: w.bottom, PadRight: w.right,
		Ceil: w.ceil, CountIncludePad: n.Int("count_include_pad", 0) != 0}
	if s.OutH() != w.outH || s.OutW() != w.outW {
		return nil, n.Errorf("window does not fit the input")
	}
	return floatLoop(n, e, func() func() { return poolLoop[float32](n, e, s) }, func() func() { return poolLoop[float64](n, e, s) })
}

// floatLoop picks the instance for the type of the first input.
func floatLoop(n *Node, e *Env, f32, f64 func() func()) (func(), error) {
	switch e.In[0].DType {
	case tensor.Float32:
		return f32(), nil
	case tensor.Float64:
		return f64(), nil
	}
	return nil, n.Errorf("input is %v, want float32", e.In[0].DType)
}

func poolLoop[T tensor.Float](n *Node, e *Env, s kernel.PoolSpec) func() {
	p := kernel.NewPool[T](e.Pool, s)
	x, y := e.In[0], e.Out[0]
	if n.Op == "MaxPool" {
		return func() { p.Max(tensor.Data[T](y), nil, tensor.Data[T](x)) }
	}
	return func() { p.Avg(tensor.Data[T](y), tensor.Data[T](x)) }
}

func inferGlobalPool(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	in := n.In[0].Shape
	if len(in) < 2 {
		return n.Errorf("input has shape %v, want at least [N,C]", in)
	}
	out := []int{in[0], in[1]}
	for range in[2:] {
		out = append(out, 1)
	}
	return n.SetOut(0, n.In[0].DType, out)
}

func bindGlobalPool(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return globalLoop[float32](n, e) }, func() func() { return globalLoop[float64](n, e) })
}

func globalLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y := e.In[0], e.Out[0]
	p := kernel.NewGlobalPool[T](e.Pool, x.Shape[0]*x.Shape[1], tensor.Len(x.Shape[2:]))
	if n.Op == "GlobalAveragePool" {
		return func() { p.Avg(tensor.Data[T](y), tensor.Data[T](x)) }
	}
	index := make([]int32, y.Len())
	return func() { p.Max(tensor.Data[T](y), index, tensor.Data[T](x)) }
}

// reductions fold axes away; each is a sum of f over them followed by g.
var reductions = []Def{
	reduce("ReduceSum", 1, 13, 0, func(a, x float64) float64 { return a + x }, nil),
	reduce("ReduceMean", 1, 18, 0, func(a, x float64) float64 { return a + x }, func(a float64, n int) float64 { return a / float64(n) }),
	reduce("ReduceMax", 1, 18, math.Inf(-1), maxOf[float64], nil),
	reduce("ReduceMin", 1, 18, math.Inf(1), minOf[float64], nil),
	reduce("ReduceProd", 1, 18, 1, func(a, x float64) float64 { return a * x }, nil),
	reduce("ReduceL1", 1, 18, 0, func(a, x float64) float64 { return a + math.Abs(x) }, nil),
	reduce("ReduceL2", 1, 18, 0, func(a, x float64) float64 { return a + x*x }, func(a float64, _ int) float64 { return math.Sqrt(a) }),
	reduce("ReduceSumSquare", 1, 18, 0, func(a, x float64) float64 { return a + x*x }, nil),
	reduce("ReduceLogSum", 1, 18, 0, func(a, x float64) float64 { return a + x }, func(a float64, _ int) float64 { return math.Log(a) }),
}

// reduce is a reduction whose axes are an attribute before the version asInput.
// Sums run in float64, in the order of the elements.
func reduce(op string, since, asInput int, zero float64, f func(a, x float64) float64, g func(a float64, n int) float64) Def {
	resolve := func(n *Node) ([]int, error) { return n.reduced(asInput) }
	return Def{Op: op, Since: since,
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
			switch n.In[0].DType {
			case tensor.Float32:
				return reduceLoop[float32](e, axes, zero, f, g), nil
			case tensor.Float64:
				return reduceLoop[float64](e, axes, zero, f, g), nil
			case tensor.Int64:
				return reduceLoop[int64](e, axes, zero, f, g), nil
			case tensor.Int32:
				return reduceLoop[int32](e, axes, zero, f, g), nil
			}
			return nil, n.Errorf("element type %v is not supported", n.In[0].DType)
		},
	}
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

func reduceLoop[T number](e *Env, axes []int, zero float64, f func(a, x float64) float64, g func(a float64, n int) float64) func() {
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
	body := func(_, o int) {
		src, acc := tensor.Data[T](x), zero
		for _, at := range offsets {
			acc = f(acc, float64(src[starts[o]+at]))
		}
		if g != nil {
			acc = g(acc, count)
		}
		tensor.Data[T](y)[o] = T(acc)
	}
	return func() { e.Pool.For(len(starts), body) }
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

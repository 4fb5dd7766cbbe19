package ops

import (
	"slices"

	"memprobe/internal/kernel/pool"
	"memprobe/internal/tensor"
)

var pools = []Def{
	{Op: "MaxPool", Since: 1,
		Attributes: "auto_pad:s kernel_shape:I! pads:I strides:I; " +
			"8 auto_pad:s kernel_shape:I! pads:I storage_order:i strides:I; " +
			"10 auto_pad:s ceil_mode:i dilations:I kernel_shape:I! pads:I storage_order:i strides:I",
		Wide: wideByte, Infer: inferMaxPool, Bind: bindMaxPool, Grad: gradPool},
	{Op: "AveragePool", Since: 1,
		Attributes: "auto_pad:s kernel_shape:I! pads:I strides:I; " +
			"7 auto_pad:s count_include_pad:i kernel_shape:I! pads:I strides:I; " +
			"10 auto_pad:s ceil_mode:i count_include_pad:i kernel_shape:I! pads:I strides:I; " +
			"19 auto_pad:s ceil_mode:i count_include_pad:i dilations:I kernel_shape:I! pads:I strides:I",
		Infer: inferPool, Bind: bindAveragePool, Grad: gradPool},
	{Op: "MaxPoolGrad", Domain: Internal, Since: 1, Infer: inferPoolGrad, Bind: bindMaxPoolGrad},
	{Op: "AveragePoolGrad", Domain: Internal, Since: 1, Infer: inferPoolGrad, Bind: bindAveragePoolGrad},
}

// poolVolume is the most elements of a pooling kernel.
const poolVolume = 1 << 24

// pool resolves a pooling of an input of the given shape.
func (n *Node) pool(x []int) (*slide, error) {
	g, err := n.spatial(x)
	if err != nil {
		return nil, err
	}
	if !n.Has("kernel_shape") {
		return nil, n.Errorf("has no kernel_shape")
	}
	if g.kernel, err = n.perAxis("kernel_shape", g.rank, 1, 1); err != nil {
		return nil, err
	}
	if err := g.fit(n, n.Int("ceil_mode", 0) != 0); err != nil {
		return nil, err
	}
	if _, volume, _ := g.planes(); volume > poolVolume {
		return nil, n.Errorf("kernel_shape is %v, want at most %d elements", g.own(g.kernel), poolVolume)
	}
	for i := range axes {
		if g.before[i] >= g.extent(i) || g.after[i] >= g.extent(i) {
			return nil, n.Errorf("pads %v and %v are not smaller than the kernel %v",
				g.own(g.before), g.own(g.after), g.own(g.kernel))
		}
	}
	return g, nil
}

func inferPool(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if d := n.In[0].DType; !d.IsFloat() && (n.Def.Wide == nil || !n.Def.Wide(d).IsFloat()) {
		return n.Errorf("input is %v, want float32", d)
	}
	if p := n.Int("p", 2); p < 1 {
		return n.Errorf("p is %d, want at least 1", p)
	}
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, slices.Concat([]int{g.n, g.c}, g.own(g.out)))
}

// inferMaxPool: output 1 is where in the flattened input each maximum lies.
func inferMaxPool(n *Node) error {
	if err := inferPool(n); err != nil {
		return err
	}
	g, err := n.pool(n.In[0].Shape)
	if err != nil {
		return err
	}
	return n.SetOut(1, tensor.Int64, slices.Concat([]int{g.n, g.c}, g.own(g.out)))
}

// poolSpec is g for the kernels of two dimensions; ok tells whether it is one.
func (n *Node) poolSpec(g *slide) (s pool.Spec, ok bool) {
	s = pool.Spec{N: g.n, C: g.c, H: g.in[1], W: g.in[2], KH: g.kernel[1], KW: g.kernel[2],
		StrideH: g.stride[1], StrideW: g.stride[2], DilationH: g.dilation[1], DilationW: g.dilation[2],
		PadTop: g.before[1], PadLeft: g.before[2], PadBottom: g.after[1], PadRight: g.after[2],
		Ceil: n.Int("ceil_mode", 0) != 0, CountIncludePad: n.Int("count_include_pad", 0) != 0}
	return s, g.flat() && s.OutH() == g.out[1] && s.OutW() == g.out[2]
}

// poolPlan computes the four passes of pooling in any number of dimensions.
type poolPlan[T tensor.Float] struct {
	max, avg         func(y []T, index []int32, x []T)
	maxGrad, avgGrad func(dx, dy []T, index []int32)
}

func newPoolPlan[T tensor.Float](n *Node, e *Env, x []int) (*poolPlan[T], error) {
	g, err := n.pool(x)
	if err != nil {
		return nil, err
	}
	s, flat := n.poolSpec(g)
	if !flat {
		return newPoolND[T](e, g, s.CountIncludePad).plan(), nil
	}
	p := pool.New[T](e.Pool, s)
	return &poolPlan[T]{max: p.Max, maxGrad: p.MaxGrad,
		avg:     func(y []T, _ []int32, x []T) { p.Avg(y, x) },
		avgGrad: func(dx, dy []T, _ []int32) { p.AvgGrad(dx, dy) }}, nil
}

// bindPool binds one pass for the type of the first input.
func bindPool(n *Node, e *Env, x []int, f32 func(p *poolPlan[float32]) func(),
	f64 func(p *poolPlan[float64]) func()) (func(), error) {
	if tensor.Len(x) == 0 {
		return func() {}, nil
	}
	if e.In[0].DType == tensor.Float64 {
		p, err := newPoolPlan[float64](n, e, x)
		if err != nil {
			return nil, err
		}
		return f64(p), nil
	}
	p, err := newPoolPlan[float32](n, e, x)
	if err != nil {
		return nil, err
	}
	return f32(p), nil
}

func bindMaxPool(n *Node, e *Env) (func(), error) {
	return bindPool(n, e, n.In[0].Shape,
		func(p *poolPlan[float32]) func() { return maxPoolLoop(n, e, p) },
		func(p *poolPlan[float64]) func() { return maxPoolLoop(n, e, p) })
}

func maxPoolLoop[T tensor.Float](n *Node, e *Env, p *poolPlan[T]) func() {
	x, y := e.In[0], e.Out[0]
	if !n.wanted(1) {
		return func() { p.max(tensor.Data[T](y), nil, tensor.Data[T](x)) }
	}
	index, in, size := make([]int32, y.Len()), tensor.Len(x.Shape[2:]), tensor.Len(y.Shape[2:])
	column := n.Int("storage_order", 0) != 0
	spatial := x.Shape[2:]
	return func() {
		p.max(tensor.Data[T](y), index, tensor.Data[T](x))
		for o, i := range index {
			at := int(i)
			if column {
				at = columnMajor(at, spatial)
			}
			e.Out[1].I64()[o] = int64(o/size*in + at)
		}
	}
}

// columnMajor turns a row-major position in a plane into a column-major one.
func columnMajor(at int, shape []int) int {
	rest, stride, out := tensor.Len(shape), 1, 0
	for _, d := range shape {
		rest /= d
		out += at / rest % d * stride
		stride *= d
	}
	return out
}

func bindAveragePool(n *Node, e *Env) (func(), error) {
	x, y := e.In[0], e.Out[0]
	return bindPool(n, e, x.Shape,
		func(p *poolPlan[float32]) func() { return func() { p.avg(y.F32(), nil, x.F32()) } },
		func(p *poolPlan[float64]) func() { return func() { p.avg(y.F64(), nil, x.F64()) } })
}

// gradPool hands the pooling's attributes to the gradient, which locates the
// maxima of x again.
func gradPool(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	attrs := Attrs{"shape": int64s(n.In[0].Shape)}
	for k, v := range n.Attrs {
		attrs[k] = v
	}
	in := []*Value{dy[0]}
	if n.Op == "MaxPool" {
		in = append(in, n.In[0])
	}
	return []*Value{b.Op(n.Op+"Grad", attrs, in...)}, b.Err
}

// inferPoolGrad: inputs dy and, for the maximum, x; the attribute shape is that
// of x.
func inferPoolGrad(n *Node) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
}

func bindMaxPoolGrad(n *Node, e *Env) (func(), error) {
	return bindPool(n, e, n.Ints("shape", nil),
		func(p *poolPlan[float32]) func() { return maxPoolGradLoop(e, p) },
		func(p *poolPlan[float64]) func() { return maxPoolGradLoop(e, p) })
}

func maxPoolGradLoop[T tensor.Float](e *Env, p *poolPlan[T]) func() {
	dy, x, dx := e.In[0], e.In[1], e.Out[0]
	index, y := make([]int32, dy.Len()), make([]T, dy.Len())
	return func() {
		p.max(y, index, tensor.Data[T](x))
		p.maxGrad(tensor.Data[T](dx), tensor.Data[T](dy), index)
	}
}

func bindAveragePoolGrad(n *Node, e *Env) (func(), error) {
	dy, dx := e.In[0], e.Out[0]
	return bindPool(n, e, n.Ints("shape", nil),
		func(p *poolPlan[float32]) func() { return func() { p.avgGrad(dx.F32(), dy.F32(), nil) } },
		func(p *poolPlan[float64]) func() { return func() { p.avgGrad(dx.F64(), dy.F64(), nil) } })
}

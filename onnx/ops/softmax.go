package ops

import (
	"memprobe/internal/kernel/norm"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// softmaxes normalise over an axis; before opset 13 over that axis and all after
// it together.
var softmaxes = []Def{
	{Op: "Softmax", Since: 1, Attributes: "axis:i",
		InPlace: true, Infer: inferSoftmax, Bind: bindSoftmax, Grad: gradSoftmax},
	{Op: "Softmax", Since: 13, Attributes: "axis:i",
		InPlace: true, Infer: inferSoftmax, Bind: bindSoftmax, Grad: gradSoftmax},
	{Op: "LogSoftmax", Since: 1, Attributes: "axis:i",
		InPlace: true, Infer: inferSoftmax, Bind: bindSoftmax, Grad: gradSoftmax},
	{Op: "LogSoftmax", Since: 13, Attributes: "axis:i",
		InPlace: true, Infer: inferSoftmax, Bind: bindSoftmax, Grad: gradSoftmax},
	{Op: "Hardmax", Since: 1, Attributes: "axis:i", Infer: inferSoftmax, Bind: bindHardmax,
		NotDifferentiable: "its derivative is 0 almost everywhere"},
	{Op: "Hardmax", Since: 13, Attributes: "axis:i", Infer: inferSoftmax, Bind: bindHardmax,
		NotDifferentiable: "its derivative is 0 almost everywhere"},
	{Op: "SoftmaxGrad", Domain: Internal, Since: 1, InPlace: true, Over: [][2]int{{0, 1}}, Infer: inferSoftmaxGrad,
		Bind: bindSoftmaxGrad},
}

// softmax resolves the axis into [Outer,D,Inner].
func (n *Node) softmax() (s norm.SoftmaxSpec, err error) {
	if err := n.Want(1, 1); err != nil {
		return s, err
	}
	if !n.In[0].DType.IsFloat() {
		return s, n.Errorf("input is %v, want float32", n.In[0].DType)
	}
	shape, def := n.In[0].Shape, -1
	flat := n.Def.Since < 13
	if flat {
		def = 1
	}
	axis := n.Int("axis", def)
	s = norm.SoftmaxSpec{Log: n.Op == "LogSoftmax", Inner: 1}
	if rank := len(shape); rank == 0 && (axis == 0 || axis == -1) {
		shape, axis = []int{1}, 0
	} else if flat && axis == rank {
		s.Outer, s.D = tensor.Len(shape), 1
		return s, nil
	}
	if axis, err = n.Axis(axis, len(shape)); err != nil {
		return s, err
	}
	s.Outer = tensor.Len(shape[:axis])
	if flat {
		s.D = tensor.Len(shape[axis:])
	} else {
		s.D, s.Inner = shape[axis], tensor.Len(shape[axis+1:])
	}
	return s, nil
}

func inferSoftmax(n *Node) error {
	if _, err := n.softmax(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindSoftmax(n *Node, e *Env) (func(), error) {
	s, err := n.softmax()
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	return floatLoop(n, e, func() func() { return softmaxLoop[float32](e, s) },
		func() func() { return softmaxLoop[float64](e, s) })
}

func softmaxLoop[T tensor.Float](e *Env, s norm.SoftmaxSpec) func() {
	p := norm.NewSoftmax[T](e.Pool, s)
	x, y := e.In[0], e.Out[0]
	return func() { p.Forward(tensor.Data[T](y), tensor.Data[T](x)) }
}

func bindHardmax(n *Node, e *Env) (func(), error) {
	s, err := n.softmax()
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	return floatLoop(n, e, func() func() { return hardmaxLoop[float32](e, s) },
		func() func() { return hardmaxLoop[float64](e, s) })
}

// hardmaxLoop writes 1 at the first maximum of each line and 0 elsewhere.
func hardmaxLoop[T tensor.Float](e *Env, s norm.SoftmaxSpec) func() {
	x, y := e.In[0], e.Out[0]
	lines, size := s.Outer*s.Inner, max(1, span/s.D)
	body := func(_, chunk int) {
		src, dst := tensor.Data[T](x), tensor.Data[T](y)
		lo, hi := parallel.Range(chunk, size, lines)
		for l := lo; l < hi; l++ {
			at := l/s.Inner*s.D*s.Inner + l%s.Inner
			best := at
			for k := range s.D {
				i := at + k*s.Inner
				dst[i] = 0
				if src[i] > src[best] {
					best = i
				}
			}
			dst[best] = 1
		}
	}
	return func() { e.Pool.For(parallel.Chunks(lines, size), body) }
}

func gradSoftmax(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s, err := n.softmax()
	if err != nil {
		return nil, err
	}
	log := 0
	if s.Log {
		log = 1
	}
	dx := b.Op("SoftmaxGrad", Attrs{"shape": int64s([]int{s.Outer, s.D, s.Inner}), "log": int64(log)}, dy[0], n.Out[0])
	return []*Value{dx}, b.Err
}

// inferSoftmaxGrad: inputs dy and y; attributes shape [Outer,D,Inner] and log.
func inferSoftmaxGrad(n *Node) error { return sameAs(n, 2, 2) }

func bindSoftmaxGrad(n *Node, e *Env) (func(), error) {
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	d := n.Ints("shape", nil)
	s := norm.SoftmaxSpec{Outer: d[0], D: d[1], Inner: d[2], Log: n.Int("log", 0) != 0}
	return floatLoop(n, e, func() func() { return softmaxGradLoop[float32](e, s) },
		func() func() { return softmaxGradLoop[float64](e, s) })
}

func softmaxGradLoop[T tensor.Float](e *Env, s norm.SoftmaxSpec) func() {
	p := norm.NewSoftmax[T](e.Pool, s)
	dy, y, dx := e.In[0], e.In[1], e.Out[0]
	return func() { p.Backward(tensor.Data[T](dx), tensor.Data[T](dy), tensor.Data[T](y)) }
}

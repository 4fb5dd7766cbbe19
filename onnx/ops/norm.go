package ops

import (
	"slices"

	"memprobe/internal/kernel"
	"memprobe/internal/tensor"
)

var norms = []Def{
	{Op: "BatchNormalization", Since: 1, Infer: inferBatchNorm, Bind: bindBatchNorm},
	{Op: "InstanceNormalization", Since: 1, Infer: func(n *Node) error { return inferChannels(n, 3) }, Bind: bindInstanceNorm},
	{Op: "LayerNormalization", Since: 17, Infer: inferLayerNorm, Bind: bindLayerNorm},
	{Op: "RMSNormalization", Since: 23, Infer: inferLayerNorm, Bind: bindLayerNorm},
	{Op: "Softmax", Since: 1, Infer: inferSoftmax, Bind: bindSoftmax},
	{Op: "LogSoftmax", Since: 1, Infer: inferSoftmax, Bind: bindSoftmax},
	{Op: "PRelu", Since: 1, Infer: inferPRelu, Bind: bindPRelu},
}

// inferChannels checks that inputs 1.. are vectors of one value a channel.
func inferChannels(n *Node, inputs int) error {
	if err := n.Want(inputs, inputs); err != nil {
		return err
	}
	x := n.In[0]
	if len(x.Shape) < 2 {
		return n.Errorf("input has shape %v, want at least [N,C]", x.Shape)
	}
	for i, v := range n.In[1:] {
		if !slices.Equal(v.Shape, []int{x.Shape[1]}) || v.DType != x.DType {
			return n.Errorf("input %d is %v %v, want %v [%d]", i+1, v.DType, v.Shape, x.DType, x.Shape[1])
		}
	}
	return n.SetOut(0, x.DType, x.Shape)
}

// inferBatchNorm: the statistics that older versions and training mode return
// have the shape of the running ones.
func inferBatchNorm(n *Node) error {
	if err := inferChannels(n, 5); err != nil {
		return err
	}
	for i := 1; i < len(n.Out); i++ {
		if n.Out[i] != nil && (n.Int("training_mode", 0) == 0 || i > 2) {
			return n.Errorf("output %d exists in training alone", i)
		}
		if err := n.SetOut(i, n.In[0].DType, n.In[1].Shape); err != nil {
			return err
		}
	}
	return nil
}

func bindBatchNorm(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return batchNormLoop[float32](n, e) }, func() func() { return batchNormLoop[float64](n, e) })
}

func batchNormLoop[T tensor.Float](n *Node, e *Env) func() {
	x := e.In[0]
	bn := kernel.NewBatchNorm[T](e.Pool, kernel.BatchNormSpec{N: x.Shape[0], C: x.Shape[1], S: tensor.Len(x.Shape[2:]), Eps: float64(n.Float("epsilon", 1e-5))})
	in := func(i int) []T { return tensor.Data[T](e.In[i]) }
	if n.Int("training_mode", 0) == 0 {
		return func() { bn.Infer(tensor.Data[T](e.Out[0]), in(0), nil, in(1), in(2), in(3), in(4)) }
	}
	c, keep := x.Shape[1], T(n.Float("momentum", 0.9))
	mean, variance, invstd := make([]T, c), make([]T, c), make([]T, c)
	return func() {
		bn.Forward(tensor.Data[T](e.Out[0]), in(0), nil, in(1), in(2), mean, variance, invstd)
		for i, batch := range [][]T{mean, variance} {
			if i+1 < len(e.Out) && e.Out[i+1] != nil {
				for j, b := range batch {
					tensor.Data[T](e.Out[i+1])[j] = keep*in(i + 3)[j] + (1-keep)*b
				}
			}
		}
	}
}

func bindInstanceNorm(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return instanceNormLoop[float32](n, e) }, func() func() { return instanceNormLoop[float64](n, e) })
}

// instanceNormLoop sees [N,C,S] as one sample of N·C channels.
func instanceNormLoop[T tensor.Float](n *Node, e *Env) func() {
	x := e.In[0]
	c := x.Shape[0] * x.Shape[1]
	bn := kernel.NewBatchNorm[T](e.Pool, kernel.BatchNormSpec{N: 1, C: c, S: tensor.Len(x.Shape[2:]), Eps: float64(n.Float("epsilon", 1e-5))})
	scale, bias := make([]T, c), make([]T, c)
	mean, variance, invstd := make([]T, c), make([]T, c), make([]T, c)
	return func() {
		for i := range x.Shape[0] {
			copy(scale[i*x.Shape[1]:], tensor.Data[T](e.In[1]))
			copy(bias[i*x.Shape[1]:], tensor.Data[T](e.In[2]))
		}
		bn.Forward(tensor.Data[T](e.Out[0]), tensor.Data[T](x), nil, scale, bias, mean, variance, invstd)
	}
}

// inferLayerNorm: outputs 1 and 2 are the mean and the inverse deviation of each row.
func inferLayerNorm(n *Node) error {
	if err := n.Want(2, 3); err != nil {
		return err
	}
	x := n.In[0]
	axis, err := n.Axis(n.Int("axis", -1), len(x.Shape))
	if err != nil {
		return err
	}
	for i, v := range n.In[1:] {
		if v != nil && (v.Len() != tensor.Len(x.Shape[axis:]) || v.DType != x.DType) {
			return n.Errorf("input %d is %v %v, want %v %v", i+1, v.DType, v.Shape, x.DType, x.Shape[axis:])
		}
	}
	stats := slices.Clone(x.Shape)
	for i := axis; i < len(stats); i++ {
		stats[i] = 1
	}
	for i := 1; i < len(n.Out); i++ {
		if err := n.SetOut(i, x.DType, stats); err != nil {
			return err
		}
	}
	return n.SetOut(0, x.DType, x.Shape)
}

func bindLayerNorm(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return layerNormLoop[float32](n, e) }, func() func() { return layerNormLoop[float64](n, e) })
}

func layerNormLoop[T tensor.Float](n *Node, e *Env) func() {
	x := e.In[0]
	axis, _ := n.Axis(n.Int("axis", -1), len(x.Shape))
	rows := tensor.Len(x.Shape[:axis])
	ln := kernel.NewLayerNorm[T](e.Pool, kernel.LayerNormSpec{Rows: rows, D: tensor.Len(x.Shape[axis:]), Eps: float64(n.Float("epsilon", 1e-5)), RMS: n.Op == "RMSNormalization"})
	stats := [2][]T{make([]T, rows), make([]T, rows)}
	return func() {
		var bias []T
		if n.Input(2) != nil {
			bias = tensor.Data[T](e.In[2])
		}
		ln.Forward(tensor.Data[T](e.Out[0]), tensor.Data[T](x), tensor.Data[T](e.In[1]), bias, stats[0], stats[1])
		for i, s := range stats {
			if i+1 < len(e.Out) && e.Out[i+1] != nil {
				copy(tensor.Data[T](e.Out[i+1]), s)
			}
		}
	}
}

func inferSoftmax(n *Node) error {
	if err := sameAs(n, 1, 1); err != nil {
		return err
	}
	_, err := n.softmax()
	return err
}

// softmax resolves the axis: before opset 13 the input counts as a matrix whose
// columns begin at the axis.
func (n *Node) softmax() (s kernel.SoftmaxSpec, err error) {
	shape, def := n.In[0].Shape, -1
	if n.Opset < 13 {
		def = 1
	}
	if n.Opset < 13 && n.Int("axis", def) == len(shape) {
		return kernel.SoftmaxSpec{Outer: tensor.Len(shape), D: 1, Inner: 1, Log: n.Op == "LogSoftmax"}, nil
	}
	axis, err := n.Axis(n.Int("axis", def), len(shape))
	if err != nil {
		return s, err
	}
	s = kernel.SoftmaxSpec{Outer: tensor.Len(shape[:axis]), D: shape[axis], Inner: tensor.Len(shape[axis+1:]), Log: n.Op == "LogSoftmax"}
	if n.Opset < 13 {
		s.D, s.Inner = s.D*s.Inner, 1
	}
	return s, nil
}

func bindSoftmax(n *Node, e *Env) (func(), error) {
	s, err := n.softmax()
	if err != nil {
		return nil, err
	}
	x, y := e.In[0], e.Out[0]
	if x.Len() == 0 {
		return func() {}, nil
	}
	return floatLoop(n, e, func() func() {
		p := kernel.NewSoftmax[float32](e.Pool, s)
		return func() { p.Forward(y.F32, x.F32) }
	}, func() func() {
		p := kernel.NewSoftmax[float64](e.Pool, s)
		return func() { p.Forward(y.F64, x.F64) }
	})
}

func inferPRelu(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	x := n.In[0]
	if out, err := broadcastShape(n, x.Shape, n.In[1].Shape); err != nil || !slices.Equal(out, x.Shape) {
		return n.Errorf("slope %v does not broadcast to %v", n.In[1].Shape, x.Shape)
	}
	return n.SetOut(0, x.DType, x.Shape)
}

func bindPRelu(n *Node, e *Env) (func(), error) {
	f32 := func(x, a float32) float32 {
		if x < 0 {
			return a * x
		}
		return x
	}
	f64 := func(x, a float64) float64 {
		if x < 0 {
			return a * x
		}
		return x
	}
	return arith{f32: f32, f64: f64}.bind(n, e, e.In[0], e.In[1], e.Out[0])
}

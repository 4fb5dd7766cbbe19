package ops

import (
	"slices"

	"memprobe/internal/kernel/norm"
	"memprobe/internal/tensor"
)

var batchNorms = []Def{
	{Op: "BatchNormalization", Since: 1,
		Attributes: "consumed_inputs:I epsilon:f is_test:i momentum:f spatial:i; " +
			"6 epsilon:f is_test:i momentum:f spatial:i; 7 epsilon:f momentum:f spatial:i; " +
			"9 epsilon:f momentum:f; 14 epsilon:f momentum:f training_mode:i",
		Roles: []Role{"", Scale, Bias, Mean, Variance}, Infer: inferBatchNorm,
		Bind: bindBatchNorm, Grad: gradBatchNorm, Train: trainBatchNorm,
		Evaluation: &Evaluation{Operands: 5, Results: 1}},
	{Op: "BatchNormRelu", Domain: Internal, Since: 1, Infer: inferBatchNorm, Bind: bindBatchNorm,
		NotDifferentiable: "it exists in inference alone"},
	{Op: "BatchNormTrain", Domain: Internal, Since: 1, As: "BatchNormalization",
		Roles: []Role{"", Scale, Bias, Mean, Variance, ""}, Infer: inferBatchNormTrain, Bind: bindBatchNormTrain,
		Grad: gradBatchNormTrain, Train: trainBatchNorm, Over: [][2]int{{0, 5}}},
	{Op: "BatchNormGrad", Domain: Internal, Since: 1, Infer: inferBatchNormGrad, Bind: bindBatchNormGrad,
		Over: [][2]int{{0, 1}, {3, 0}, {0, 0}}},
}

// batchNorm checks the inputs x, scale, bias, mean and variance, and a residual
// where most allows six, and returns x as [N,C,S].
func (n *Node) batchNorm(most int) (s norm.BatchSpec, err error) {
	if err := n.Want(5, most); err != nil {
		return s, err
	}
	x := n.In[0].Shape
	if len(x) < 2 {
		return s, n.Errorf("input has shape %v, want at least [N,C]", x)
	}
	if n.Int("spatial", 1) == 0 && len(x) > 2 {
		return s, n.Errorf("statistics by element (spatial=0) are not supported")
	}
	for i, what := range []string{"scale", "bias", "mean", "variance"} {
		if v := n.In[i+1]; !slices.Equal(v.Shape, []int{x[1]}) {
			return s, n.Errorf("%s has shape %v for input %v, want [%d]", what, v.Shape, x, x[1])
		}
	}
	s = norm.BatchSpec{N: x[0], C: x[1], S: tensor.Len(x[2:]), Eps: float64(n.Float("epsilon", 1e-5)),
		Relu: n.Op == "BatchNormRelu"}
	return s, n.sameFloat()
}

// wanted reports whether somebody reads output i.
func (n *Node) wanted(i int) bool { return i < len(n.Out) && n.Out[i] != nil }

// batchStatistics reports whether the node normalises with the statistics of its
// input: where training_mode says so or, before opset 14, where it has the
// outputs of training.
func (n *Node) batchStatistics() bool {
	if n.Opset >= 14 {
		return n.Int("training_mode", 0) != 0
	}
	return n.wanted(1) || n.wanted(2) || n.wanted(3) || n.wanted(4)
}

// inferBatchNorm: outputs y and, in training mode, the running mean and variance
// after the step and, before opset 14, the mean and variance of the input.
func inferBatchNorm(n *Node) error {
	s, err := n.batchNorm(5)
	if err != nil {
		return err
	}
	if n.batchStatistics() && s.C > 0 && s.N*s.S == 0 {
		return n.Errorf("input has shape %v, of which there are no statistics", n.In[0].Shape)
	}
	for i := range 4 {
		if n.wanted(i+1) && !n.batchStatistics() {
			return n.Errorf("output %d exists only with training_mode=1", i+1)
		}
		if err := n.SetOut(i+1, n.In[0].DType, []int{s.C}); err != nil {
			return err
		}
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindBatchNorm(n *Node, e *Env) (func(), error) {
	s, err := n.batchNorm(5)
	if err != nil {
		return nil, err
	}
	if e.Out[0].Len() == 0 {
		return func() {}, nil
	}
	return floatLoop(n, e, func() func() { return batchNormLoop[float32](n, e, s) },
		func() func() { return batchNormLoop[float64](n, e, s) })
}

func batchNormLoop[T tensor.Float](n *Node, e *Env, s norm.BatchSpec) func() {
	p := norm.NewBatch[T](e.Pool, s)
	x, scale, bias, mean, variance, y := e.In[0], e.In[1], e.In[2], e.In[3], e.In[4], e.Out[0]
	if !n.batchStatistics() {
		return func() {
			p.Infer(tensor.Data[T](y), tensor.Data[T](x), nil, tensor.Data[T](scale), tensor.Data[T](bias),
				tensor.Data[T](mean), tensor.Data[T](variance))
		}
	}
	out := func(i int) *tensor.Tensor { return outOrSpare(e, i, x.DType, s.C) }
	newMean, newVar, batchMean, batchVar := out(1), out(2), out(3), out(4)
	invstd, keep := make([]T, s.C), T(n.Float("momentum", 0.9))
	return func() {
		m, v := tensor.Data[T](batchMean), tensor.Data[T](batchVar)
		p.Forward(tensor.Data[T](y), tensor.Data[T](x), nil, tensor.Data[T](scale), tensor.Data[T](bias), m, v, invstd)
		blend(tensor.Data[T](newMean), tensor.Data[T](mean), m, keep, 1)
		blend(tensor.Data[T](newVar), tensor.Data[T](variance), v, keep, 1)
	}
}

// outOrSpare is output i, or a tensor that stands in where nobody wants it.
func outOrSpare(e *Env, i int, d tensor.DType, shape ...int) *tensor.Tensor {
	if i < len(e.Out) && e.Out[i] != nil {
		return e.Out[i]
	}
	return tensor.New(d, shape...)
}

// blend computes dst = keep·old + (1-keep)·factor·seen.
func blend[T tensor.Float](dst, old, seen []T, keep, factor T) {
	for i := range dst {
		dst[i] = keep*old[i] + (1-keep)*factor*seen[i]
	}
}

// gradBatchNorm differentiates evaluation, in which the node is an affine map of
// each channel: dx = dy·scale/√(var+ε).
func gradBatchNorm(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s, err := n.batchNorm(5)
	if err != nil {
		return nil, err
	}
	if n.batchStatistics() {
		return nil, n.Errorf("the gradient of batch statistics exists in training mode alone")
	}
	if want[3] || want[4] {
		return nil, n.Errorf("gradients of the statistics are not supported")
	}
	x, column := n.In[0], make([]int, len(n.In[0].Shape)-1)
	for i := range column {
		column[i] = 1
	}
	column[0] = s.C
	out := make([]*Value, 5)
	std := b.Op("Sqrt", nil, b.Op("Add", nil, n.In[4], b.Scalar(x, s.Eps)))
	if want[0] {
		out[0] = b.Op("Mul", nil, dy[0], b.Reshape(b.Op("Div", nil, n.In[1], std), column))
	}
	if want[1] {
		z := b.Op("Div", nil, b.Op("Sub", nil, x, b.Reshape(n.In[3], column)), b.Reshape(std, column))
		out[1] = b.Reshape(b.SumTo(b.Op("Mul", nil, dy[0], z), column), n.In[1].Shape)
	}
	if want[2] {
		out[2] = b.Reshape(b.SumTo(dy[0], column), n.In[2].Shape)
	}
	return out, b.Err
}

package ops

import (
	"slices"

	"memprobe/internal/kernel/norm"
	"memprobe/internal/tensor"
)

// trainBatchNorm takes the statistics of the batch and moves the running ones, or
// normalises by these as in evaluation if both are frozen. Running statistics that several
// nodes share are moved by each in turn.
func trainBatchNorm(b *Builder, n *Node, t *Training) (*Node, error) {
	if err := t.outputAlone(n); err != nil {
		return nil, err
	}
	epsilon := n.Float("epsilon", 1e-5)
	if n.FixedStatistics(t.Frozen) {
		return b.instead(n, n.Op, Attrs{"epsilon": epsilon}, n.In, n.Out[:1])
	}
	in := slices.Clone(n.In)
	for i := 3; i < 5; i++ {
		if u := t.Updated[in[i]]; u != nil {
			in[i] = u
		}
	}
	out := []*Value{n.Out[0]}
	for _, what := range []string{"mean", "invstd", "running_mean", "running_var"} {
		out = append(out, &Value{Name: n.Name + "/" + what})
	}
	for i := 3; i < 5; i++ {
		if n.In[i].Param {
			t.Updated[n.In[i]] = out[i]
		}
	}
	attrs := Attrs{"epsilon": epsilon, "momentum": n.Float("momentum", 0.9), "relu": int64(n.Int("relu", 0))}
	return b.instead(n, "BatchNormTrain", attrs, in, out)
}

// FixedStatistics reports whether n is a BatchNormalization whose running mean and
// variance are both frozen.
func (n *Node) FixedStatistics(frozen map[string]bool) bool {
	return n.Op == "BatchNormalization" && n.Domain == "" && frozen[n.In[3].Name] && frozen[n.In[4].Name]
}

// inferBatchNormTrain: inputs as of BatchNormalization and, if there is one, a
// residual of x's shape; the attribute relu. Outputs y = relu(norm(x) + residual),
// the mean and 1/√(var+ε) of the batch, and the running mean and variance after
// the step. The running variance takes the unbiased variance of the batch, as
// PyTorch does: running = momentum·running + (1-momentum)·batch.
func inferBatchNormTrain(n *Node) error {
	s, err := n.batchNormTrain()
	if err != nil {
		return err
	}
	if s.N*s.S < 2 {
		return n.Errorf("input has shape %v: the variance of training needs more than one value a channel", n.In[0].Shape)
	}
	if s.Residual && !slices.Equal(n.In[5].Shape, n.In[0].Shape) {
		return n.Errorf("residual has shape %v, want %v", n.In[5].Shape, n.In[0].Shape)
	}
	for i := range 4 {
		if err := n.SetOut(i+1, n.In[0].DType, []int{s.C}); err != nil {
			return err
		}
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func (n *Node) batchNormTrain() (s norm.BatchSpec, err error) {
	s, err = n.batchNorm(6)
	s.Relu, s.Residual = n.Int("relu", 0) != 0, n.Input(5) != nil
	return s, err
}

func bindBatchNormTrain(n *Node, e *Env) (func(), error) {
	s, err := n.batchNormTrain()
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return batchNormTrainLoop[float32](n, e, s) },
		func() func() { return batchNormTrainLoop[float64](n, e, s) })
}

func batchNormTrainLoop[T tensor.Float](n *Node, e *Env, s norm.BatchSpec) func() {
	p := norm.NewBatch[T](e.Pool, s)
	x, scale, bias, mean, variance, y, residual := e.In[0], e.In[1], e.In[2], e.In[3], e.In[4], e.Out[0], &tensor.Tensor{}
	if s.Residual {
		residual = e.In[5]
	}
	out := func(i int) *tensor.Tensor { return outOrSpare(e, i, x.DType, s.C) }
	batchMean, invstd, newMean, newVar := out(1), out(2), out(3), out(4)
	batchVar, keep := make([]T, s.C), T(n.Float("momentum", 0.9))
	count := float64(s.N * s.S)
	unbiased := T(count / (count - 1))
	return func() {
		m := tensor.Data[T](batchMean)
		p.Forward(tensor.Data[T](y), tensor.Data[T](x), tensor.Data[T](residual), tensor.Data[T](scale),
			tensor.Data[T](bias), m, batchVar, tensor.Data[T](invstd))
		blend(tensor.Data[T](newMean), tensor.Data[T](mean), m, keep, 1)
		blend(tensor.Data[T](newVar), tensor.Data[T](variance), batchVar, keep, unbiased)
	}
}

// gradBatchNormTrain: the gradient of the residual is dy where y > 0, which
// BatchNormGrad computes on its way; without relu it is dy itself.
func gradBatchNormTrain(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	s, err := n.batchNormTrain()
	if err != nil {
		return nil, err
	}
	attrs := Attrs{"epsilon": n.Float("epsilon", 1e-5), "relu": flag(s.Relu)}
	in, outs := []*Value{dy[0], n.In[0], n.In[1], n.In[2], n.Out[1], n.Out[2]}, 3
	if s.Relu && s.Residual {
		in, outs = append(in, n.Out[0]), 4
	}
	d := b.OpN("BatchNormGrad", attrs, outs, in...)
	if b.Err != nil {
		return nil, b.Err
	}
	grads := make([]*Value, len(n.In))
	copy(grads, d[:3])
	switch {
	case outs == 4:
		grads[5] = d[3]
	case s.Residual:
		grads[5] = dy[0]
	}
	return grads, nil
}

// inferBatchNormGrad: inputs dy, x, scale, bias, mean, 1/√(var+ε) and, where the
// attribute relu is set and there was a residual, y; outputs dx, dscale, dbias
// and, with y, the gradient of the residual.
func inferBatchNormGrad(n *Node) error {
	if err := n.Want(6, 7); err != nil {
		return err
	}
	for i, like := range []int{1, 2, 2, 1} {
		if err := n.SetOut(i, n.In[0].DType, n.In[like].Shape); err != nil {
			return err
		}
	}
	return nil
}

func bindBatchNormGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return batchNormGradLoop[float32](n, e) },
		func() func() { return batchNormGradLoop[float64](n, e) })
}

func batchNormGradLoop[T tensor.Float](n *Node, e *Env) func() {
	dy, x, scale, bias, mean, invstd := e.In[0], e.In[1], e.In[2], e.In[3], e.In[4], e.In[5]
	s := norm.BatchSpec{N: x.Shape[0], C: x.Shape[1], S: tensor.Len(x.Shape[2:]), Eps: float64(n.Float("epsilon", 1e-5)),
		Relu: n.Int("relu", 0) != 0, Residual: n.Input(6) != nil}
	p := norm.NewBatch[T](e.Pool, s)
	out := func(i int) *tensor.Tensor { return outOrSpare(e, i, x.DType, n.In[[]int{1, 2, 2}[i]].Shape...) }
	dx, dscale, dbias := out(0), out(1), out(2)
	y, dres := &tensor.Tensor{}, &tensor.Tensor{}
	if s.Residual {
		y, dres = e.In[6], outOrSpare(e, 3, x.DType, x.Shape...)
	}
	return func() {
		p.Backward(tensor.Data[T](dx), tensor.Data[T](dres), tensor.Data[T](dscale), tensor.Data[T](dbias),
			tensor.Data[T](dy), tensor.Data[T](x), tensor.Data[T](y), tensor.Data[T](scale), tensor.Data[T](bias),
			tensor.Data[T](mean), tensor.Data[T](invstd))
	}
}

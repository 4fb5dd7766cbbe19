package ops

import (
	"slices"

	"memprobe/internal/kernel/norm"
	"memprobe/internal/tensor"
)

// losses compare logits [N,classes] with soft targets of the same shape. Outputs
// are the loss, a float64 scalar, and its gradient with respect to the logits, so
// that they need no gradient rule.
var losses = []Def{
	{Op: "CrossEntropyLoss", Domain: Internal, Since: 1, Infer: inferLoss, Bind: bindCrossEntropy},
	{Op: "MSELoss", Domain: Internal, Since: 1, Infer: inferLoss, Bind: bindMSE},
}

func inferLoss(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	if x, t := n.In[0].Shape, n.In[1].Shape; len(x) != 2 || !slices.Equal(x, t) || x[0] < 1 {
		return n.Errorf("logits have shape %v and targets %v, want the same [N,classes]", x, t)
	}
	if err := n.SetOut(1, n.In[0].DType, n.In[0].Shape); err != nil {
		return err
	}
	if err := n.SetOut(0, tensor.Float64, nil); err != nil {
		return err
	}
	return n.sameFloat()
}

func bindCrossEntropy(n *Node, e *Env) (func(), error) {
	x := n.In[0].Shape
	return floatLoop(n, e,
		func() func() { return lossLoop(e, norm.NewCrossEntropy[float32](e.Pool, x[0], x[1]).Run) },
		func() func() { return lossLoop(e, norm.NewCrossEntropy[float64](e.Pool, x[0], x[1]).Run) })
}

func bindMSE(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e,
		func() func() { return lossLoop(e, norm.NewMSE[float32](e.Pool, e.In[0].Len()).Run) },
		func() func() { return lossLoop(e, norm.NewMSE[float64](e.Pool, e.In[0].Len()).Run) })
}

func lossLoop[T tensor.Float](e *Env, loss func(dx, x, target []T) float64) func() {
	x, target, out := e.In[0], e.In[1], e.Out[0]
	dx := outOrSpare(e, 1, x.DType, x.Shape...)
	return func() {
		out.F64()[0] = loss(tensor.Data[T](dx), tensor.Data[T](x), tensor.Data[T](target))
	}
}

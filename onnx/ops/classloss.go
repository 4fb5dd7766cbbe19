package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// classLosses compare scores x [N,C,d…] with classes [N,d…]. They are written out in
// operators that have gradients.
var classLosses = []Def{
	{Op: "NegativeLogLikelihoodLoss", Since: 12, Attributes: "ignore_index:i reduction:s",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.classes(); err != nil {
				return nil, err
			}
			loss, err := b.negativeLogLikelihood(n, n.In[0])
			return []*Value{loss}, err
		}},
	{Op: "SoftmaxCrossEntropyLoss", Since: 12, Attributes: "ignore_index:i reduction:s",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.classes(); err != nil {
				return nil, err
			}
			logs := b.Op("LogSoftmax", Attrs{"axis": int64(1)}, n.In[0])
			loss, err := b.negativeLogLikelihood(n, logs)
			return []*Value{loss, logs}, err
		}},
}

// classes checks scores, classes and weights.
func (n *Node) classes() error {
	if err := n.Want(2, 3); err != nil {
		return err
	}
	x, t := n.In[0], n.In[1]
	if len(x.Shape) < 2 || !slices.Equal(slices.Concat(x.Shape[:1], x.Shape[2:]), t.Shape) || !t.DType.IsInteger() ||
		!x.DType.IsFloat() {
		return n.Errorf("scores are %v%v and classes %v%v, want [N,C,…] floats and [N,…] integers",
			x.DType, x.Shape, t.DType, t.Shape)
	}
	if w := n.Input(2); w != nil && (w.DType != x.DType || !slices.Equal(w.Shape, x.Shape[1:2])) {
		return n.Errorf("weights are %v%v, want %v[%d]", w.DType, w.Shape, x.DType, x.Shape[1])
	}
	return nil
}

// negativeLogLikelihood is −w[t]·x[t] of each class t, reduced; a class that is to be
// ignored has weight 0. The mean divides by the sum of the weights.
func (b *Builder) negativeLogLikelihood(n *Node, x *Value) (*Value, error) {
	t := b.Op("CastTo", Attrs{"dtype": int64(tensor.Int64)}, n.In[1])
	weights := n.Input(2)
	if weights == nil {
		weights = b.filled(x.DType, x.Shape[1], 1)
	}
	ignores := n.Has("ignore_index")
	var ignored *Value
	if ignores {
		ignored = b.Op("Equal", nil, t, b.Const(tensor.From([]int64{int64(n.Int("ignore_index", 0))})))
		t = b.Op("Where", nil, ignored, b.Const(tensor.From([]int64{0})), t)
	}
	w := b.Op("Gather", nil, weights, t)
	picked := b.Op("GatherElements", Attrs{"axis": int64(1)}, x, b.Op("Unsqueeze", nil, t, b.Ints(1)))
	loss := b.Op("Neg", nil, b.Op("Mul", nil, b.Op("Squeeze", nil, picked, b.Ints(1)), w))
	if ignores {
		zero := b.Scalar(x, 0)
		loss, w = b.Op("Where", nil, ignored, zero, loss), b.Op("Where", nil, ignored, zero, w)
	}
	all := Attrs{"keepdims": int64(0)}
	switch reduction := n.Str("reduction", "mean"); reduction {
	case "none":
	case "sum":
		loss = b.Op("ReduceSum", all, loss)
	case "mean":
		loss = b.Op("Div", nil, b.Op("ReduceSum", all, loss), b.Op("ReduceSum", all, w))
	default:
		return nil, n.Errorf("reduction is %q, want none, sum or mean", reduction)
	}
	return loss, b.Err
}

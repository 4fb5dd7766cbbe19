package engine

import (
	"slices"

	"memprobe/onnx/ops"
)

// trainingRewrites are those for training: of patterns whose gradient is better
// computed as a whole. They fold no weights.
var trainingRewrites = []rewrite{
	{"Gelu", (*fuser).gelu},
	{"GeluTanh", (*fuser).geluTanh},
	{"Silu", (*fuser).silu},
	{"HardSwish", (*fuser).hardSwish},
	{"BatchNormalization+Relu", (*fuser).trainNormRelu},
	{"LayerNormalization", (*fuser).layerNorm},
	{"LayerNormalization+affine", (*fuser).trainNormAffine},
}

// trainNormRelu: relu(norm(x)) and relu(norm(x) + residual), as the BatchNormTrain
// that trainingMode completes.
func (f *fuser) trainNormRelu(n *ops.Node) *ops.Node {
	if !is(n, "Relu") {
		return nil
	}
	p, residual := f.sole(n.In[0]), (*ops.Value)(nil)
	if is(p, "Add") && slices.Equal(p.In[0].Shape, p.In[1].Shape) {
		for i, v := range p.In {
			if norm := f.sole(v); is(norm, "BatchNormalization") {
				p, residual = norm, p.In[1-i]
				break
			}
		}
	}
	if !is(p, "BatchNormalization") || p.FixedStatistics(f.frozen) {
		return nil
	}
	attrs := ops.Attrs{"epsilon": p.Float("epsilon", 1e-5), "momentum": p.Float("momentum", 0.9), "relu": int64(1)}
	return f.node(ops.Internal, "BatchNormTrain", p, attrs, append(slices.Clone(p.In), residual)...)
}

// trainNormAffine: norm(x)·scale and norm(x) + bias of a LayerNormalization without
// them.
func (f *fuser) trainNormAffine(n *ops.Node) *ops.Node {
	if !is(n, "Mul", "Add") {
		return nil
	}
	for i, v := range n.In {
		norm, w := f.sole(v), n.In[1-i]
		if !is(norm, "LayerNormalization") || norm.Input(2) != nil || !slices.Equal(w.Shape, norm.In[1].Shape) {
			continue
		}
		if n.Op == "Add" {
			return f.node("", "LayerNormalization", n, norm.Attrs, norm.In[0], norm.In[1], w)
		}
		if one, ok := constant(norm.In[1]); ok && one == 1 {
			return f.node("", "LayerNormalization", n, norm.Attrs, norm.In[0], w)
		}
	}
	return nil
}

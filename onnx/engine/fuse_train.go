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
	if !is(p, "BatchNormalization") || fixed(p, f.frozen) {
		return nil
	}
	attrs := ops.Attrs{"epsilon": p.Float("epsilon", 1e-5), "momentum": p.Float("momentum", 0.9), "relu": int64(1)}
	return f.node(ops.Internal, "BatchNormTrain", p, attrs, append(slices.Clone(p.In), residual)...)
}

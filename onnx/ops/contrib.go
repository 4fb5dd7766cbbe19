package ops

import (
	"slices"
	"strings"

	"memprobe/internal/tensor"
)

// Contrib is the domain of the operators that ONNX Runtime's optimiser writes in the
// place of several of ONNX's. They are written out in these again. Reference:
// github.com/microsoft/onnxruntime, docs/ContribOperators.md.
const Contrib = "com.microsoft"

var contribs = []Def{
	weighted(contrib("FusedConv", 2, 4, "activation:s activation_params:F auto_pad:s dilations:I "+
		"group:i kernel_shape:I pads:I strides:I", func(b *Builder, n *Node) []*Value {
		y := b.Op("Conv", without(n.Attrs, "activation"), n.In[0], n.In[1], n.Input(2))
		if z := n.Input(3); z != nil {
			y = b.Op("Add", nil, y, z)
		}
		return []*Value{b.activated(n, y, n.floats("activation_params"))}
	}), "", ConvWeight, Bias, ""),
	weighted(contrib("FusedGemm", 2, 3, "activation:s activation_alpha:f activation_beta:f "+
		"activation_gamma:f alpha:f beta:f transA:i transB:i", func(b *Builder, n *Node) []*Value {
		y := b.Op("Gemm", without(n.Attrs, "activation"), n.In[0], n.In[1], n.Input(2))
		var params []float32
		for _, name := range []string{"activation_alpha", "activation_beta"} {
			if n.Has(name) {
				params = append(params, n.Float(name, 0))
			}
		}
		return []*Value{b.activated(n, y, params)}
	}), Matrix, Matrix, Bias),
	weighted(contrib("FusedMatMul", 2, 2, "alpha:f transA:i transB:i transBatchA:i transBatchB:i",
		func(b *Builder, n *Node) []*Value {
			y := b.Op("MatMul", nil, b.operand(n, n.In[0], "A"), b.operand(n, n.In[1], "B"))
			return []*Value{b.times(y, float64(n.Float("alpha", 1)))}
		}), Matrix),
	contrib("Gelu", 1, 1, "", func(b *Builder, n *Node) []*Value { return []*Value{b.gelu("none", n.In[0])} }),
	reads(contrib("BiasGelu", 2, 2, "",
		func(b *Builder, n *Node) []*Value { return []*Value{b.gelu("none", n.In[0], n.In[1])} }), "", Bias),
	reads(contrib("FastGelu", 1, 2, "", func(b *Builder, n *Node) []*Value { return []*Value{b.gelu("tanh", n.In...)} }),
		"", Bias),
	contrib("QuickGelu", 1, 1, "alpha:f", func(b *Builder, n *Node) []*Value {
		return []*Value{b.Op("Swish", Attrs{"alpha": n.Float("alpha", 1.702)}, n.In[0])}
	}),
	reads(contrib("SkipLayerNormalization", 3, 5, "epsilon:f", func(b *Builder, n *Node) []*Value {
		return b.skipNorm(n, "LayerNormalization", n.Input(4), n.In[2], n.Input(3))
	}), "", "", Scale, Bias),
	reads(contrib("SkipSimplifiedLayerNormalization", 3, 4, "epsilon:f", func(b *Builder, n *Node) []*Value {
		return b.skipNorm(n, "RMSNormalization", n.Input(3), n.In[2])
	}), "", "", Scale, Bias),
	// of no domain
	{Op: "SimplifiedLayerNormalization", Since: 1, Attributes: "axis:i epsilon:f stash_type:i",
		Roles: []Role{"", Scale},
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(2, 2); err != nil {
				return nil, err
			}
			y := b.Op("RMSNormalization", Attrs{"axis": int64(n.Int("axis", -1)), "epsilon": n.Float("epsilon", 1e-5)}, n.In...)
			return []*Value{y}, b.Err
		}},
	reads(contrib("EmbedLayerNormalization", 1, 9, "epsilon:f mask_index_type:i", expandEmbedding),
		"", "", Embedding, Embedding, Embedding, Scale, Bias, ""),
	contrib("RotaryEmbedding", 4, 4, "interleaved:i is_packed_batching:i num_heads:i "+
		"rotary_embedding_dim:i scale:f", func(b *Builder, n *Node) []*Value {
		if n.Float("scale", 1) != 1 || n.Int("is_packed_batching", 0) != 0 {
			b.fail(n, "scale is %v, is_packed_batching %d, want 1 and 0", n.Float("scale", 1), n.Int("is_packed_batching", 0))
			return nil
		}
		x, at := n.In[0], n.In[1]
		length := x.Shape[len(x.Shape)-2]
		if at.Len() == 1 { // of the first token
			at = b.Op("Add", nil, b.Reshape(at, []int{1, 1}), b.Const(counting(length, 1, length)))
		}
		y, err := b.rotate(n, x, n.In[2], n.In[3], b.expand(at, []int{x.Shape[0], length}))
		if b.Err == nil {
			b.Err = err
		}
		return []*Value{y}
	}),
}

// contrib is an operator of ONNX Runtime's domain with its numbers of inputs and its attributes.
func contrib(op string, least, most int, attributes string, expand func(b *Builder, n *Node) []*Value) Def {
	return Def{Op: op, Domain: Contrib, Since: 1, Attributes: attributes,
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(least, most); err != nil {
				return nil, err
			}
			values := expand(b, n)
			return values, b.Err
		}}
}

// without are the attributes but those whose names begin so.
func without(attrs Attrs, prefix string) Attrs {
	kept := Attrs{}
	for name, v := range attrs {
		if !strings.HasPrefix(name, prefix) {
			kept[name] = v
		}
	}
	return kept
}

// fail makes a fault of n the Builder's.
func (b *Builder) fail(n *Node, format string, args ...any) {
	if b.Err == nil {
		b.Err = n.Errorf(format, args...)
	}
}

// activated applies n's activation to y; params are in the order of the operator's
// attributes, min and max for Clip.
func (b *Builder) activated(n *Node, y *Value, params []float32) *Value {
	attrs := Attrs{}
	given := func(names ...string) Attrs {
		for i, name := range names[:min(len(names), len(params))] {
			attrs[name] = params[i]
		}
		return attrs
	}
	switch act := n.Str("activation", ""); act {
	case "":
		return y
	case "Relu", "Tanh", "Sigmoid":
		return b.Op(act, nil, y)
	case "LeakyRelu":
		return b.Op(act, given("alpha"), y)
	case "HardSigmoid":
		return b.Op(act, given("alpha", "beta"), y)
	case "Clip":
		if len(params) == 2 && y != nil {
			return b.Op(act, nil, y, b.Scalar(y, float64(params[0])), b.Scalar(y, float64(params[1])))
		}
		b.fail(n, "activation Clip has %d parameters, want 2", len(params))
	default:
		b.fail(n, "activation %q is not supported", act)
	}
	return nil
}

// operand transposes a matrix of FusedMatMul as its attributes say: the first axis
// goes behind the others of the batch, then the last two change places.
func (b *Builder) operand(n *Node, v *Value, which string) *Value {
	rank := len(v.Shape)
	perm := make([]int, rank)
	for i := range perm {
		perm[i] = i
	}
	if n.Int("transBatch"+which, 0) != 0 && rank > 2 {
		perm = slices.Concat(perm[1:rank-1], perm[:1], perm[rank-1:])
	}
	if n.Int("trans"+which, 0) != 0 && rank > 1 {
		perm[rank-2], perm[rank-1] = perm[rank-1], perm[rank-2]
	}
	if slices.IsSorted(perm) {
		return v
	}
	return b.transpose(v, perm...)
}

// gelu is that of x, or of x and a bias.
func (b *Builder) gelu(approximate string, in ...*Value) *Value {
	x := in[0]
	if len(in) > 1 && in[1] != nil {
		x = b.Op("Add", nil, x, in[1])
	}
	return b.Op("Gelu", Attrs{"approximate": approximate}, x)
}

// skipNorm normalises the sum of the first two inputs and a bias, which is output 3.
func (b *Builder) skipNorm(n *Node, op string, bias *Value, params ...*Value) []*Value {
	sum := b.Op("Add", nil, n.In[0], n.In[1])
	if bias != nil {
		sum = b.Op("Add", nil, sum, bias)
	}
	attrs := Attrs{"axis": int64(-1), "epsilon": n.Float("epsilon", 1e-12)}
	if op == "RMSNormalization" {
		return []*Value{b.Op(op, attrs, append([]*Value{sum}, params...)...), nil, nil, sum}
	}
	out := b.OpN(op, attrs, 3, append([]*Value{sum}, params...)...)
	return append(out, sum)
}

// expandEmbedding normalises the sum of a token's embedding, that of its position and
// that of its segment. Outputs are the result, the number of tokens of each sequence
// that the mask has, and the sum.
func expandEmbedding(b *Builder, n *Node) []*Value {
	ids, mask := n.In[0], n.Input(7)
	if len(ids.Shape) != 2 || slices.Contains([]*Value{n.Input(2), n.Input(3), n.Input(5), n.Input(6)}, nil) ||
		(n.In[1] == nil) != (n.In[4] == nil) {
		b.fail(n, "input_ids has shape %v, want [N,T] with embeddings of words and positions, gamma and beta", ids.Shape)
		return nil
	}
	positions := n.Input(8)
	if positions == nil {
		positions = b.Const(counting(ids.Shape[1], 1, ids.Shape[1]))
	}
	sum := b.Op("Add", nil, b.Op("Gather", nil, n.In[2], ids), b.Op("Gather", nil, n.In[3], positions))
	if n.In[1] != nil {
		sum = b.Op("Add", nil, sum, b.Op("Gather", nil, n.In[4], n.In[1]))
	}
	y := b.Op("LayerNormalization", Attrs{"axis": int64(-1), "epsilon": n.Float("epsilon", 1e-12)}, sum, n.In[5], n.In[6])
	count := b.Const(tensor.New(tensor.Int32, ids.Shape[0]))
	if mask != nil {
		count = b.Op("ReduceSum", Attrs{"keepdims": int64(0)}, mask, b.Ints(1))
	}
	return []*Value{y, count, sum}
}

// floats returns a list attribute.
func (n *Node) floats(name string) []float32 { return attr(n, name, []float32(nil)) }

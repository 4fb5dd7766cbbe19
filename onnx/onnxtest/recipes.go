package onnxtest

import (
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// selects are operators whose results are elements of their operands, whole numbers or
// constants, so that they are exact where the operands are.
var selects = set("Identity", "Relu", "Abs", "Neg", "Clip", "Max", "Min", "Where", "Reshape", "Flatten", "Squeeze",
	"Unsqueeze", "Transpose", "Concat", "Split", "Slice", "Gather", "Expand", "Tile", "TopK", "OneHot",
	"GatherElements", "GatherND", "Trilu", "DepthToSpace", "SpaceToDepth", "MaxPool", "GlobalMaxPool", "ReduceMax",
	"ReduceMin", "Hardmax", "Pad", "Dropout", "Floor", "Ceil", "Round", "Sign", "ConstantOfShape", "Range", "Constant",
	"Cast", "CastLike", "ThresholdedRelu")

// jumps are operators of whose results a rounding of an operand can make another one.
var jumps = set("Floor", "Ceil", "Round", "Sign", "IsNaN", "IsInf", "Equal", "Less", "Greater", "LessOrEqual",
	"GreaterOrEqual", "Mod", "Cast", "CastLike", "ArgMax", "ArgMin", "TopK", "Hardmax", "OneHot", "ThresholdedRelu",
	"Shrink", "MaxPool", "GridSample", "Pow", "QuantizeLinear", "DynamicQuantizeLinear")

func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// recipes say how operators are applied; without one, to a float tensor alone. A recipe
// may propose what the operator refuses.
var recipes = map[string]func(g *generator, op string){
	"LeakyRelu": function("alpha"), "Elu": function("alpha"), "Selu": function("alpha", "gamma"),
	"Celu":        function("alpha"),
	"HardSigmoid": function("alpha", "beta"), "ThresholdedRelu": function("alpha"), "Swish": function("alpha"),
	"Shrink": function("bias", "lambd"),
	"Gelu": func(g *generator, op string) {
		g.one(op, g.maybe(ops.Attrs{"approximate": oneOf(g, "none", "tanh")}), g.float(0, 4))
	},
	"Acosh": func(g *generator, op string) { g.one(op, nil, g.leaf(g.numbers(1.1, 2.5, g.shape(2)...), true)) },
	"Clip":  clip, "Not": func(g *generator, op string) { g.one(op, nil, g.boolean(g.shape(2))) },
	"Add": binary, "Sub": binary, "Mul": binary, "Div": binary, "Equal": binary, "Less": binary, "Greater": binary,
	"LessOrEqual": binary, "GreaterOrEqual": binary, "Pow": power, "Mod": binary,
	"And": logic, "Or": logic, "Xor": logic, "Sum": variadic, "Max": variadic, "Min": variadic, "Mean": variadic,
	"Where": func(g *generator, op string) {
		x := g.float(0, 4)
		g.one(op, nil, g.boolean(g.part(x.Shape)), x, g.like(x.Shape))
	},
	"Cast": func(g *generator, op string) {
		g.one(op, ops.Attrs{"to": oneOf[int64](g, 1, 2, 3, 4, 6, 7, 9, 11, 13)}, g.number())
	},
	"CastLike": func(g *generator, op string) { g.one(op, nil, g.number(), g.whole(oneOf(g, types...), 1)) },
	"Constant": func(g *generator, op string) {
		g.apply(op, ops.Attrs{"value": g.numbers(-1, 1, g.shape(2)...)}, 1)
	},

	"Reshape": reshape, "Flatten": func(g *generator, op string) {
		x := g.float(0, 4)
		g.one(op, g.maybe(ops.Attrs{"axis": int64(g.between(-len(x.Shape), len(x.Shape)))}), x)
	},
	"Squeeze": squeeze, "Unsqueeze": unsqueeze,
	"Shape": func(g *generator, op string) {
		g.one(op, g.maybe(ops.Attrs{"start": int64(g.between(-3, 3)), "end": int64(g.between(-3, 3))}), g.float(0, 4))
	},
	"ConstantOfShape": func(g *generator, op string) {
		g.one(op, g.maybe(ops.Attrs{"value": g.numbers(-1, 1, 1)}), g.ints(g.shape(g.IntN(4))...))
	},
	"Range":     func(g *generator, op string) { g.one(op, nil, g.scalar(-3, 4), g.scalar(-3, 4), g.scalar(-2, 3)) },
	"Transpose": transpose, "Concat": concat, "Split": split, "Slice": slice, "Gather": gather, "Expand": expand,
	"Tile":   tile,
	"ArgMax": argument, "ArgMin": argument, "TopK": topK, "CumSum": cumSum, "OneHot": oneHot,
	"GatherElements": elements, "Scatter": elements, "ScatterElements": elements, "GatherND": vectors,
	"ScatterND": vectors,
	"Trilu": func(g *generator, op string) {
		g.one(op, g.maybe(ops.Attrs{"upper": int64(g.IntN(2))}), g.float(2, 4), oneOf(g, nil, g.scalar(-3, 4)))
	},
	"DepthToSpace": blocks, "SpaceToDepth": blocks,

	"Conv": conv, "ConvTranspose": conv, "MaxPool": pool, "AveragePool": pool, "LpPool": pool,
	"GlobalAveragePool": spatial, "GlobalMaxPool": spatial, "GlobalLpPool": spatial,
	"ReduceSum": reduce, "ReduceMean": reduce, "ReduceMax": reduce, "ReduceMin": reduce, "ReduceProd": reduce,
	"ReduceL1": reduce,
	"ReduceL2": reduce, "ReduceSumSquare": reduce, "ReduceLogSum": reduce, "ReduceLogSumExp": reduce,
	"Gemm": gemm, "MatMul": matmul, "Einsum": einsum,
	"Softmax": alongAxis, "LogSoftmax": alongAxis, "Hardmax": alongAxis, "LpNormalization": alongAxis,
	"BatchNormalization": batchNorm, "LayerNormalization": layerNorm, "RMSNormalization": layerNorm,
	"SimplifiedLayerNormalization": layerNorm,
	"InstanceNormalization":        groupNorm, "GroupNormalization": groupNorm, "LRN": lrn,
	"PRelu": func(g *generator, op string) {
		x := g.float(1, 4)
		slope := g.part(x.Shape)
		if g.chance(0.3) && len(x.Shape) > 1 {
			slope = x.Shape[1:2]
		}
		g.one(op, nil, x, g.weight(slope...))
	},
	"MeanVarianceNormalization": func(g *generator, op string) {
		g.one(op, g.maybe(ops.Attrs{"axes": []int64{0, int64(g.between(1, 3))}}), g.float(4, 4))
	},
	"Pad": pad, "Resize": resize, "Upsample": resize, "GridSample": gridSample,
	"MaxUnpool": maxUnpool, "RoiAlign": roiAlign, "DeformConv": deformConv,
	"RandomUniform": draws, "RandomNormal": draws, "RandomUniformLike": draws, "RandomNormalLike": draws,
	"Bernoulli":  draws,
	"BitwiseAnd": bitwise, "BitwiseOr": bitwise, "BitwiseXor": bitwise, "BitwiseNot": bitwise, "BitShift": bitwise,
	"BitCast": bitwise,
	"CumProd": cumSum, "ReverseSequence": reverseSequence, "NegativeLogLikelihoodLoss": classLoss,
	"SoftmaxCrossEntropyLoss": classLoss,
	"QuantizeLinear":          quantize, "DequantizeLinear": quantize, "MatMulInteger": integerProduct,
	"ConvInteger":   integerProduct,
	"QLinearMatMul": integerProduct, "QLinearConv": integerProduct,
	"CenterCropPad": centerCropPad, "Col2Im": col2Im, "AffineGrid": affineGrid, "HannWindow": signalWindow,
	"HammingWindow":  signalWindow,
	"BlackmanWindow": signalWindow, "Det": func(g *generator, op string) {
		s := g.between(1, 4)
		g.one(op, nil, g.input(append(g.shape(g.IntN(2)), s, s)...))
	},
	"Attention": heads, "RotaryEmbedding": rotary, "TensorScatter": tensorScatter, "CausalConvWithState": causalConv,
	"LinearAttention": linearAttention,
	"NonZero":         nonZero, "Unique": unique, "Compress": compress, "NonMaxSuppression": suppress, "DFT": dft,
	"STFT": stft,
	"MelWeightMatrix": func(g *generator, op string) {
		g.one(op, nil, g.scalar(1, 5), g.scalar(4, 20), g.scalar(100, 101), g.filled(1), g.filled(40))
	},
	"RNN": recurrent, "GRU": recurrent, "LSTM": recurrent,
	"SwiGLU": func(g *generator, op string) {
		x := g.float(0, 4)
		g.one(op, g.maybe(ops.Attrs{"alpha": float32(1.5)}), x, g.like(x.Shape))
	},
	"Dropout": func(g *generator, op string) { g.apply(op, nil, g.between(1, 2), g.float(0, 4)) },
}

var types = []tensor.DType{tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Uint8, tensor.Bool,
	tensor.Int8, tensor.Uint16, tensor.Uint64}

// maybe returns some of the attributes.
func (g *generator) maybe(attrs ops.Attrs) ops.Attrs {
	kept := ops.Attrs{}
	for _, name := range sortedKeys(attrs) {
		if g.chance(0.6) {
			kept[name] = attrs[name]
		}
	}
	return kept
}

func (g *generator) boolean(shape []int) *ops.Value {
	same := func(v *ops.Value) bool { return v.DType == tensor.Bool && slices.Equal(v.Shape, shape) }
	if v := g.pick(same); v != nil {
		return v
	}
	return g.whole(tensor.Bool, shape...)
}

// number is a value of any type, old or new.
func (g *generator) number() *ops.Value {
	if v := g.pick(func(*ops.Value) bool { return true }); v != nil && g.chance(0.7) {
		return v
	}
	return g.whole(oneOf(g, types...), g.shape(g.IntN(4))...)
}

// scalar is an integer constant from [lo, hi).
func (g *generator) scalar(lo, hi int) *ops.Value { return g.within(lo, hi) }

// int64s are n attribute values from [lo, hi].
func (g *generator) int64s(n, lo, hi int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(g.between(lo, hi))
	}
	return out
}

func function(names ...string) func(g *generator, op string) {
	return func(g *generator, op string) {
		attrs := ops.Attrs{}
		for _, name := range names {
			attrs[name] = float32(0.1 + g.Float64())
		}
		g.one(op, g.maybe(attrs), g.float(0, 4))
	}
}

func clip(g *generator, op string) {
	x := g.float(0, 4)
	lo, hi := -float64(g.IntN(3))/2, float64(g.IntN(3))/2
	if g.chance(0.1) {
		lo, hi = 0, 6
	}
	if g.opset < 11 {
		g.one(op, g.maybe(ops.Attrs{"min": float32(lo), "max": float32(hi)}), x)
		return
	}
	bound := func(v float64) *ops.Value {
		if g.chance(0.25) {
			return nil
		}
		return g.leaf(g.numbers(v, v), g.chance(0.2))
	}
	g.one(op, nil, x, bound(lo), bound(hi))
}

func binary(g *generator, op string) {
	var a, b *ops.Value
	switch {
	case g.chance(0.2):
		d, s := oneOf(g, types...), g.shape(g.IntN(4))
		a, b = g.whole(d, s...), g.whole(d, g.part(s)...)
	default:
		if a = g.float(0, 4); g.chance(0.1) {
			b = a
		} else {
			b = g.like(a.Shape)
		}
	}
	if g.chance(0.4) {
		a, b = b, a
	}
	attrs := ops.Attrs{}
	if g.opset < 7 && g.chance(0.7) {
		a = g.float(1, 4)
		lo := g.IntN(len(a.Shape))
		hi := g.between(lo+1, len(a.Shape))
		b = g.weight(a.Shape[lo:hi]...)
		attrs["broadcast"], attrs["axis"] = int64(1), int64(lo)
	}
	if op == "Mod" {
		attrs["fmod"] = int64(1)
	}
	g.one(op, attrs, a, b)
}

func power(g *generator, op string) {
	x := g.float(0, 4)
	g.one(op, nil, x, oneOf(g, g.filled(2), g.filled(3), g.filled(0.5), g.filled(-1), g.like(x.Shape)))
}

func logic(g *generator, op string) {
	s := g.shape(g.IntN(4))
	g.one(op, nil, g.boolean(s), g.boolean(g.part(s)))
}

func variadic(g *generator, op string) {
	in := []*ops.Value{g.float(0, 4)}
	for range g.IntN(4) {
		in = append(in, g.like(in[0].Shape))
	}
	g.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	g.one(op, nil, in...)
}

func conv(g *generator, op string) {
	rank := oneOf(g, 1, 2, 2, 2, 2, 3)
	x := g.float(rank+2, rank+2)
	if g.chance(0.1) && rank == 2 {
		x = g.input(g.between(1, 2), oneOf(g, 8, 16, 24), g.between(7, 12), g.between(7, 12))
	}
	group, m := 1, g.between(1, 5)
	if c := x.Shape[1]; g.chance(0.3) && c > 0 {
		group, m = c, c*g.between(1, 2)
	}
	attrs := g.maybe(ops.Attrs{"strides": g.int64s(rank, 1, 3), "dilations": g.int64s(rank, 1, 2),
		"pads": g.int64s(2*rank, 0, 2)})
	if g.chance(0.1) {
		delete(attrs, "pads")
		attrs["auto_pad"] = oneOf(g, "SAME_UPPER", "SAME_LOWER", "VALID")
	}
	if group > 1 {
		attrs["group"] = int64(group)
	}
	kernel := make([]int, rank)
	for i := range kernel {
		kernel[i] = oneOf(g, 1, 2, 3, 3, 5)
	}
	w, bias := append([]int{m, x.Shape[1] / group}, kernel...), m
	if op == "ConvTranspose" {
		w[0], w[1] = x.Shape[1], max(1, m/group)
		bias = w[1] * group
		if g.chance(0.3) {
			attrs["output_padding"] = g.int64s(rank, 0, 1)
		}
	}
	g.one(op, attrs, x, g.weight(w...), oneOf(g, nil, g.weight(bias)))
}

func pool(g *generator, op string) {
	rank := oneOf(g, 1, 2, 2, 2, 3)
	x := g.float(rank+2, rank+2)
	attrs := g.maybe(ops.Attrs{"strides": g.int64s(rank, 1, 3), "pads": g.int64s(2*rank, 0, 1),
		"ceil_mode": int64(g.IntN(2))})
	attrs["kernel_shape"] = g.int64s(rank, 1, 3)
	if g.chance(0.1) {
		delete(attrs, "pads")
		attrs["auto_pad"] = oneOf(g, "SAME_UPPER", "SAME_LOWER", "VALID")
	}
	if op == "AveragePool" {
		attrs["count_include_pad"] = int64(g.IntN(2))
	}
	if op == "LpPool" {
		attrs["p"] = int64(g.between(1, 3))
	}
	if g.chance(0.3) && g.opset >= 19 {
		attrs["dilations"] = g.int64s(rank, 1, 2)
	}
	outs := 1
	if op == "MaxPool" && g.chance(0.3) {
		outs = 2
		attrs["storage_order"] = int64(g.IntN(2))
	}
	g.apply(op, attrs, outs, x)
}

func spatial(g *generator, op string) { g.one(op, nil, g.float(3, 5)) }

func reduce(g *generator, op string) {
	x := g.float(0, 4)
	attrs := g.maybe(ops.Attrs{"keepdims": int64(g.IntN(2)), "noop_with_empty_axes": int64(g.IntN(2))})
	asInput := 18
	if op == "ReduceSum" {
		asInput = 13
	}
	if g.opset < asInput || g.opset < 18 && op != "ReduceSum" {
		delete(attrs, "noop_with_empty_axes")
	}
	var axes []int
	for i := range x.Shape {
		if g.chance(0.5) {
			axes = append(axes, i-len(x.Shape)*g.IntN(2))
		}
	}
	switch {
	case g.opset >= asInput && g.chance(0.9):
		g.one(op, attrs, x, g.ints(axes...))
	case g.opset < asInput && len(axes) > 0:
		attrs["axes"] = widened(axes)
		g.one(op, attrs, x)
	default:
		g.one(op, attrs, x)
	}
}

func widened(v []int) []int64 {
	out := make([]int64, len(v))
	for i, x := range v {
		out[i] = int64(x)
	}
	return out
}

func gemm(g *generator, op string) {
	x := g.float(2, 2)
	a, b := g.IntN(2), g.IntN(2)
	k, n := x.Shape[1-a], g.size()
	w, m := []int{k, n}, x.Shape[a]
	if b == 1 {
		w = []int{n, k}
	}
	attrs := g.maybe(ops.Attrs{"alpha": oneOf[float32](g, 0, 0.5, 2), "beta": oneOf[float32](g, 0, 0.5, 1)})
	attrs["transA"], attrs["transB"] = int64(a), int64(b)
	c := g.weight(g.part([]int{m, n})...)
	if g.opset >= 11 && g.chance(0.2) {
		c = nil
	}
	g.one(op, attrs, x, g.weight(w...), c)
}

func matmul(g *generator, op string) {
	x := g.float(1, 4)
	s := x.Shape
	n := g.size()
	w := []int{s[len(s)-1], n}
	switch {
	case g.chance(0.15):
		w = w[:1]
	case len(s) > 2 && g.chance(0.6):
		w = append(g.part(s[:len(s)-2]), w...)
	}
	if g.chance(0.2) && len(s) >= 2 {
		g.one(op, nil, g.weight(n, s[len(s)-2]), x)
		return
	}
	g.one(op, nil, x, g.weight(w...))
}

func einsum(g *generator, op string) {
	a, b := g.shape(3), g.shape(3)
	b[0], b[1] = a[0], a[2]
	equation := oneOf(g, "bij,bjk->bik", "bij,bjk->kb", "bij,bjk", "...ij,...jk->...ik", "bij,bjk->ibk")
	g.one(op, ops.Attrs{"equation": equation}, g.input(a...), g.weight(b...))
	g.one(op, ops.Attrs{"equation": oneOf(g, "abc->cab", "abc->b", "a...->...a", "abc->")}, g.float(3, 3))
}

package ops_test

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/onnxtest"
	"memprobe/onnx/ops"
)

type attrs = ops.Attrs

var (
	wave   = onnxtest.Wave
	within = onnxtest.Within
	ints   = onnxtest.Ints
)

// on is a case of an operator of the standard domain.
func on(op string, opset int, a attrs, in ...*tensor.Tensor) onnxtest.Case {
	return onnxtest.Case{Op: op, Opset: opset, Attrs: a, In: in}
}

// grid is a matrix of indices.
func grid(rows, cols int, v ...int64) *tensor.Tensor { return tensor.From(v, rows, cols) }

func fixed(c onnxtest.Case, operands ...int) onnxtest.Case { c.Fixed = operands; return c }

func outputs(c onnxtest.Case, n int, through ...int) onnxtest.Case {
	c.Outs, c.Through = n, through
	return c
}

func internal(c onnxtest.Case) onnxtest.Case { c.Domain = ops.Internal; return c }

func TestGradients(t *testing.T) {
	covered := map[*ops.Def]bool{}
	for _, c := range slices.Concat(elementwiseCases(), movementCases(), windowCases(), reductionCases(),
		productCases(), normCases(), attentionCases(), tokenCases(), contribCases(), dataCases()) {
		t.Run(c.String(), func(t *testing.T) { onnxtest.Gradients(t, c) })
		def, err := ops.Lookup(c.Domain, c.Op, c.Opset)
		if err != nil {
			t.Fatal(err)
		}
		covered[def] = true
	}
	for _, d := range ops.All() {
		if d.Grad != nil && !covered[d] {
			t.Errorf("%s%s-%d has a gradient that no case covers", d.Domain, d.Op, d.Since)
		}
	}
}

// Every operator has a shape rule, and a gradient or a reason for having none, or is
// written out in others, or is computed on whole values alone. Those of the internal
// domain that only gradients use need none.
func TestTableIsComplete(t *testing.T) {
	for _, d := range ops.All() {
		if d.Infer == nil && d.Expand == nil && d.Eager != nil {
			continue
		}
		if d.Infer == nil && d.Expand == nil {
			t.Errorf("%s-%d has no shape rule", d.Op, d.Since)
		}
		if d.Domain == "" && d.Expand == nil && (d.Grad == nil) == (d.NotDifferentiable == "") {
			t.Errorf("%s-%d wants either a gradient or a reason for having none", d.Op, d.Since)
		}
	}
}

// trained is BatchNormTrain, whose running statistics have no gradient.
func trained(a attrs, in ...*tensor.Tensor) onnxtest.Case {
	return fixed(outputs(internal(on("BatchNormTrain", 1, a, in...)), 5), 3, 4)
}

func elementwiseCases() []onnxtest.Case {
	domain := map[string][2]float64{
		"Log": {0.2, 3}, "Sqrt": {0.2, 3}, "Reciprocal": {0.5, 3}, "Asin": {-0.9, 0.9}, "Acos": {-0.9, 0.9},
		"Acosh": {1.2, 4}, "Atanh": {-0.9, 0.9}, "Tan": {-1.2, 1.2},
	}
	var cases []onnxtest.Case
	for _, op := range []string{
		"Relu", "Tanh", "Sigmoid", "Softplus", "HardSwish", "LeakyRelu", "Elu", "HardSigmoid", "Gelu", "Selu", "Celu",
		"ThresholdedRelu",
		"Swish", "Mish", "Softsign", "Shrink", "Abs", "Neg", "Exp", "Log", "Erf", "Sqrt", "Reciprocal", "Sin", "Cos",
		"Tan", "Asin",
		"Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
	} {
		d, ok := domain[op]
		if !ok {
			d = [2]float64{-4, 4}
		}
		cases = append(cases, on(op, ops.Newest, nil, within(d[0], d[1], 3, 7)))
	}
	for _, s := range [][2][]int{{{2, 3}, {2, 3}}, {{2, 3, 4}, {3, 1}}, {{3}, {2, 1, 3}}, {{2, 2}, {}}} {
		a, b := within(0.5, 2, s[0]...), within(1.1, 3.3, s[1]...)
		for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean"} {
			cases = append(cases, on(op, ops.Newest, nil, a, b))
		}
		for _, op := range []string{"Max", "Min"} {
			cases = append(cases, on(op, ops.Newest, nil, within(-1, 1, s[0]...), within(0.3, -0.5, s[1]...)))
		}
	}
	x := wave(20)
	lo, hi := tensor.From([]float64{-0.5}), tensor.From([]float64{0.7})
	odd := tensor.From([]bool{true, false, true, false, true, false}, 2, 3)
	return append(cases,
		on("Gelu", 20, attrs{"approximate": "tanh"}, x),
		on("Swish", 24, attrs{"alpha": float32(1.5)}, x),
		on("Celu", 12, attrs{"alpha": float32(2)}, x),
		on("Clip", 6, attrs{"min": float32(-0.5), "max": float32(0.7)}, x),
		fixed(on("Clip", 13, nil, x, lo, hi), 1, 2),
		on("Max", 13, nil, wave(2, 3), within(-1, 1, 3), within(-2, 1, 2, 1)),
		on("Mod", 13, attrs{"fmod": int64(1)}, within(-7, 7.3, 3, 4), within(1.1, 2.3, 4)),
		on("Where", 16, nil, odd, wave(2, 3), wave(3)),
		on("Cast", 13, attrs{"to": int64(11)}, x),
		fixed(on("CastLike", 15, nil, x, x), 1),
		on("Identity", 13, nil, x),
		on("Dropout", 13, nil, x),
		internal(on("DropoutTrain", 1, attrs{"ratio": float32(0.3)}, x)),
		on("PRelu", 16, nil, wave(2, 3, 2), wave(3, 1)), on("PRelu", 9, nil, wave(2, 3, 2), wave(3)))
}

func movementCases() []onnxtest.Case {
	var cases []onnxtest.Case
	for _, mode := range []string{"constant", "reflect", "edge", "wrap"} {
		cases = append(cases, on("Pad", 19, attrs{"mode": mode}, wave(3, 4), ints(2, 1, 1, 2)))
	}
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		cases = append(cases, on("Resize", 19, attrs{"mode": mode}, wave(1, 2, 4, 5), nil, nil, ints(1, 2, 7, 3)))
	}
	for _, padding := range []string{"zeros", "border", "reflection"} {
		for i, mode := range []string{"bilinear", "bicubic"} {
			a := attrs{"mode": mode, "padding_mode": padding, "align_corners": int64(i)}
			b := attrs{"mode": mode, "padding_mode": padding, "align_corners": int64(1 - i)}
			cases = append(cases, on("GridSample", 16, a, wave(2, 3, 4, 5), within(-1.9, 1.8, 2, 3, 2, 2)),
				on("GridSample", 16, b, wave(2, 3, 4, 5), within(-1.9, 1.8, 2, 3, 2, 2)))
		}
		cases = append(cases, on("GridSample", 20, attrs{"padding_mode": padding}, wave(1, 2, 3, 4, 2),
			within(-1.3, 1.4, 1, 2, 2, 3, 3)))
	}
	scales := tensor.From([]float64{1, 1, 2, 3}, 4)
	for _, fold := range []string{"mul", "max", "min"} {
		a := attrs{"reduction": fold, "axis": int64(1)}
		cases = append(cases,
			on("ScatterElements", 18, a, wave(2, 4), grid(2, 3, 0, -1, 0, 2, 1, 2), within(-1, 1.2, 2, 3)),
			on("Scatter", 10, a, wave(2, 4), grid(2, 3, 0, -1, 0, 2, 1, 2), within(1.1, -1, 2, 3)),
			on("ScatterND", 18, attrs{"reduction": fold}, wave(4, 3), grid(3, 1, 3, 0, 3), within(-1, 1.2, 3, 3)))
	}
	return append(cases,
		on("ScatterElements", 18, attrs{"reduction": "mul"}, wave(8), ints(0, 0, 0, 2, 2, 4, 4, 4, 5),
			tensor.From([]float64{0, 2, 3, 0, 0, 2, 3, 4, 0}, 9)),
		on("Pad", 19, nil, wave(3, 4), ints(1, -1, 0, 2)),
		fixed(on("GridSample", 16, attrs{"mode": "nearest"}, wave(2, 3, 4, 5), within(-1.2, 1.1, 2, 3, 2, 2)), 1),
		fixed(on("Upsample", 9, attrs{"mode": "nearest"}, wave(1, 2, 2, 3), scales), 1),
		on("Transpose", 13, attrs{"perm": []int64{2, 0, 1}}, wave(2, 3, 4)),
		on("Reshape", 13, nil, wave(2, 6), ints(3, -1)),
		on("Reshape", 1, attrs{"shape": []int64{3, -1}}, wave(2, 6)),
		on("Flatten", 13, nil, wave(2, 3, 2)),
		on("Squeeze", 13, nil, wave(2, 1, 3), ints(1)),
		on("Squeeze", 11, attrs{"axes": []int64{1}}, wave(2, 1, 3)),
		on("Unsqueeze", 13, nil, wave(2, 3), ints(0, 3)),
		on("Unsqueeze", 11, attrs{"axes": []int64{0, 3}}, wave(2, 3)),
		outputs(on("Split", 13, attrs{"axis": int64(1)}, wave(2, 5), ints(2, 0, 3)), 3, 0, 2),
		outputs(on("Split", 11, attrs{"axis": int64(1), "split": []int64{2, 3}}, wave(2, 5)), 2, 1),
		on("Slice", 13, nil, wave(4, 7), ints(3, 1), ints(-9, 6), ints(0, 1), ints(-2, 2)),
		on("Slice", 9, attrs{"starts": []int64{1}, "ends": []int64{3}, "axes": []int64{1}}, wave(4, 7)),
		on("Gather", 13, attrs{"axis": int64(1)}, wave(2, 4, 3), ints(1, -1, 1)),
		on("Expand", 13, nil, wave(3, 1), ints(2, 3, 4)),
		on("Tile", 13, nil, wave(2, 3), ints(2, 3)),
		on("Concat", 13, attrs{"axis": int64(1)}, wave(2, 3), wave(2, 2)),
		outputs(on("TopK", 11, attrs{"axis": int64(1), "largest": int64(0)}, wave(2, 5, 3), ints(2)), 2, 0),
		on("TopK", 11, nil, wave(3, 4), ints(3)),
		on("TopK", 1, attrs{"k": int64(2), "axis": int64(0)}, wave(4, 2)),
		on("CumSum", 14, attrs{"reverse": int64(1)}, wave(2, 3, 2), ints(1)),
		on("CumSum", 14, attrs{"exclusive": int64(1)}, wave(2, 3, 2), ints(1)),
		on("Trilu", 14, attrs{"upper": int64(0)}, wave(2, 3, 4), ints(1)),
		on("DepthToSpace", 13, attrs{"blocksize": int64(2)}, wave(1, 8, 2, 3)),
		on("DepthToSpace", 13, attrs{"blocksize": int64(2), "mode": "CRD"}, wave(1, 8, 2, 3)),
		on("SpaceToDepth", 13, attrs{"blocksize": int64(2)}, wave(1, 2, 4, 6)),
		on("ReverseSequence", 10, nil, wave(4, 2, 3), ints(3, 1)),
		on("GatherElements", 13, attrs{"axis": int64(1)}, wave(2, 4), grid(2, 3, 0, -1, 0, 2, 1, 2)),
		on("GatherND", 13, nil, wave(2, 4, 3), grid(3, 2, 0, 1, 1, -1, 0, 1)),
		on("GatherND", 13, attrs{"batch_dims": int64(1)}, wave(2, 4, 3), tensor.From([]int64{0, 1, -1, 2, 0, 1}, 2, 3, 1)),
		on("GatherND", 13, attrs{"batch_dims": int64(2)}, wave(2, 2, 3), tensor.From([]int64{0, -1, 2, 1}, 2, 2, 1)),
		on("ScatterElements", 18, attrs{"axis": int64(1)}, wave(2, 4), grid(2, 2, 0, -1, 2, 1), within(1, 2, 2, 2)),
		on("ScatterElements", 18, attrs{"axis": int64(1), "reduction": "add"}, wave(2, 4), grid(2, 2, 1, 1, 2, 1),
			within(1, 2, 2, 2)),
		on("Scatter", 10, nil, wave(3, 2), grid(1, 2, 2, 0), within(1, 2, 1, 2)),
		on("ScatterND", 18, nil, wave(4, 3), grid(2, 1, 3, 0), within(1, 2, 2, 3)),
		on("ScatterND", 18, attrs{"reduction": "add"}, wave(4, 3), grid(2, 1, 3, 3), within(1, 2, 2, 3)),
		internal(on("SumTo", 1, attrs{"shape": []int64{3, 1}}, wave(2, 3, 4))))
}

func windowCases() []onnxtest.Case {
	var cases []onnxtest.Case
	for _, op := range []string{"MaxPool", "AveragePool", "LpPool"} {
		cases = append(cases,
			on(op, 19, attrs{"kernel_shape": []int64{3, 2}, "strides": []int64{2, 2}, "pads": []int64{1, 1, 1, 1},
				"ceil_mode": int64(1)}, wave(2, 2, 5, 4)),
			on(op, 19, attrs{"kernel_shape": []int64{3}, "auto_pad": "SAME_UPPER"}, wave(2, 2, 5)),
			on(op, 19, attrs{"kernel_shape": []int64{2, 2, 2}, "pads": []int64{1, 0, 0, 0, 1, 1}}, wave(1, 2, 3, 2, 2)))
	}
	transposed := attrs{"strides": []int64{2, 3}, "pads": []int64{1, 1, 1, 1}, "output_padding": []int64{1, 1},
		"group": int64(2)}
	return append(cases,
		on("LpPool", 18, attrs{"kernel_shape": []int64{2, 2}, "p": int64(1)}, wave(1, 2, 3, 3)),
		on("LpPool", 18, attrs{"kernel_shape": []int64{2, 2}, "p": int64(3)}, wave(1, 2, 3, 3)),
		on("GlobalAveragePool", 1, nil, wave(2, 3, 2, 2)),
		on("GlobalMaxPool", 1, nil, wave(2, 3, 2, 2)),
		on("GlobalLpPool", 2, nil, wave(2, 3, 2, 2)),
		on("GlobalLpPool", 2, attrs{"p": int64(3)}, wave(2, 3, 2, 2)),
		on("Conv", 11, attrs{"strides": []int64{2, 1}, "pads": []int64{1, 2, 0, 1}, "dilations": []int64{1, 2},
			"group": int64(2)}, wave(2, 4, 5, 4), wave(2, 2, 3, 2), wave(2)),
		on("Conv", 11, attrs{"auto_pad": "SAME_LOWER", "strides": []int64{2}}, wave(2, 2, 5), wave(3, 2, 2), wave(3)),
		on("Conv", 11, attrs{"pads": []int64{1, 0, 0, 1, 0, 0}}, wave(1, 2, 2, 3, 2), wave(2, 2, 2, 2, 1), wave(2)),
		on("ConvTranspose", 11, transposed, wave(1, 2, 2, 3), wave(2, 1, 3, 2), wave(2)))
}

func reductionCases() []onnxtest.Case {
	var cases []onnxtest.Case
	for _, op := range []string{"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
		"ReduceL2", "ReduceSumSquare", "ReduceLogSum", "ReduceLogSumExp"} {
		x := wave(2, 3, 4)
		if op == "ReduceLogSum" {
			x = within(0.5, 2, 2, 3, 4)
		}
		cases = append(cases,
			on(op, 11, attrs{"axes": []int64{0, -1}, "keepdims": int64(0)}, x),
			on(op, 18, nil, x, ints(1)),
			on(op, 18, nil, x))
	}
	large := tensor.From([]float64{800, 799, 801.5, -900, -901, -899}, 2, 3)
	return append(cases, on("ReduceLogSumExp", 18, nil, large, ints(1)),
		on("ReduceProd", 18, nil, tensor.From([]float64{2, 0, 3, 0, 0, 5}, 2, 3), ints(1)))
}

func productCases() []onnxtest.Case {
	var cases []onnxtest.Case
	for _, trans := range [][2]int64{{0, 0}, {0, 1}, {1, 0}, {1, 1}} {
		a, b := []int{3, 2}, []int{2, 4}
		if trans[0] == 1 {
			a = []int{2, 3}
		}
		if trans[1] == 1 {
			b = []int{4, 2}
		}
		cases = append(cases, on("Gemm", 13,
			attrs{"transA": trans[0], "transB": trans[1], "alpha": float32(0.5), "beta": float32(2)}, wave(a...),
			wave(b...), wave(4)))
	}
	for _, s := range [][2][]int{{{3, 2}, {2, 4}}, {{5, 3, 2}, {2, 4}}, {{2, 1, 3, 2}, {4, 2, 2}}, {{2}, {2, 3}},
		{{3, 2}, {2}}, {{2}, {2}}, {{1, 3, 2}, {4, 2, 2}}} {
		cases = append(cases, on("MatMul", 13, nil, wave(s[0]...), wave(s[1]...)))
	}
	return cases
}

func normCases() []onnxtest.Case {
	var cases []onnxtest.Case
	for _, op := range []string{"Softmax", "LogSoftmax"} {
		cases = append(cases, on(op, 13, attrs{"axis": int64(1)}, wave(2, 3, 4)), on(op, 13, nil, wave(3, 5)),
			on(op, 11, nil, wave(2, 3, 4)))
	}
	image, variance := wave(3, 2, 4), within(0.5, 3, 2)
	groups := attrs{"num_groups": int64(2)}
	return append(cases,
		fixed(on("BatchNormalization", 15, nil, image, wave(2), within(-1, 2, 2), within(0, 1, 2), variance), 3, 4),
		trained(nil, image, wave(2), within(-1, 2, 2), within(0, 1, 2), variance),
		trained(attrs{"relu": int64(1)}, image, wave(2), within(-1, 2, 2), within(0, 1, 2), variance),
		trained(nil, image, wave(2), within(-1, 2, 2), within(0, 1, 2), variance, within(-1, 1.5, 3, 2, 4)),
		trained(attrs{"relu": int64(1)}, image, wave(2), within(-1, 2, 2), within(0, 1, 2), variance,
			within(-1, 1.5, 3, 2, 4)),
		on("LayerNormalization", 17, nil, wave(3, 5), wave(5), wave(5)),
		on("LayerNormalization", 17, attrs{"axis": int64(1)}, wave(2, 3, 2), wave(3, 2), wave(3, 2)),
		on("RMSNormalization", 23, nil, wave(3, 5), wave(5)),
		on("GroupNormalization", 18, groups, wave(2, 4, 3), wave(2), wave(2)),
		on("GroupNormalization", 21, groups, wave(2, 4, 3), wave(4), wave(4)),
		on("InstanceNormalization", 6, nil, wave(2, 3, 2, 2), wave(3), wave(3)),
		on("LpNormalization", 1, attrs{"axis": int64(1)}, wave(2, 3, 2)),
		on("LpNormalization", 1, attrs{"p": int64(1)}, wave(2, 3)),
		on("LRN", 13, attrs{"size": int64(3), "alpha": float32(0.7), "beta": float32(0.6), "bias": float32(1.5)},
			wave(2, 5, 2, 2)),
		on("LRN", 13, attrs{"size": int64(4), "alpha": float32(0.7)}, wave(2, 5, 3)),
		on("MeanVarianceNormalization", 13, nil, wave(2, 3, 2, 2)))
}

package engine

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// bytes quantises x to uint8 and takes it back.
func (s sketch) bytes(x *ops.Value, scale float32, zero uint8) *ops.Value {
	sv, zv := s.Const(tensor.From([]float32{scale})), s.Const(tensor.From([]uint8{zero}))
	return s.Op("DequantizeLinear", nil, s.Op("QuantizeLinear", nil, x, sv, zv), sv, zv)
}

// ints are signed bytes with a scale for each index of an axis.
func (s sketch) ints(axis int, shape ...int) *ops.Value {
	q, scales := make([]int8, tensor.Len(shape)), make([]float32, shape[axis])
	for i := range q {
		q[i] = int8(37*i%255 - 127)
	}
	for i := range scales {
		scales[i] = 0.01 + 0.003*float32(i%5)
	}
	return s.Op("DequantizeLinear", ops.Attrs{"axis": int64(axis)}, s.Const(tensor.From(q, shape...)),
		s.Const(tensor.From(scales, len(scales))))
}

// bias are integers with the scale of products of what x and w stand for.
func (s sketch) bias(x, w *ops.Value) *ops.Value {
	from, of := x.Producer.In[1].Const.F32()[0], w.Producer.In[1].Const.F32()
	q, scales := make([]int32, len(of)), make([]float32, len(of))
	for i := range q {
		q[i], scales[i] = int32(300*i)-500, from*of[i]
	}
	return s.Op("DequantizeLinear", ops.Attrs{"axis": int64(0)}, s.Const(tensor.From(q, len(q))),
		s.Const(tensor.From(scales, len(q))))
}

func (s sketch) quantisedConv(x *ops.Value) *ops.Value {
	w := s.ints(0, 3, x.Shape[1], 3, 3)
	return s.Op("Conv", ops.Attrs{"pads": []int64{1, 1, 1, 1}}, x, w, s.bias(x, w))
}

var quantisedFusions = []fusion{
	{"quantised conv", image, func(s sketch) *ops.Value {
		return s.bytes(s.quantisedConv(s.bytes(s.x[0], 0.02, 120)), 0.05, 131)
	}, "Quantize IntegerConv Dequantize"},
	{"quantised conv with bounds", image, func(s sketch) *ops.Value {
		y := s.Op("Clip", nil, s.Op("Relu", nil, s.quantisedConv(s.bytes(s.x[0], 0.02, 120))), s.scalar(0.2), s.scalar(4))
		return s.bytes(y, 0.05, 100)
	}, "Quantize IntegerConv Dequantize"},
	{"quantised depthwise conv", image, func(s sketch) *ops.Value {
		x, w := s.bytes(s.x[0], 0.02, 120), s.ints(0, 4, 1, 3, 3)
		y := s.Op("Conv", ops.Attrs{"group": int64(4), "strides": []int64{2, 1}, "pads": []int64{1, 1, 1, 1}}, x, w,
			s.bias(x, w))
		return s.bytes(s.Op("Relu", nil, y), 0.05, 3)
	}, "Quantize IntegerConv Dequantize"},
	{"quantised conv with a bias of floats stays", image, func(s sketch) *ops.Value {
		y := s.Op("Conv", nil, s.bytes(s.x[0], 0.02, 120), s.ints(0, 3, 4, 3, 3), s.weights(3))
		return s.bytes(y, 0.05, 131)
	}, "Quantize Dequantize Dequantize Conv Quantize Dequantize"},
	{"quantised conv with scales along another axis stays", image, func(s sketch) *ops.Value {
		return s.bytes(s.Op("Conv", nil, s.bytes(s.x[0], 0.02, 120), s.ints(1, 3, 4, 3, 3)), 0.05, 131)
	}, "Quantize Dequantize Dequantize Conv Quantize Dequantize"},
	{"quantised gemm", [][]int{{3, 7}}, func(s sketch) *ops.Value {
		x, w := s.bytes(s.x[0], 0.02, 120), s.ints(0, 5, 7)
		return s.bytes(s.Op("Gemm", ops.Attrs{"transB": int64(1)}, x, w, s.bias(x, w)), 0.05, 131)
	}, "Quantize IntegerProduct Dequantize"},
	{"quantised product", [][]int{{2, 3, 7}}, func(s sketch) *ops.Value {
		return s.bytes(s.Op("Relu", nil, s.Op("MatMul", nil, s.bytes(s.x[0], 0.02, 120), s.ints(1, 7, 5))), 0.05, 3)
	}, "Quantize IntegerProduct Dequantize"},
	{"quantised sum", [][]int{{2, 3, 7}, {2, 3, 7}}, func(s sketch) *ops.Value {
		return s.bytes(s.Op("Relu", nil, s.Op("Add", nil, s.bytes(s.x[0], 0.02, 120), s.bytes(s.x[1], 0.013, 90))), 0.017, 5)
	}, "Quantize Quantize AddQuantized Dequantize"},
	{"quantised sum of two shapes stays", [][]int{{2, 3, 7}, {3, 7}}, func(s sketch) *ops.Value {
		return s.bytes(s.Op("Add", nil, s.bytes(s.x[0], 0.02, 120), s.bytes(s.x[1], 0.013, 90)), 0.017, 5)
	}, "Quantize Dequantize Quantize Dequantize Add Quantize Dequantize"},
	{"bytes moved", image, func(s sketch) *ops.Value {
		y := s.bytes(s.Op("MaxPool", ops.Attrs{"kernel_shape": []int64{3, 2}, "pads": []int64{1, 0, 1, 0}},
			s.bytes(s.x[0], 0.02, 120)), 0.02, 120)
		return s.bytes(transpose(s, y, 0, 2, 3, 1), 0.02, 120)
	}, "Quantize MaxPoolBytes Transpose Dequantize"},
	{"bytes moved to another scale stay", image, func(s sketch) *ops.Value {
		return s.bytes(transpose(s, s.bytes(s.x[0], 0.02, 120), 0, 2, 3, 1), 0.02, 121)
	}, "Quantize Transpose Dequantize Quantize Dequantize"},
	{"flattened bytes", image, func(s sketch) *ops.Value {
		x := s.bytes(s.x[0], 0.02, 120)
		w := s.ints(1, 120, 5)
		return s.bytes(s.Op("Gemm", nil, s.Op("Flatten", nil, x), w, s.bias(x, w)), 0.5, 131)
	}, "Quantize IntegerProduct Dequantize"},
	{"moved bytes that others read too", image, func(s sketch) *ops.Value {
		x := s.bytes(s.x[0], 0.02, 120)
		return s.Op("Mul", nil, s.bytes(transpose(s, x, 0, 2, 3, 1), 0.02, 120),
			transpose(s, s.Op("Abs", nil, x), 0, 2, 3, 1))
	}, "Quantize Dequantize Transpose Dequantize Abs Transpose Mul"},
}

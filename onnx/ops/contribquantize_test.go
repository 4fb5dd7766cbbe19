package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

// The quantised operators of ONNX Runtime on numbers that can be followed by hand: bytes, scales
// and zero points are chosen so that every result is exact.
func TestContribQuantized(t *testing.T) {
	u8 := func(v ...uint8) *Value { return fed(tensor.From(v, 1, len(v))) }
	i8 := func(v ...int8) *Value { return fed(tensor.From(v, 1, len(v))) }
	scale := func(v float32) *Value { return known(tensor.From([]float32{v})) }
	zero := func(v uint8) *Value { return known(tensor.From([]uint8{v})) }
	signed := func(v int8) *Value { return known(tensor.From([]int8{v})) }
	column := func(v ...uint8) *Value { return known(tensor.From(v, len(v), 1)) }
	picture := func() *Value { return fed(tensor.From([]uint8{1, 2, 3, 6}, 1, 1, 2, 2)) }
	// (3−1, 5−1)·½ by (2−1, 3−1)·¼ is 10·⅛.
	row, weights := []*Value{u8(3, 5), scale(0.5), zero(1)}, []*Value{column(2, 3), scale(0.25), zero(1)}
	operands := append(append([]*Value{}, row...), weights...)
	two := known(tensor.From([]int32{2}, 1))
	grid := []*Value{scale(0.25), zero(3)}
	// 2.5 and 7.5 beside 2 and 4
	pair := append([]*Value{u8(10, 20), scale(0.5), zero(5), u8(1, 2), scale(2), zero(0)}, grid...)
	for _, c := range []struct {
		op    string
		attrs Attrs
		in    []*Value
		want  []float64
	}{
		{"QLinearAdd", nil, pair, []float64{4.5/0.25 + 3, 11.5/0.25 + 3}},
		{"QLinearMul", nil, pair, []float64{5/0.25 + 3, 30/0.25 + 3}},
		{"QLinearMul", nil, append([]*Value{u8(255, 0), scale(1), nil, u8(255, 9), scale(1), nil}, grid...), []float64{255, 3}},
		{"QGemm", nil, append(operands[:6:6], two, scale(0.125), zero(7)), []float64{12 + 7}},
		{"QGemm", nil, append(operands[:6:6], two), []float64{1.5}},
		{"QGemm", Attrs{"alpha": float32(2)}, append(operands[:6:6], nil, scale(0.125), zero(7)), []float64{20 + 7}},
		{"QGemm", Attrs{"transB": int64(1)}, append(row[:3:3], known(tensor.From([]uint8{2, 3, 1, 2}, 2, 2)),
			known(tensor.From([]float32{0.25, 0.5}, 2)), known(tensor.From([]uint8{1, 0}, 2)), nil, scale(0.125), zero(0)),
			[]float64{10, 20}},
		{"MatMulIntegerToFloat", nil, []*Value{row[0], weights[0], row[1], weights[1], row[2], weights[2],
			known(tensor.From([]float32{1}, 1))}, []float64{2.25}},
		{"DynamicQuantizeMatMul", nil, []*Value{fed(tensor.From([]float32{0, 255}, 1, 2)), weights[0], scale(0.5), zero(1)},
			[]float64{255}},
		{"QLinearGlobalAveragePool", nil, []*Value{picture(), scale(1), zero(0), scale(0.5), zero(1)}, []float64{7}},
		{"QLinearAveragePool", Attrs{"kernel_shape": []int64{2, 2}}, []*Value{picture(), scale(1), zero(0), scale(0.5), zero(1)},
			[]float64{7}},
		{"QLinearGlobalAveragePool", Attrs{"channels_last": int64(1)},
			[]*Value{fed(tensor.From([]uint8{1, 10, 3, 30}, 1, 2, 1, 2)), scale(1), zero(0), scale(1), zero(1)}, []float64{3, 21}},
		// 1·1 + 2·2 and 3·1 + 6·2, a pixel's two channels side by side
		{"QLinearConv", Attrs{"channels_last": int64(1)}, []*Value{fed(tensor.From([]uint8{1, 2, 3, 6}, 1, 1, 2, 2)), scale(1), zero(0),
			known(tensor.From([]uint8{1, 2}, 1, 2, 1, 1)), scale(1), zero(0), scale(0.5), zero(1)}, []float64{11, 31}},
		{"NhwcMaxPool", Attrs{"kernel_shape": []int64{1, 2}}, []*Value{fed(tensor.From([]uint8{1, 9, 3, 6}, 1, 1, 2, 2))},
			[]float64{3, 9}},
		{"QLinearConcat", Attrs{"axis": int64(1)},
			[]*Value{scale(0.25), zero(1), u8(4), scale(0.5), zero(0), u8(9), scale(1), zero(5)}, []float64{9, 17}},
		{"QLinearSigmoid", nil, []*Value{u8(9, 255), scale(1), zero(9), scale(1. / 256), zero(0)}, []float64{128, 255}},
		{"QLinearLeakyRelu", Attrs{"alpha": float32(0.5)}, []*Value{i8(-4, 6), scale(1), signed(0), scale(0.5), signed(1)},
			[]float64{-3, 13}},
		{"QLinearSoftmax", Attrs{"opset": int64(13), "axis": int64(1)},
			[]*Value{u8(7, 7), scale(0.1), zero(0), scale(1. / 256), zero(0)}, []float64{128, 128}},
		{"QuantizeLinear", nil, []*Value{fed(tensor.From([]float32{2.5}, 1, 1)), scale(0.5), zero(3)}, []float64{8}},
		{"DequantizeLinear", nil, []*Value{u8(8), scale(0.5), zero(3)}, []float64{2.5}},
	} {
		got := contribution(t, c.op, c.attrs, 1, c.in...)[0]
		if got.Len() != len(c.want) {
			t.Errorf("%s: shape %v, want %d elements", c.op, got.Shape, len(c.want))
			continue
		}
		for i, want := range c.want {
			if v := got.Number(i); v != want {
				t.Errorf("%s: element %d is %v, want %v", c.op, i, v, want)
			}
		}
	}
}

package ops

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// Lines resized as ONNX Runtime 1.30 does: the size is rounded down in float32, and
// before opset 11 positions are i/scale.
func TestResizeLegacy(t *testing.T) {
	for _, c := range []struct {
		op, mode string
		opset    int
		scale    float32
		in, want []float32
	}{
		{"Upsample", "linear", 9, 2, []float32{1, 2, 4}, []float32{1, 1.5, 2, 3, 4, 4}},
		{"Upsample", "linear", 7, 7. / 3, []float32{1, 2, 4}, []float32{1, 10. / 7, 13. / 7, 18. / 7, 24. / 7, 4, 4}},
		{"Resize", "linear", 10, 2, []float32{1, 2, 4}, []float32{1, 1.5, 2, 3, 4, 4}},
		{"Resize", "linear", 10, 0.6, []float32{1, 2, 3, 4}, []float32{1, 8. / 3}},
		{"Resize", "linear", 13, 2, []float32{1, 2, 4}, []float32{1, 1.25, 1.75, 2.5, 3.5, 4}},
		{"Upsample", "nearest", 9, 15. / 7, []float32{0, 1, 2, 3, 4, 5, 6},
			[]float32{0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}},
		{"Resize", "nearest", 10, 10. / 7, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13},
			[]float32{0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 7, 7, 8, 9, 9, 10, 11, 11, 12, 13}},
		{"Resize", "nearest", 10, 0.7, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []float32{0, 2, 3, 5, 6, 8, 9}},
		{"Resize", "nearest", 13, 1.3, []float32{0, 1, 2, 3, 4, 5}, []float32{0, 1, 1, 2, 3, 4, 4}},
	} {
		x, scales := input(tensor.From(c.in, 1, 1, len(c.in))),
			&Value{DType: tensor.Float32, Shape: []int{3}, Const: tensor.From([]float32{1, 1, c.scale}, 3)}
		attrs, in := Attrs{"mode": c.mode}, []*Value{x, scales}
		switch {
		case c.opset < 9:
			attrs["scales"], in = scales.Const.F32(), in[:1]
		case c.opset > 10:
			in = []*Value{x, nil, scales}
		}
		n, err := build(c.op, c.opset, attrs, 1, in...)
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate(t, []*Node{n}, map[*Value]*tensor.Tensor{x: tensor.From(c.in, 1, 1, len(c.in))})[n.Out[0]]
		if !slices.Equal(got.Shape, []int{1, 1, len(c.want)}) {
			t.Errorf("%s %d by %v: shape %v, want %d", c.op, c.opset, c.scale, got.Shape, len(c.want))
		} else if err := tol.Close(got.F32(), c.want, 1e-6, 0); err != nil {
			t.Errorf("%s %s %d by %v: %v", c.op, c.mode, c.opset, c.scale, err)
		}
	}
}

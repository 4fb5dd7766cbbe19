package ops

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
)

// written is what an operator expands to: the nodes and the values of its outputs.
func written(t *testing.T, op string, attrs Attrs, in ...*Value) ([]*Node, []*Value) {
	t.Helper()
	b := NewBuilder("node")
	out := b.OpN(op, attrs, 1, in...)
	if b.Err != nil {
		t.Fatalf("%s: %v", op, b.Err)
	}
	return b.Nodes, out
}

// A scale of each channel: 1.3/0.5 rounds to 3, and 2.5/1 to the even 2.
func TestQuantizeByChannel(t *testing.T) {
	x, scale, zero := from([]int{1, 2, 2}, 1.3, -100, 2.5, 300), from([]int{2}, 0.5, 1), tensor.From([]int8{0, 1}, 2)
	in := []*Value{input(x), input(scale), {DType: tensor.Int8, Shape: []int{2}, Const: zero}}
	nodes, out := written(t, "QuantizeLinear", Attrs{"axis": int64(1)}, in...)
	got := evaluate(t, nodes, map[*Value]*tensor.Tensor{in[0]: x, in[1]: scale})[out[0]]
	for i, want := range []float64{3, -128, 3, 127} {
		if got.DType != tensor.Int8 || got.Number(i) != want {
			t.Errorf("element %d is %v of type %v, want %v", i, got.Number(i), got.DType, want)
		}
	}
}

func TestQuantizeFaults(t *testing.T) {
	v := func(d tensor.DType, shape ...int) *Value { return &Value{Name: "v", DType: d, Shape: shape} }
	for want, in := range map[string][]*Value{
		"want one for each of axis 1":            {v(tensor.Float32, 2, 3), v(tensor.Float32, 2)},
		"scale is int8, want float32":            {v(tensor.Float32, 2, 3), v(tensor.Int8)},
		"cannot be quantised to float64":         {v(tensor.Float32, 2, 3), v(tensor.Float32), v(tensor.Float64)},
		"scale has shape [3] and zero point [2]": {v(tensor.Float32, 2, 3), v(tensor.Float32, 3), v(tensor.Int8, 2)},
		"axis 1 is out of range for rank 1":      {v(tensor.Float32, 2), v(tensor.Float32, 2)},
	} {
		b := NewBuilder("node")
		b.Op("QuantizeLinear", nil, in...)
		if b.Err == nil || !strings.Contains(b.Err.Error(), want) {
			t.Errorf("error %v, want %q", b.Err, want)
		}
	}
}

package ops

import (
	"testing"

	"memprobe/internal/tensor"
)

// gradOfData checks the gradient of an operator's first input, with integer
// constants after it.
func gradOfData(t *testing.T, op string, opset int, attrs Attrs, outs int, x *tensor.Tensor, consts ...*Value) {
	t.Helper()
	checkGradWith(t, op, opset, attrs, outs, []bool{true}, consts, x)
}

func TestMovementGradients(t *testing.T) {
	b := NewBuilder("t")
	x := func(shape ...int) *tensor.Tensor { return wave(tensor.Float64, shape...) }
	gradOfData(t, "Transpose", 13, Attrs{"perm": []int64{2, 0, 1}}, 1, x(2, 3, 4))
	gradOfData(t, "Reshape", 13, nil, 1, x(2, 6), b.Ints(3, -1))
	gradOfData(t, "Flatten", 13, nil, 1, x(2, 3, 2))
	gradOfData(t, "Squeeze", 13, nil, 1, x(2, 1, 3), b.Ints(1))
	gradOfData(t, "Unsqueeze", 13, nil, 1, x(2, 3), b.Ints(0, 3))
	gradOfData(t, "Split", 13, Attrs{"axis": int64(1)}, 3, x(2, 5), b.Ints(2, 0, 3))
	gradOfData(t, "Slice", 13, nil, 1, x(4, 7), b.Ints(3, 1), b.Ints(-9, 6), b.Ints(0, 1), b.Ints(-2, 2))
	gradOfData(t, "Gather", 13, Attrs{"axis": int64(1)}, 1, x(2, 4, 3), b.Ints(1, -1, 1))
	gradOfData(t, "Expand", 13, nil, 1, x(3, 1), b.Ints(2, 3, 4))
	gradOfData(t, "Tile", 13, nil, 1, x(2, 3), b.Ints(2, 3))
	for _, mode := range []string{"constant", "reflect", "edge", "wrap"} {
		gradOfData(t, "Pad", 19, Attrs{"mode": mode}, 1, x(3, 4), b.Ints(2, 1, 1, 2))
	}
	gradOfData(t, "Pad", 19, nil, 1, x(3, 4), b.Ints(1, -1, 0, 2))
	for _, mode := range []string{"nearest", "linear", "cubic"} {
		gradOfData(t, "Resize", 19, Attrs{"mode": mode}, 1, x(1, 2, 4, 5), nil, nil, b.Ints(1, 2, 7, 3))
	}
	checkGrad(t, "Concat", 13, Attrs{"axis": int64(1)}, 1, []bool{true, true}, x(2, 3), x(2, 2))
	checkGrad(t, "Identity", 13, nil, 1, []bool{true}, x(2, 3))
}

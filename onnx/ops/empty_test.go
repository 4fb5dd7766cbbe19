package ops

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
)

// Operators take tensors without elements.
func TestOfNothing(t *testing.T) {
	f := func(shape ...int) *tensor.Tensor { return tensor.New(tensor.Float32, shape...) }
	for _, in := range [][]*tensor.Tensor{{f(3, 0), f(3, 1)}, {f(3, 1), f(3, 0)}} {
		if out := apply(t, "Mul", 14, nil, 1, in...); out[0].Len() != 0 {
			t.Errorf("%v", out[0])
		}
	}
	for axis, shape := range [][]int{{0, 3}, {3, 0}} {
		if out := apply(t, "TopK", 1, Attrs{"axis": int64(axis), "k": int64(0)}, 2, f(shape...)); out[0].Len() != 0 {
			t.Errorf("%v", out[0])
		}
	}
}

// There are no statistics of nothing.
func TestStatisticsOfNothing(t *testing.T) {
	v := func(shape ...int) *Value { return &Value{DType: tensor.Float32, Shape: shape} }
	_, batch := build("BatchNormalization", 15, Attrs{"training_mode": int64(1)}, 3, v(0, 2, 3), v(2), v(2), v(2), v(2))
	_, layer := build("LayerNormalization", 17, nil, 2, v(3, 0), v(0))
	for _, err := range []error{batch, layer} {
		if err == nil || !strings.Contains(err.Error(), "no statistics") {
			t.Errorf("error %v", err)
		}
	}
}

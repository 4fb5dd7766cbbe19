package ops

import (
	"math"
	"testing"

	"memprobe/internal/tensor"
)

// within maps a wave into an interval on which a function is smooth.
func within(lo, hi float64, shape ...int) *tensor.Tensor {
	t := wave(tensor.Float64, shape...)
	for i, v := range t.F64 {
		t.F64[i] = (lo+hi)/2 + (hi-lo)/2*v/1.31
	}
	return t
}

func TestFunctionGradients(t *testing.T) {
	domain := map[string][2]float64{
		"Log": {0.2, 3}, "Sqrt": {0.2, 3}, "Reciprocal": {0.5, 3}, "Asin": {-0.9, 0.9}, "Acos": {-0.9, 0.9},
		"Acosh": {1.2, 4}, "Atanh": {-0.9, 0.9}, "Tan": {-1.2, 1.2},
	}
	for _, list := range [][]function{activations, functions} {
		for _, f := range list {
			if f.flat != "" {
				continue
			}
			d, ok := domain[f.op]
			if !ok {
				d = [2]float64{-4, 4}
			}
			checkGrad(t, f.op, Newest, nil, 1, []bool{true}, within(d[0], d[1], 3, 7))
		}
	}
	checkGrad(t, "Gelu", 20, Attrs{"approximate": "tanh"}, 1, []bool{true}, within(-4, 4, 20))
	checkGrad(t, "Swish", 24, Attrs{"alpha": float32(1.5)}, 1, []bool{true}, within(-4, 4, 20))
	checkGrad(t, "Celu", 12, Attrs{"alpha": float32(2)}, 1, []bool{true}, within(-4, 4, 20))
	checkGrad(t, "Clip", 6, Attrs{"min": float32(-0.5), "max": float32(0.7)}, 1, []bool{true}, wave(tensor.Float64, 20))
	lo, hi := tensor.From([]float64{-0.5}), tensor.From([]float64{0.7})
	checkGrad(t, "Clip", 13, nil, 1, []bool{true, false, false}, wave(tensor.Float64, 20), lo, hi)
}

func TestBinaryGradients(t *testing.T) {
	both := []bool{true, true}
	for _, shapes := range [][2][]int{{{2, 3}, {2, 3}}, {{2, 3, 4}, {3, 1}}, {{3}, {2, 1, 3}}, {{2, 2}, {}}} {
		a, b := within(0.5, 2, shapes[0]...), within(1.1, 3.3, shapes[1]...)
		for _, op := range []string{"Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Max", "Min"} {
			checkGrad(t, op, Newest, nil, 1, both, a, b)
		}
	}
	checkGrad(t, "Max", 13, nil, 1, []bool{true, true, true}, wave(tensor.Float64, 2, 3), within(-1, 1, 3), within(-2, 1, 2, 1))
}

func TestBroadcastAndIntegers(t *testing.T) {
	got := apply(t, "Sub", 14, nil, 1, from([]int{2, 1}, 10, 20), from([]int{3}, 1, 2, 3))[0]
	expect(t, got, []int{2, 3}, 9, 8, 7, 19, 18, 17)
	ints := func(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }
	for _, c := range []struct {
		op    string
		attrs Attrs
		want  [3]int64
	}{
		{"Div", nil, [3]int64{-3, 0, -2}}, // toward zero; 0 for the divisor 0
		{"Mod", nil, [3]int64{1, 0, -1}},
		{"Mod", Attrs{"fmod": int64(1)}, [3]int64{-1, 0, 1}},
	} {
		got := apply(t, c.op, 14, c.attrs, 1, ints(-7, 5, 5), ints(2, 0, -2))[0]
		for i := range c.want {
			if got.I64[i] != c.want[i] {
				t.Errorf("%s %v: element %d is %d, want %d", c.op, c.attrs, i, got.I64[i], c.want[i])
			}
		}
	}
	if y := apply(t, "Max", 13, nil, 1, from([]int{2}, float32(math.NaN()), 1), from([]int{2}, 1, float32(math.NaN())))[0]; y.F32[0] == y.F32[0] || y.F32[1] == y.F32[1] {
		t.Errorf("Max of NaN is %v", y.F32)
	}
	rejects(t, "do not broadcast", "Add", 14, nil, []int{2, 3}, []int{2})
	rejects(t, "at least 2", "Mul", 14, nil, []int{2, 3})
	rejects(t, "not supported", "And", 14, nil, []int{2}, []int{2})
	rejects(t, "fmod", "Mod", 14, nil, []int{2}, []int{2})
}

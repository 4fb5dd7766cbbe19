package ops_test

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/onnxtest"
)

func dataCases() []onnxtest.Case {
	gated := attrs{"q_num_heads": int64(4), "kv_num_heads": int64(2)}
	some := tensor.From([]bool{true, false, true}, 3)
	return []onnxtest.Case{
		on("DFT", 17, attrs{"axis": int64(1), "onesided": int64(1)}, wave(2, 4, 1), ints(5)),
		on("DFT", 20, attrs{"inverse": int64(1)}, within(-1, 2, 2, 3, 2)),
		on("DFT", 20, attrs{"inverse": int64(1), "onesided": int64(1)}, wave(3, 2, 2), ints(4), ints(0)),
		on("STFT", 17, nil, wave(2, 6, 1), ints(2), wave(3)),
		on("Compress", 11, attrs{"axis": int64(1)}, wave(2, 3, 2), some),
		on("Compress", 11, nil, wave(2, 2), some),
		outputs(on("LinearAttention", 27, gated, wave(2, 2, 8), wave(2, 2, 4), within(-1, 1, 2, 2, 6), wave(2, 2, 2, 3),
			wave(2, 2, 2), wave(2, 2, 1), wave(2, 2, 4)), 2, 0, 1),
	}
}

func TestDataFaults(t *testing.T) {
	x := wave(2, 3, 4)
	two := attrs{"q_num_heads": int64(2), "kv_num_heads": int64(2)}
	for _, c := range []struct {
		op, want string
		attrs    attrs
		in       []*tensor.Tensor
	}{
		{"Compress", "keeps slice 2 of 2", attrs{"axis": int64(0)},
			[]*tensor.Tensor{x, tensor.From([]bool{true, false, true}, 3)}},
		{"Compress", "want a vector of bool", nil, []*tensor.Tensor{x, x}},
		{"Unique", "out of range", attrs{"axis": int64(3)}, []*tensor.Tensor{x}},
		{"NonMaxSuppression", "boxes are", nil, []*tensor.Tensor{x, x}},
		{"DFT", "another axis", nil, []*tensor.Tensor{x}},
		{"DFT", "to length 0", nil, []*tensor.Tensor{wave(3, 2), ints(0)}},
		{"STFT", "frames within", nil, []*tensor.Tensor{wave(2, 6, 1), ints(2), nil, ints(7)}},
		{"MelWeightMatrix", "are none", nil, []*tensor.Tensor{ints(2), ints(8), ints(100), ints(60), ints(50)}},
		{"LinearAttention", "does not go with", two, []*tensor.Tensor{x, x, x}},
		{"LinearAttention", "update_rule is \"x\"", attrs{"update_rule": "x"}, []*tensor.Tensor{x, x, x}},
		{"LinearAttention", "past_state is",
			attrs{"q_num_heads": int64(2), "kv_num_heads": int64(2), "update_rule": "linear"},
			[]*tensor.Tensor{x, x, x, x}},
	} {
		if err := faultOf(c.op, c.attrs, c.in...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.op, err, c.want)
		}
	}
}

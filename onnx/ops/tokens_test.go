package ops_test

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/onnxtest"
)

func tokenCases() []onnxtest.Case {
	both := attrs{"direction": "bidirectional", "clip": float32(0.9)}
	lens := tensor.From([]int32{2, 3}, 2)
	acts := attrs{"direction": "reverse", "activations": []string{"HardSigmoid", "ScaledTanh", "Affine"},
		"activation_alpha": []float32{0.3, 0.7, 1.2}, "activation_beta": []float32{0.4, 1.1, 0.1},
		"input_forget": int64(1), "layout": int64(1)}
	return []onnxtest.Case{
		fixed(on("RotaryEmbedding", 23, attrs{"num_heads": int64(2), "rotary_embedding_dim": int64(2)}, wave(2, 3, 8),
			wave(4, 1), wave(4, 1), grid(2, 3, 0, 3, 1, 2, 2, 0)), 1, 2),
		on("RotaryEmbedding", 23, attrs{"interleaved": int64(1)}, within(1, 2, 1, 2, 3, 4), wave(1, 3, 2), wave(1, 3, 2)),
		on("TensorScatter", 24, attrs{"mode": "circular"}, wave(2, 3, 2), within(1, 2, 2, 2, 2), ints(1, 2)),
		on("SwiGLU", 28, attrs{"alpha": float32(1.5)}, wave(2, 3), within(1, 2, 2, 3)),
		outputs(on("CausalConvWithState", 27, attrs{"activation": "silu"}, wave(2, 3, 4), wave(3, 1, 3), wave(3),
			wave(2, 3, 2)), 2, 0, 1),
		outputs(on("RNN", 14, both, wave(3, 2, 2), wave(2, 3, 2), wave(2, 3, 3), wave(2, 6), lens, wave(2, 2, 3)), 2, 0, 1),
		outputs(on("GRU", 14, both, wave(3, 2, 2), wave(2, 9, 2), wave(2, 9, 3), wave(2, 18), lens, wave(2, 2, 3)), 2, 0, 1),
		outputs(on("GRU", 14, attrs{"linear_before_reset": int64(1), "layout": int64(1)}, wave(2, 2, 3), wave(1, 6, 3),
			wave(1, 6, 2), wave(1, 12)), 2, 0, 1),
		outputs(on("LSTM", 14, nil, wave(3, 2, 2), wave(1, 8, 2), wave(1, 8, 2), wave(1, 16), lens, wave(1, 2, 2),
			wave(1, 2, 2), wave(1, 6)), 3, 0, 1, 2),
		outputs(on("LSTM", 14, acts, wave(2, 2, 2), wave(1, 8, 2), wave(1, 8, 2)), 3, 0, 1, 2),
	}
}

func TestTokenFaults(t *testing.T) {
	x := wave(3, 2, 4)
	for _, c := range []struct {
		op, want string
		attrs    attrs
		in       []*tensor.Tensor
	}{
		{"RotaryEmbedding", "num_heads is 0", nil, []*tensor.Tensor{x, x, x}},
		{"RotaryEmbedding", "rotary_embedding_dim is 3", attrs{"num_heads": int64(1), "rotary_embedding_dim": int64(3)},
			[]*tensor.Tensor{x, x, x}},
		{"RotaryEmbedding", "want 2 angles for each of 2 tokens", attrs{"num_heads": int64(1)},
			[]*tensor.Tensor{x, wave(3, 2, 1), wave(3, 2, 1)}},
		{"TensorScatter", "for a cache", nil, []*tensor.Tensor{x, wave(3, 3, 4), ints(0, 0, 0)}},
		{"TensorScatter", "write_indices is", nil, []*tensor.Tensor{x, wave(3, 1, 4), ints(0)}},
		{"CausalConvWithState", "past_state has shape", nil, []*tensor.Tensor{x, wave(2, 1, 3), nil, x}},
		{"CausalConvWithState", "activation is \"relu\"", attrs{"activation": "relu"}, []*tensor.Tensor{x, wave(2, 1, 3)}},
		{"LSTM", "input 2 is", nil, []*tensor.Tensor{x, wave(1, 8, 4), wave(1, 8, 3)}},
		{"GRU", "hidden_size is 3", attrs{"hidden_size": int64(3)}, []*tensor.Tensor{x, wave(1, 6, 4), wave(1, 6, 2)}},
		{"RNN", "activation \"Cos\"", attrs{"activations": []string{"Cos"}},
			[]*tensor.Tensor{x, wave(1, 2, 4), wave(1, 2, 2)}},
		{"RNN", "direction is \"up\"", attrs{"direction": "up"}, []*tensor.Tensor{x, wave(1, 2, 4), wave(1, 2, 2)}},
		{"RNN", "has 0 steps", nil, []*tensor.Tensor{wave(0, 2, 4), wave(1, 2, 4), wave(1, 2, 2)}},
	} {
		if err := faultOf(c.op, c.attrs, c.in...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.op, err, c.want)
		}
	}
}

package ops_test

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/onnxtest"
	"memprobe/onnx/ops"
)

// by is a case of ONNX Runtime's domain.
func by(op string, a attrs, in ...*tensor.Tensor) onnxtest.Case {
	c := on(op, 1, a, in...)
	c.Domain = ops.Contrib
	return c
}

func contribCases() []onnxtest.Case {
	image, w := wave(1, 2, 4, 4), wave(3, 2, 3, 3)
	heads := attrs{"num_heads": int64(2)}
	causal := attrs{"num_heads": int64(2), "unidirectional": int64(1), "scale": float32(0.4)}
	lens := tensor.From([]int32{2, 3}, 2)
	return []onnxtest.Case{
		by("FusedConv", attrs{"activation": "HardSigmoid", "activation_params": []float32{0.1, 0.4}}, image, w, wave(3),
			wave(1, 3, 2, 2)),
		by("FusedGemm", attrs{"activation": "LeakyRelu", "activation_alpha": float32(0.3), "transB": int64(1)},
			wave(3, 2), wave(4, 2), wave(4)),
		by("FusedMatMul", attrs{"alpha": float32(0.5), "transA": int64(1), "transBatchB": int64(1)}, wave(2, 3, 4),
			wave(3, 2, 2)),
		by("BiasGelu", nil, wave(3, 4), wave(4)), by("FastGelu", nil, wave(3, 4), wave(4)), by("Gelu", nil, wave(5)),
		by("QuickGelu", nil, wave(5)),
		outputs(by("SkipLayerNormalization", nil, wave(2, 3, 4), within(1, 2, 2, 3, 4), wave(4), wave(4), wave(4)), 4, 0, 3),
		by("SkipSimplifiedLayerNormalization", nil, wave(2, 3, 4), within(1, 2, 2, 3, 4), wave(4)),
		by("EmbedLayerNormalization", nil, grid(2, 3, 1, 0, 2, 2, 1, 1), grid(2, 3, 0, 0, 1, 0, 1, 1), wave(3, 4),
			within(-1, 1, 5, 4), within(0, 1, 2, 4), wave(4), wave(4)),
		by("Attention", heads, wave(2, 3, 4), wave(4, 12), wave(12), lens),
		outputs(by("Attention", causal, wave(2, 3, 4), wave(4, 12), wave(12), nil, wave(2, 2, 2, 2, 2)), 2, 0, 1),
		by("MultiHeadAttention", heads, wave(2, 3, 4), within(-1, 1, 2, 3, 4), wave(2, 3, 6), wave(14), lens),
		by("MultiHeadAttention", heads, wave(2, 3, 4), within(-1, 1, 2, 2, 3, 2), wave(2, 2, 3, 2), nil,
			grid(2, 3, 1, 1, 0, 1, 1, 1), wave(1, 2, 3, 3)),
	}
}

func TestContribFaults(t *testing.T) {
	for want, c := range map[string]onnxtest.Case{
		"activation \"Softmax\" is not supported": by("FusedGemm", attrs{"activation": "Softmax"}, wave(2, 2), wave(2, 2)),
		"Clip has 1 parameters": by("FusedConv",
			attrs{"activation": "Clip", "activation_params": []float32{0}}, wave(1, 1, 2, 2), wave(1, 1, 1, 1)),
		"qkv_hidden_sizes are": by("Attention",
			attrs{"num_heads": int64(1), "qkv_hidden_sizes": []int64{1, 1, 1}}, wave(1, 2, 3), wave(3, 6)),
		"mask has shape": by("Attention", attrs{"num_heads": int64(1)}, wave(1, 2, 3),
			wave(3, 6), nil, grid(2, 2, 1, 1, 1, 1)),
		"not packed": by("MultiHeadAttention", attrs{"num_heads": int64(1)},
			wave(1, 2, 1, 3, 4)),
		"input_ids has shape": by("EmbedLayerNormalization", nil, ints(1), nil, wave(2, 2),
			wave(2, 2), nil, wave(2), wave(2)),
	} {
		if err := fault(c.Domain, c.Op, 1, c.Attrs, c.In...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", c.Op, err, want)
		}
	}
}

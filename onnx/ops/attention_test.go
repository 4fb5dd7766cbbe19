package ops_test

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/onnxtest"
	"memprobe/onnx/ops"
)

func attentionCases() []onnxtest.Case {
	seen := tensor.From([]bool{true, false, true, true, true, false}, 2, 3)
	grouped := attrs{"q_num_heads": int64(4), "kv_num_heads": int64(2), "is_causal": int64(1), "softcap": float32(1.5)}
	return []onnxtest.Case{
		outputs(on("Attention", 23, grouped, wave(2, 3, 8), wave(2, 3, 4), wave(2, 3, 6)), 4, 0, 3),
		on("Attention", 23, attrs{"scale": float32(0.3)}, wave(1, 2, 2, 3), wave(1, 2, 3, 3), wave(1, 2, 3, 2), seen),
		outputs(on("Attention", 24, attrs{"qk_matmul_output_mode": int64(3)}, wave(2, 1, 2, 3), wave(2, 1, 2, 3), wave(2, 1, 2, 2), wave(2, 1, 2, 4),
			wave(2, 1, 2, 3), wave(2, 1, 2, 2), ints(4, 3)), 4, 0, 1, 2, 3),
	}
}

func TestAttentionFaults(t *testing.T) {
	x := wave(2, 4, 3, 5)
	for want, in := range map[string][]*tensor.Tensor{
		"as all of query, key and value": {x, wave(2, 4, 15), x},
		"do not fit":                     {x, wave(2, 4, 3, 6), x},
		"broadcasts to":                  {x, x, x, wave(4, 1, 1, 3)},
		"want both or neither":           {x, x, x, nil, x},
		"nonpad_kv_seqlen is":            {x, x, x, nil, nil, nil, ints(1)},
	} {
		if err := faultOf("Attention", nil, in...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// faultOf is what the operator's rule says of operands.
func faultOf(op string, a attrs, in ...*tensor.Tensor) error {
	return fault("", op, ops.Newest, a, in...)
}

func fault(domain, op string, opset int, a attrs, in ...*tensor.Tensor) error {
	def, err := ops.Lookup(domain, op, opset)
	if err != nil {
		return err
	}
	n := &ops.Node{Name: "node", Op: op, Domain: domain, Opset: opset, Attrs: a, Def: def}
	for _, x := range in {
		var v *ops.Value
		if x != nil {
			v = &ops.Value{DType: x.DType, Shape: x.Shape, Const: x}
		}
		n.In = append(n.In, v)
	}
	_, err = ops.Expanded(n)
	return err
}

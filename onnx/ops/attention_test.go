package ops_test

import (
	"fmt"
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
	"memprobe/onnx/ops"
)

func attentionCases() []onnxtest.Case {
	seen := tensor.From([]bool{true, false, true, true, true, false}, 2, 3)
	grouped := attrs{"q_num_heads": int64(4), "kv_num_heads": int64(2), "is_causal": int64(1), "softcap": float32(1.5)}
	return []onnxtest.Case{
		outputs(on("Attention", 23, grouped, wave(2, 3, 8), wave(2, 3, 4), wave(2, 3, 6)), 4, 0, 3),
		on("Attention", 23, attrs{"scale": float32(0.3)}, wave(1, 2, 2, 3), wave(1, 2, 3, 3), wave(1, 2, 3, 2), seen),
		outputs(on("Attention", 24, attrs{"qk_matmul_output_mode": int64(3)}, wave(2, 1, 2, 3), wave(2, 1, 2, 3),
			wave(2, 1, 2, 2), wave(2, 1, 2, 4), wave(2, 1, 2, 3), wave(2, 1, 2, 2), ints(4, 3)), 4, 0, 1, 2, 3),
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

// A window of keys before and after each query is the mask that names them.
func TestAttentionWindows(t *testing.T) {
	q, k, v := wave(1, 1, 4, 3), wave(1, 1, 6, 3), wave(1, 1, 6, 2)
	for _, c := range []struct {
		left, right, causal int64
		sees                func(i, j int) bool
	}{
		{2, 1, 0, func(i, j int) bool { return i-2 <= j && j <= i+1 }}, // as drawn in ONNX's text
		{1, -1, 0, func(i, j int) bool { return i-1 <= j }},
		{-1, 0, 0, func(i, j int) bool { return j <= i }},
		{0, 5, 1, func(i, j int) bool { return j == i }},
	} {
		mask := tensor.New(tensor.Bool, 4, 6)
		for at := range mask.Bool() {
			mask.Bool()[at] = c.sees(at/6, at%6)
		}
		got := computed(t, "Attention",
			attrs{"left_window_size": c.left, "right_window_size": c.right, "is_causal": c.causal}, q, k, v)
		want := computed(t, "Attention", nil, q, k, v, mask)
		if err := tol.Close(got, want, 0, 1e-12); err != nil {
			t.Errorf("%d before, %d after: %v", c.left, c.right, err)
		}
	}
	if err := faultOf("Attention", attrs{"left_window_size": int64(-2)}, q, k, v); err == nil ||
		!strings.Contains(err.Error(), "left_window_size is -2") {
		t.Errorf("error %v", err)
	}
}

// computed is the first result of an operator of constants.
func computed(t *testing.T, op string, a attrs, in ...*tensor.Tensor) []float64 {
	t.Helper()
	g := engine.NewGraph()
	g.SetOpset("", ops.Newest)
	var operands []*engine.Node
	for i, x := range in {
		n := g.NewNode(fmt.Sprint("in", i))
		n.SetConstant(x, false)
		operands = append(operands, n)
	}
	if err := g.Apply(engine.Operation{Op: op, Attrs: a, Operands: operands}, g.NewNode("y")); err != nil {
		t.Fatal(err)
	}
	values, err := g.Infer(nil)
	if err != nil || values["y"].Const == nil {
		t.Fatalf("%s: %v", op, err)
	}
	out := make([]float64, values["y"].Len())
	for i := range out {
		out[i] = values["y"].Const.Number(i)
	}
	return out
}

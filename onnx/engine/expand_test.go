package engine_test

import (
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
)

// einsum applies an equation; see op.
func (n *net) einsum(equation, in, out string) *net {
	return n.op("Einsum", in, out, map[string]any{"equation": equation})
}

// The gradients of equations with sums, products, diagonals, an ellipsis and more
// than two operands.
func TestEinsumGradients(t *testing.T) {
	n := newNet()
	n.param("w", 0, 4, 2).param("v", 0, 3, 4).param("s", 1, 3)
	n.einsum("nchw,dc->nhwd", "x w", "a").einsum("...d,...e", "a a", "b").einsum("nhwii -> ni", "b", "c").
		einsum("ni,ki,k->nk", "c v s", "logits")
	n.MarkOutput(n.tensor("logits"))
	tr := n.train(t, engine.TrainOptions{Double: true})
	if len(tr.Params()) != 3 {
		t.Fatalf("%d parameters have a gradient, want 3", len(tr.Params()))
	}
	onnxtest.TrainingGradients(t, tr, 6)
}

func TestEinsumFaults(t *testing.T) {
	for equation, want := range map[string]string{
		"nchw,cd":       "2 terms for 1 inputs",
		"nchw->nn":      "is there twice",
		"nchw->nz":      "not one of an operand's",
		"nch->n":        "does not fit shape",
		"ncch->n":       "the sizes 2 and 6",
		"n...chwx->n":   "does not fit shape",
		"nc1w->n":       "does not fit shape",
		"nchw->n,c":     "is not one",
		"nchw->n...->c": "is not one",
	} {
		n := newNet()
		n.einsum(equation, "x", "y").MarkOutput(n.tensor("y"))
		_, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": {DType: tensor.Float32,
			Shape: []int{3, 2, 6, 6}}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", equation, err, want)
		}
	}
}

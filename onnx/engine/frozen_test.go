package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
)

func frozen(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, n := range names {
		m[n] = true
	}
	return m
}

// What is left has the gradients that it has beside the others; frozen statistics
// stay, and normalise.
func TestFrozenWeights(t *testing.T) {
	all := residual().train(t, engine.TrainOptions{Double: true})
	if _, err := all.Step(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	grads := map[string][]float64{}
	for _, p := range all.Params() {
		grads[p.Name] = p.Grad.F64()
	}
	for _, c := range []struct {
		frozen         []string
		params, buffer string
	}{
		{[]string{"w", "scale"}, "[v bias head shift]", "[mean var]"},
		{[]string{"w", "v", "scale", "bias"}, "[head shift]", "[mean var]"},
		{[]string{"w", "v", "scale", "bias", "mean", "var"}, "[head shift]", "[]"},
		{[]string{"v", "head", "mean", "var"}, "[w scale bias shift]", "[]"},
	} {
		tr := residual().train(t, engine.TrainOptions{Double: true, Frozen: frozen(c.frozen...)})
		if p, b := fmt.Sprint(namesOf(tr.Params())), fmt.Sprint(namesOf(tr.Buffers())); p != c.params || b != c.buffer {
			t.Errorf("%v frozen: parameters %s and buffers %s, want %s and %s", c.frozen, p, b, c.params, c.buffer)
		}
		onnxtest.TrainingGradients(t, tr, 12)
		single := residual().train(t, engine.TrainOptions{Frozen: frozen(c.frozen...)})
		if _, err := single.Step(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
		for i, p := range single.Params() {
			if err := tol.Scaled(p.Grad.F32(), tr.Params()[i].Grad.F64(), 1e-5); err != nil { // some ten operators of float32
				t.Errorf("%v frozen: float32 gradient of %s: %v", c.frozen, p.Name, err)
			}
		}
		if slices.Contains(c.frozen, "mean") {
			continue
		}
		if _, err := tr.Step(context.Background(), 0); err != nil {
			t.Fatal(err)
		}
		for _, p := range tr.Params() {
			if err := tol.Scaled(p.Grad.F64(), grads[p.Name], 1e-12); err != nil {
				t.Errorf("%v frozen: gradient of %s: %v", c.frozen, p.Name, err)
			}
		}
	}
}

func namesOf(ps []engine.Param) []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.Name)
	}
	return out
}

// deep is a chain of convolutions under a linear classifier.
func deep(layers int) *net {
	n := newNet()
	at := "x"
	for i := range layers {
		w, c, r := fmt.Sprintf("w%d", i), fmt.Sprintf("c%d", i), fmt.Sprintf("r%d", i)
		n.param(w, 0, 2, 2, 3, 3)
		n.op("Conv", at+" "+w, c, map[string]any{"pads": []int64{1, 1, 1, 1}}).op("Relu", c, r, nil)
		at = r
	}
	n.op("GlobalAveragePool", at, "g", nil).op("Flatten", "g", "f", nil).param("head", 0, 2, 3).
		op("MatMul", "f head", "logits", nil)
	n.MarkOutput(n.tensor("logits"))
	return n
}

// The activations of what comes before the first parameter are not kept, so their
// memory does not grow with the depth.
func TestFrozenActivationsAreNotKept(t *testing.T) {
	memory := func(layers int) int {
		var names []string
		for i := range layers {
			names = append(names, fmt.Sprintf("w%d", i))
		}
		return deep(layers).train(t, engine.TrainOptions{Frozen: frozen(names...)}).Memory().Arena
	}
	if few, many := memory(3), memory(12); few != many {
		t.Errorf("the arena takes %d bytes with 3 frozen layers, %d with 12", few, many)
	}
}

// A gradient that is missing is no fault where nothing before it is trained, though
// running statistics move.
func TestFrozenNeedsNoGradient(t *testing.T) {
	n := newNet().param("w", 0, 2, 2, 3, 3).param("scale", 1, 4).param("bias", 0, 4).param("v", 0, 3, 2, 4, 4)
	n.param("s", 1, 2).param("b", 0, 2).param("mean", 0, 2).param("var", 1, 2)
	n.op("Conv", "x w", "c0", nil).op("BatchNormalization", "c0 s b mean var", "c", nil).
		op("LayerNormalization", "c scale bias", "y m", nil).op("Add", "y m", "a", nil)
	n.op("Conv", "a v", "d", nil).op("Flatten", "d", "logits", nil)
	n.MarkOutput(n.tensor("logits"))
	in := map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{3, 2, 6, 6}}}
	if _, err := n.CompileTraining(engine.TrainOptions{Inputs: in}); err == nil ||
		!strings.Contains(err.Error(), "statistics") {
		t.Fatalf("error %v, want one of the statistics' gradient", err)
	}
	if params, _, err := n.Trainable(engine.TrainOptions{Inputs: in}); err != nil ||
		fmt.Sprint(params) != "[w scale bias v s b]" {
		t.Errorf("trainable are %v, %v", params, err)
	}
	onnxtest.TrainingGradients(t, n.train(t,
		engine.TrainOptions{Double: true, Frozen: frozen("w", "scale", "bias", "s", "b")}), 12)
}

func TestTrainable(t *testing.T) {
	in := map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{3, 2, 6, 6}}}
	params, buffers, err := residual().Trainable(engine.TrainOptions{Inputs: in, Frozen: frozen("w")})
	if err != nil || fmt.Sprint(params, buffers) != "[w v scale bias head shift] [mean var]" {
		t.Errorf("%v and %v, %v", params, buffers, err)
	}
}

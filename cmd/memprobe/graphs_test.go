package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
)

// A model that ends in a Softmax is trained on the scores before it, and analysed by
// them; a tensor that is named is trained instead.
func TestTrainingTakesTheLogitsBeforeASoftmax(t *testing.T) {
	model := shared.Path(t, "cases", "onnx", "07-final-softmax", "model.onnx")
	dir := filepath.Join(t.TempDir(), "run")
	data := filepath.Join(t.TempDir(), "data.npz")
	writeImages(t, data, 40, 3, 32)
	args := []string{"train", "--init", model, "--data", "npz:" + data, "--epochs", "1", "--batch", "20", "--quiet", "--json", "--out"}
	if out := mustTrain(t, append(args, dir)...); !strings.Contains(out, `"logits": "lg"`) || !strings.Contains(out, "before the Softmax that yields the output y") {
		t.Errorf("run.json does not say that lg was trained: %s", out)
	}
	must(t, "analyze", dir, "--format", "html", "--quiet", "--k", "3", "--out", filepath.Join(dir, "report"))
	p, err := os.ReadFile(filepath.Join(dir, "report", "probe.json"))
	if err != nil || !strings.Contains(string(p), `"logits": "lg"`) {
		t.Errorf("probe.json does not say that lg are the logits: %v", err)
	}
	wantExit(t, exitInput, append(args, filepath.Join(dir, "2"), "--logits", "nonsense")...)
	wantExit(t, exitInput, "analyze", model, "--data", "npz:"+data, "--logits", "c1", "--quiet", "--out", filepath.Join(dir, "3"))
}

// writeImages writes a data set of n images [c,size,size] of ten classes, and half as
// many for testing.
func writeImages(t *testing.T, file string, n, c, size int) {
	t.Helper()
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, split := range []struct {
		name string
		n    int
	}{{"train", n}, {"test", n / 2}} {
		x, err := w.Array("x_"+split.name, tensor.Float32, split.n, c, size, size)
		if err != nil {
			t.Fatal(err)
		}
		pixels, labels := tensor.New(tensor.Float32, split.n, c, size, size), make([]int64, split.n)
		for i := range pixels.F32 {
			pixels.F32[i] = float32(i*i%251) / 250
		}
		for i := range labels {
			labels[i] = int64(i % 10)
		}
		if err := x.Append(pixels); err != nil {
			t.Fatal(err)
		}
		if err := writeArray(w, "y_"+split.name, labels); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

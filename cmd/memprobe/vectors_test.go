package main

import (
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/tensor"
	"memprobe/probe/result"
)

// vectors writes a set of n training and n/2 test vectors of four values, two classes
// apart by ten in the first.
func vectors(t *testing.T, n int) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "set.npz")
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for split, n := range map[string]int{"train": n, "test": n / 2} {
		x, y := make([]float32, 4*n), make([]int64, n)
		for i := range n {
			y[i] = int64(i % 2)
			x[4*i], x[4*i+1], x[4*i+2], x[4*i+3] = float32(10*y[i]-5), float32(i%3), float32(i%5), float32(i%7)
		}
		a, err := w.Array("x_"+split, tensor.Float32, n, 4)
		if err == nil {
			err = a.Append(tensor.From(x, n, 4))
		}
		if err == nil {
			err = writeArray(w, "y_"+split, y)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// A set of vectors is trained on, probed and extracted; what takes images refuses it.
func TestVectors(t *testing.T) {
	spec := "npz:" + vectors(t, 60)
	run := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "--data", spec, "--arch", "mlp", "--width", "8", "--augment", "none", "--batch", "20",
		"--epochs", "3", "--quiet", "--out"}
	mustTrain(t, append(args, run)...)
	out := filepath.Join(t.TempDir(), "report")
	must(t, "analyze", run, "--k", "3", "--draws", "1", "--format", "png", "--out", out, "--quiet")
	p, err := result.ReadProbe(filepath.Join(out, "probe.json"))
	if err != nil {
		t.Fatal(err)
	}
	if px := p.Baselines.Pixels.Value(); px < 0.9 {
		t.Errorf("k-NN of the vectors themselves %v, want nearly all right", px)
	}
	for _, l := range p.Layers {
		if l.Role == "embedding" && float64(l.KNN.True[3]) < 0.9 {
			t.Errorf("k-NN at the embedding %v, want nearly all right", l.KNN.True)
		}
	}
	for want, flags := range map[string][]string{
		"augmentations want images":         {"analyze", run, "--augment", "crop-flip", "--out", out, "--quiet"},
		"vectors of 4 values cannot become": {"analyze", malign, "--data", spec, "--out", out, "--quiet"},
		"holds vectors of 4 values; augmenta": {"train", "--data", spec, "--arch", "mlp", "--augment", "crop-flip",
			"--out", run + "2", "--quiet"},
	} {
		if code, _, msg := runMemprobe(flags...); code != 3 || !strings.Contains(msg, want) || strings.Count(msg, "\n") > 1 {
			t.Errorf("%v: exit %d, %s, want %q", flags, code, msg, want)
		}
	}
}

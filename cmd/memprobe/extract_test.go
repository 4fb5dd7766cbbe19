package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/probe/result"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

const (
	malign = "../../testdata/malign.onnx"
	benign = "../../testdata/benign.onnx"
)

func must(t *testing.T, args ...string) {
	t.Helper()
	if code, _, msg := runMemprobe(args...); code != 0 {
		t.Fatalf("%q: exit %d: %s", args, code, msg)
	}
}

// arrays reads the float32 arrays of an archive without its labels.
func arrays(t *testing.T, file string) map[string]*tensor.Tensor {
	t.Helper()
	all, _, err := npy.Read(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*tensor.Tensor{}
	for name, v := range all {
		out[name] = v.Tensor
	}
	return out
}

// writeInts makes an .npy file of integers.
func writeInts(t *testing.T, file string, values []int64) {
	t.Helper()
	w, err := npy.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeArray(w, "", values); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// The images of a set give what the same pixels give as raw input, whatever the
// batch, and pooling is the mean over the map.
func TestExtractData(t *testing.T) {
	dir := t.TempDir()
	const layer, n = "layer1.0.relu_1", 70
	set, err := dataset.Open(t.Context(), dataset.Embedded, dataset.Options{TestLimit: n})
	if err != nil {
		t.Fatal(err)
	}
	x := tensor.New(tensor.Float32, n, 1, 28, 28)
	for i := range n {
		set.Test.Float32(x.F32()[i*784:(i+1)*784], i)
	}
	raw := filepath.Join(dir, "x.npy")
	w, err := npy.Create(raw)
	if err != nil {
		t.Fatal(err)
	}
	a, err := w.Array("", tensor.Float32, x.Shape...)
	if err == nil {
		err = a.Append(x)
	}
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for name, args := range map[string][]string{
		"raw":  {"--input", raw},
		"data": {"--split", "test", "--test-limit", "70", "--subset-seed", "0", "--batch", "32"},
		"avg":  {"--split", "test", "--test-limit", "70", "--subset-seed", "0", "--pool", "avg"},
	} {
		files[name] = filepath.Join(dir, name+".npy")
		must(t, append([]string{"extract", malign, "--layers", layer, "--out", files[name], "--quiet"}, args...)...)
	}
	want, got, mean := arrays(t, files["raw"])[""], arrays(t, files["data"])[""], arrays(t, files["avg"])[""]
	if err := tol.Scaled(got.F32(), want.F32(), 1e-6); err != nil { // sums in another order
		t.Error(err)
	}
	if len(mean.Shape) != 2 || mean.Shape[0] != n || mean.Shape[1] != 16 {
		t.Fatalf("pooled activations have shape %v", mean.Shape)
	}
	plane := want.Len() / mean.Len()
	for i, v := range mean.F32() {
		sum := 0.0
		for _, u := range want.F32()[i*plane : (i+1)*plane] {
			sum += float64(u)
		}
		if err := tol.Close([]float32{v}, []float32{float32(sum / float64(plane))}, 1e-6, 1e-5); err != nil {
			t.Fatal(err)
		}
	}
}

func TestExtractLabels(t *testing.T) {
	file := filepath.Join(t.TempDir(), "acts.npz")
	must(t, "extract", malign, "--layers", "blocks", "--pool", "avg", "--out", file, "--quiet")
	if labels := arrays(t, file)["labels"]; labels == nil || labels.DType != tensor.Int64 {
		t.Errorf("the labels are no int64: %v", labels)
	}
	for _, c := range []struct {
		code int
		args []string
	}{
		{2, []string{"--layers", "none*"}},
		{2, []string{"--pool", "median"}},
		{2, []string{"--split", "val"}},
		{2, []string{"--data", "mnist", "--input", "x.npy"}},
		{3, []string{"--input", "missing.npy"}},
		{3, []string{"--data", "npz:missing.npz"}},
	} {
		out := filepath.Join(t.TempDir(), "x.npz")
		code, _, msg := runMemprobe(append([]string{"extract", malign, "--out", out}, c.args...)...)
		if code != c.code || strings.Count(msg, "\n") != 1 {
			t.Errorf("%q: exit %d, want %d: %q", c.args, code, c.code, msg)
		}
		if left, _ := os.ReadDir(filepath.Dir(out)); len(left) > 0 {
			t.Errorf("%q leaves %v", c.args, left)
		}
	}
}

// A run directory is analysed with the labels that it holds.
func TestAnalyzeRun(t *testing.T) {
	dir := t.TempDir()
	model, err := os.ReadFile(malign)
	if err != nil {
		t.Fatal(err)
	}
	checkpoints := filepath.Join(dir, "checkpoints")
	if err := os.Mkdir(checkpoints, 0o755); err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(checkpoints, "epoch-000002.onnx"), []byte("an older one"), 0o644)
	os.WriteFile(filepath.Join(checkpoints, "epoch-000010.onnx"), model, 0o644)
	sums := fmt.Sprintf("%x  epoch-000002.onnx\n%x  epoch-000010.onnx\n", sha256.Sum256([]byte("an older one")),
		sha256.Sum256(model))
	os.WriteFile(filepath.Join(checkpoints, "SHA256SUMS"), []byte(sums), 0o644)
	run := result.Run{Config: map[string]any{"data": dataset.Embedded, "train-limit": 500, "test-limit": 100,
		"subset-seed": 1, "labels": "random", "label-seed": 1}}
	if err := run.WriteFile(filepath.Join(dir, "run.json")); err != nil {
		t.Fatal(err)
	}
	set, err := dataset.Open(t.Context(), dataset.Embedded, dataset.Options{TrainLimit: 500})
	if err != nil {
		t.Fatal(err)
	}
	var drawn []int64
	for _, y := range (labels.Scheme{Noise: 1}).Draw(99, set.Train.Labels(), 10) {
		drawn = append(drawn, int64(y))
	}
	file := filepath.Join(dir, "labels.npy")
	writeInts(t, file, drawn)
	analyze := func(args ...string) (p result.Probe) {
		t.Helper()
		args = append([]string{"analyze", dir, "--out", filepath.Join(dir, "report"), "--layers", "logits", "--draws", "1",
			"--format", "html", "--json", "--quiet"}, args...)
		code, out, msg := runMemprobe(args...)
		if err := json.Unmarshal([]byte(out), &p); code != 0 || err != nil {
			t.Fatalf("exit %d: %v: %s", code, err, msg)
		}
		return p
	}
	// The labels in the file are others than the network was trained on.
	if p := analyze(); p.Data.Test != 100 || p.Data.LabelSource != file || *p.Fit.AssignedClean > 0.2 {
		t.Errorf("%d test images, labels from %q, fit %v", p.Data.Test, p.Data.LabelSource, *p.Fit.AssignedClean)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if p := analyze(); p.Data.LabelSource != "metadata" || *p.Fit.AssignedClean < 0.99 {
		t.Errorf("labels from %q, fit %v", p.Data.LabelSource, *p.Fit.AssignedClean)
	}
	writeInts(t, file, drawn[:499])
	wantExit(t, 3, "analyze", dir, "--out", filepath.Join(dir, "x"))
	drawn[5] = 10
	other := filepath.Join(dir, "other.npy")
	writeInts(t, other, drawn)
	wantExit(t, 3, "analyze", dir, "--out", filepath.Join(dir, "x"), "--assigned", other)
	wantExit(t, 3, "analyze", checkpoints)
}

func wantExit(t *testing.T, want int, args ...string) {
	t.Helper()
	if code, out, msg := runMemprobe(args...); code != want || out != "" || strings.Count(msg, "\n") != 1 {
		t.Errorf("%q: exit %d, want %d: %q %q", args, code, want, out, msg)
	}
}

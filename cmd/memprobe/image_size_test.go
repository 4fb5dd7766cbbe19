package main

import (
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/probe/result"
)

// photos are two classes of four pictures of several sizes, in both splits.
func photos(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for i := range 16 {
		m := image.NewGray(image.Rect(0, 0, 10+i%3, 12))
		for p := range m.Pix {
			m.Pix[p] = uint8(p*(i%2+1) + i)
		}
		m.SetGray(0, 0, color.Gray{Y: 255})
		file := filepath.Join(dir, []string{"train", "test"}[i/8], []string{"cat", "dog"}[i%2], fmt.Sprintf("%d.png", i))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := png.Encode(f, m); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return "images:" + dir
}

// Photos of several sizes are refused with the name of the flag that resizes them,
// and with it are trained on, analysed and extracted; the model remembers.
func TestImageSize(t *testing.T) {
	spec, dir := photos(t), t.TempDir()
	run := filepath.Join(dir, "run")
	train := []string{"train", "--data", spec, "--arch", "mlp", "--width", "8", "--epochs", "1", "--batch", "4",
		"--quiet", "--out", run}
	code, _, msg := runMemprobe(train...)
	if code != exitInput || !strings.Contains(msg, "--image-size N") || strings.Count(msg, "\n") != 1 {
		t.Fatalf("exit %d, %q; want %d and the flag", code, msg, exitInput)
	}
	mustTrain(t, append(train, "--image-size", "9")...)
	r, err := result.ReadRun(filepath.Join(run, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Data.Shape, []int{1, 9, 9}) || r.Model.Metadata["memprobe.image_size"] != "9" {
		t.Errorf("shape %v, metadata %v", r.Data.Shape, r.Model.Metadata)
	}
	acts := filepath.Join(dir, "acts.npz")
	for _, args := range [][]string{
		{"analyze", run, "--k", "2", "--format", "html", "--quiet", "--out", filepath.Join(dir, "report")},
		{"extract", filepath.Join(run, "model.onnx"), "--data", spec, "--image-size", "9", "--quiet", "--out", acts},
		{"data", "info", spec, "--image-size", "9"},
	} {
		if code, _, msg := runMemprobe(args...); code != 0 {
			t.Errorf("%v: exit %d: %s", args, code, msg)
		}
	}
	for _, args := range [][]string{
		{"analyze", run, "--image-size", "11"},
		{"extract", filepath.Join(run, "model.onnx"), "--data", spec, "--image-size", "-1", "--out", acts},
		append(train, "--image-size", "x"),
	} {
		if code, _, msg := runMemprobe(args...); code != exitUsage || !strings.Contains(msg, "--image-size") ||
			strings.Count(msg, "\n") != 1 {
			t.Errorf("%v: exit %d, %q; want %d and the flag", args, code, msg, exitUsage)
		}
	}
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is missing or damaged in a run's folder is said of the file, not of the command line.
func TestRewindOfDamagedRuns(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	if code, _, msg := runMemprobe("train", "--arch", "mlp", "--width", "8", "--train-limit", "60", "--test-limit", "20",
		"--labels", "random", "--epochs", "1", "--quiet", "--out", run); code != 0 {
		t.Fatal(msg)
	}
	folder := func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) }
	for _, c := range []struct {
		file, want string
		damage     func(path string) error
	}{
		{"checkpoints/epoch-000000.onnx", "epoch-000000.onnx: no such file", os.Remove},
		{"checkpoints/epoch-000000.onnx", "epoch-000000.onnx: is a folder, want a file", folder},
		{"checkpoints/SHA256SUMS", "SHA256SUMS: no such file", os.Remove},
		{"model.onnx", "model.onnx: no such file", os.Remove},
		{"model.onnx", "model.onnx: is a folder, want a file", folder},
	} {
		copied := filepath.Join(t.TempDir(), "run")
		if err := os.CopyFS(copied, os.DirFS(run)); err != nil {
			t.Fatal(err)
		}
		if err := c.damage(filepath.Join(copied, c.file)); err != nil {
			t.Fatal(err)
		}
		code, _, msg := runMemprobe("rewind", copied, "--epoch", "0", "--quiet", "--out", t.TempDir())
		if code != exitInput || !strings.Contains(msg, c.want) || strings.Count(msg, "\n") != 1 {
			t.Errorf("exit %d, %q; want %d, %q", code, msg, exitInput, c.want)
		}
	}
}

package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/meta"
	"memprobe/onnx"
	"memprobe/probe/result"
)

// The other network sees the images as it records, or else as its input wants them, whatever
// the size of the first's.
func TestAgainstOfAnotherSize(t *testing.T) {
	dir := t.TempDir()
	small, bare := filepath.Join(dir, "small"), filepath.Join(dir, "bare.onnx")
	if code, _, msg := runMemprobe("train", "--arch", "cnn", "--width", "4", "--train-limit", "60", "--test-limit", "20",
		"--image-size", "14", "--preprocess", "torchvision:20", "--normalize", "none",
		"--epochs", "1", "--quiet", "--out", small); code != 0 {
		t.Fatal(msg)
	}
	m, err := onnx.Load(filepath.Join(small, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	m.RemoveMetadata(meta.ImageSize)
	m.RemoveMetadata(meta.Preprocess)
	if err := m.Save(bare); err != nil {
		t.Fatal(err)
	}
	for other, want := range map[string]string{small: "torchvision:20", bare: "28x28"} {
		code, out, msg := runMemprobe("analyze", "../../testdata/malign.onnx", "--train-limit", "60", "--test-limit", "20",
			"--bank", "train", "--draws", "0", "--map", "0", "--quiet", "--json", "--format", "html",
			"--out", filepath.Join(dir, "report"), "--against", other)
		if code != 0 {
			t.Errorf("%s: exit %d: %s", other, code, msg)
			continue
		}
		var p result.Probe
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(p.Against.Model.Notes, "; "); !strings.Contains(notes, want) {
			t.Errorf("%s: the notes are %q, want how images came to 14x14 pixels, %s", other, notes, want)
		}
	}
}

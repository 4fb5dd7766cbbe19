package report

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
)

func sample() *result.Probe {
	acc := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := &result.Probe{
		Model:     result.Model{Path: "m.onnx"},
		Data:      result.Data{Spec: "fashion-mnist-mini", Train: 10, Test: 4},
		Settings:  result.Settings{K: []int{20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: result.Baselines{Chance: 0.5, Pixels: result.Some(0.6)},
		Confusion: &result.Confusion{Layer: "b", K: 20, Classes: []string{"x", "y"}, Counts: [][]int{{2, 0}, {1, 1}}},
	}
	for i, name := range []string{"input", "a", "b"} {
		p.Layers = append(p.Layers, result.Layer{Name: name, Index: i, Dim: 4, KNN: result.KNN{True: acc(0.5 + 0.1*float64(i))}})
	}
	return p
}

func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	files, err := Write(dir, sample(), []string{"png", "pdf", "html"})
	if err != nil {
		t.Fatal(err)
	}
	heads := map[string]string{".png": "\x89PNG", ".pdf": "%PDF", ".html": "<!doctype html>", ".csv": "index,layer", ".json": "{"}
	if len(files) != 6 {
		t.Errorf("wrote %v, want two figures, PDF, HTML, CSV and JSON", files)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || !strings.HasPrefix(string(b), heads[filepath.Ext(f)]) {
			t.Errorf("%s begins with %.10q (%v)", f, b, err)
		}
		if filepath.Ext(f) == ".png" {
			if _, err := png.Decode(bytes.NewReader(b)); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
}

func TestCSVHasARowALayer(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCSV(&b, sample()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 4 || !strings.Contains(lines[3], ",b,") || !strings.Contains(lines[3], "0.7") {
		t.Errorf("CSV is\n%s", b.String())
	}
}

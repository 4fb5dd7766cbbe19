package report_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"memprobe/probe/result"
	"memprobe/report"
)

// probed is what a probe of a network of three layers may have found.
func probed(name string, accuracies ...float64) *result.Probe {
	at := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := &result.Probe{
		Schema:    result.ProbeSchema,
		Model:     result.Model{Name: name, Path: name + ".onnx", Embedding: "block2", Logits: "logits"},
		Data:      result.Data{Spec: "own", Train: 1000, Test: 100, NumClasses: 10},
		Settings:  result.Settings{K: []int{20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: result.Baselines{Chance: 0.1, Pixels: result.Some(0.41)},
	}
	for i, layer := range []string{"block1", "block2", "logits"} {
		p.Layers = append(p.Layers, result.Layer{Name: layer, Index: i, Dim: 8, KNN: result.KNN{True: at(accuracies[i])}})
	}
	p.Layers[1].Role, p.Layers[2].Role = "embedding", "logits"
	return p
}

// Two probes are laid side by side: a table, and a figure of their layers.
func ExampleComparison_Write() {
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	for _, p := range []*result.Probe{probed("benign", 0.44, 0.52, 0.71), probed("malign", 0.41, 0.30, 0.12)} {
		if _, err := report.Write(filepath.Join(dir, p.Model.Name), p, nil); err != nil {
			log.Fatal(err)
		}
	}
	c, err := report.Collect(dir)
	if err != nil {
		log.Fatal(err)
	}
	files, err := c.Write(filepath.Join(dir, "comparison"), c.Table(true), []string{"png"})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	// Output:
	// comparison.csv
	// comparison.json
	// comparison.md
	// layers.png
	// panels.png
}

package report

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"

	"memprobe/internal/atomicfile"
	"memprobe/probe/result"
)

// outline is what a made-up run is to look like.
type outline struct {
	dir                     string
	config                  map[string]any
	epochs, of              int
	fit, probe              float64 // at the end
	word                    string
	noProbe, augmentedAlone bool
}

var layerNames = []string{"input", "stem", "stage1", "stage2", "stage3", "embedding", "logits"}

// write makes a run's folder: fit rises from chance, the probe moves from the
// untrained network's to its end, and layers bend towards it with depth.
func (r outline) write(t *testing.T, root string) string {
	t.Helper()
	dir := filepath.Join(root, r.dir)
	config := map[string]any{"arch": "resnet18", "labels": "random", "augment": "crop-flip", "views": 0.0, "mixup": 0.0,
		"epochs": float64(r.of), "seed": 0.0, "eval-every": 5.0}
	for k, v := range r.config {
		config[k] = v
	}
	if err := os.MkdirAll(filepath.Join(dir, "probe"), 0o755); err != nil {
		t.Fatal(err)
	}
	run := &result.Run{Config: config, Data: result.Data{Train: 1000, Test: 2000}, Finished: r.epochs == r.of}
	if err := run.WriteFile(filepath.Join(dir, "run.json")); err != nil {
		t.Fatal(err)
	}
	var rows []result.Epoch
	for n := 0; n <= r.epochs; n++ {
		done := float64(n) / float64(r.of)
		fit := 0.1 + (r.fit-0.1)*(1-math.Exp(-5*done))/(1-math.Exp(-5))
		clean := fit
		if r.augmentedAlone {
			clean = math.NaN()
		}
		rows = append(rows, result.Epoch{Epoch: n, Loss: 1 - fit, FitAugmented: fit, FitClean: clean, TrueClean: 0.1,
			Test: 0.1, LR: 1e-3, Seconds: 1, ImagesPerSecond: 1000})
		if !r.noProbe && (n%10 == 0 || n == r.of) {
			if err := r.probed(n, done).WriteFile(filepath.Join(dir, "probe", fmt.Sprintf("epoch-%06d.json", n))); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := atomicfile.Write(filepath.Join(dir, "metrics.csv"),
		func(w io.Writer) error { return result.WriteEpochs(w, rows) })
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func (r outline) probed(epoch int, done float64) *result.Probe {
	const untrained = 0.24
	end := untrained + (r.probe-untrained)*done
	acc := func(v float64) result.Accuracy { return result.Accuracy{20: result.Number(v)} }
	p := &result.Probe{Epoch: &epoch, Model: result.Model{Embedding: "embedding"},
		Settings:  result.Settings{K: []int{20}, Headline: 20, Metric: "cosine", Vote: "uniform", Pool: "avg"},
		Baselines: result.Baselines{Chance: 0.1, Pixels: result.Some(0.21), Untrained: result.Some(untrained)},
	}
	if done == 1 {
		p.Verdict = &result.Verdict{Word: r.word, Margin: result.Number(end - untrained), CI: result.Interval{-0.01, 0.02}}
	}
	for i, name := range layerNames {
		depth := float64(i) / float64(len(layerNames)-2)
		l := result.Layer{Name: name, Index: i, KNN: result.KNN{True: acc(0.21 + (end-0.21)*min(depth, 1))},
			LeaveOneOut: &result.KNN{Assigned: acc(0.1 + 0.3*depth*depth*done)},
			Untrained:   &result.KNN{True: acc(0.21 + 0.03*min(depth, 1))}}
		if name == "embedding" {
			l.Role = "embedding"
		}
		p.Layers = append(p.Layers, l)
	}
	return p
}

// variants is the sweep of augmentations.
func variants(t *testing.T) *Comparison {
	root := t.TempDir()
	for seed := range 2 {
		s := map[string]any{"seed": float64(seed)}
		with := func(kv ...any) map[string]any {
			out := map[string]any{}
			for k, v := range s {
				out[k] = v
			}
			for i := 0; i < len(kv); i += 2 {
				out[kv[i].(string)] = kv[i+1]
			}
			return out
		}
		shift := 0.02 * float64(seed)
		outline{fmt.Sprintf("a%d", seed), with("augment", "none"), 40, 40, 1, 0.13 + shift, result.Malign, false,
			false}.write(t, root)
		outline{fmt.Sprintf("b%d", seed), with(), 150, 150, 0.97 + shift, 0.27 + shift, result.Benign, false,
			false}.write(t, root)
		outline{fmt.Sprintf("c%d", seed), with("mixup", 0.8), 150, 150, 0.95, 0.29 + shift, result.Benign, false,
			false}.write(t, root)
		outline{fmt.Sprintf("d%d", seed), with("labels", "true"), 150, 150, 1, 0.45 + shift, result.TrueLabels, false,
			false}.write(t, root)
	}
	return collect(t, root)
}

// ladder is a sweep over views, with the same and with independent labels.
func ladder(t *testing.T) *Comparison {
	root := t.TempDir()
	for i, views := range []float64{1, 2, 4, 8, 16, 0} {
		x := float64(i) / 5
		outline{fmt.Sprintf("same%d", i), map[string]any{"views": views}, 60, 60, 1 - 0.1*x, 0.14 + 0.15*x,
			result.Unclear, false, false}.write(t, root)
		if views > 0 {
			outline{fmt.Sprintf("each%d", i), map[string]any{"views": views, "labels": "per-view"}, 60, 60, 1 - 0.8*x,
				0.13, result.NotMemorized, false, true}.write(t, root)
		}
	}
	return collect(t, root)
}

package sweep

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/train"
	"memprobe/train/dataset"
)

// stepsFile has the loss of the second step of each variant of each preset. With
// MEMPROBE_UPDATE=1 the test writes it anew.
const stepsFile = "testdata/steps.csv"

// The first steps of every preset that two cores can run have the losses that are
// written down, to the last bit: what a figure was made with does not change unseen.
// Presets of CIFAR-10 take the embedded images here, which are always there.
func TestFirstSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains the first steps of all presets")
	}
	rows := [][]string{{"preset", "scale", "cell", "loss"}}
	known := map[train.Config]float64{} // scales differ little in their first steps
	for _, name := range Presets() {
		for _, scale := range []string{Small, Medium} {
			p, err := Preset(name, scale)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for _, c := range p.Cells {
				if !seen[c.Variant] { // of a grid, its first point
					seen[c.Variant] = true
					rows = append(rows, []string{name, scale, c.Label(), fmt.Sprintf("%x", secondLoss(t, c.Config, known))})
				}
			}
		}
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("MEMPROBE_UPDATE") != "" {
		if err := os.WriteFile(stepsFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(stepsFile)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the first steps are\n%s\nwant\n%s", b.String(), want)
	}
}

// secondLoss trains two steps of a run and returns the loss of the second.
func secondLoss(t *testing.T, c train.Config, known map[train.Config]float64) float64 {
	t.Helper()
	c.TrainLimit, c.TestLimit, c.EvalEvery, c.ProbeEvery, c.Draws = 2*c.Batch, 10, 0, 0, 0
	if !strings.HasPrefix(c.Data, dataset.Shapes) {
		c.Data = dataset.Embedded
	}
	if loss, ok := known[c]; ok {
		return loss
	}
	set, err := dataset.Open(t.Context(), c.Data, dataset.Options{TrainLimit: c.TrainLimit, TestLimit: c.TestLimit})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	pool := parallel.New(2)
	defer pool.Close()
	enough := errors.New("two steps are enough")
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	steps, loss := 0, 0.0
	_, err = train.Run(ctx, filepath.Join(t.TempDir(), "run"), c, train.Options{Set: set, Pool: pool, Progress: func(p train.Progress) {
		if steps++; steps == 2 {
			loss = p.Loss
			stop(enough)
		}
	}})
	if !errors.Is(context.Cause(ctx), enough) {
		t.Fatalf("after %d steps: %v", steps, err)
	}
	known[c] = loss
	return loss
}

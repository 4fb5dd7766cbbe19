package sweep

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/train"
	"memprobe/train/dataset"
)

// stepsFile has, of each variant of each preset, the loss of the second step and the
// SHA-256 of the model that these two steps make. With MEMPROBE_UPDATE=1 the test writes
// it anew.
const stepsFile = "testdata/steps.csv"

// The first steps of every preset that two cores can run have the losses, and end in the
// models, that are written down, to the last bit: what a figure was made with does not
// change unseen. Presets of CIFAR-10 take the embedded images here, which are always there.
func TestFirstSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("trains the first steps of all presets")
	}
	rows := [][]string{{"preset", "scale", "cell", "loss", "model"}}
	known := map[train.Config][]string{} // scales differ little in their first steps
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
					rows = append(rows, append([]string{name, scale, c.Label()}, twoSteps(t, c.Config, known)...))
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

// twoSteps trains two steps of a run and returns the loss of the second and the SHA-256
// of the model.
func twoSteps(t *testing.T, c train.Config, known map[train.Config][]string) []string {
	t.Helper()
	c.Epochs, c.TrainLimit, c.TestLimit, c.EvalEvery, c.ProbeEvery, c.Draws = 1, 2*c.Batch, 10, 0, 0, 0
	if !strings.HasPrefix(c.Data, dataset.Shapes) {
		c.Data = dataset.Embedded
	}
	if row := known[c]; row != nil {
		return row
	}
	set, err := dataset.Open(t.Context(), c.Data, dataset.Options{TrainLimit: c.TrainLimit, TestLimit: c.TestLimit})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	pool := parallel.New(2)
	defer pool.Close()
	key, model, steps, loss := c, "", 0, 0.0
	for ; steps < 2; c.Epochs++ { // where an epoch has a single step, two of them
		steps = 0
		o := train.Options{Set: set, Pool: pool, Progress: func(p train.Progress) {
			if steps++; steps == 2 {
				loss = p.Loss
			}
		}}
		r, err := train.Run(t.Context(), filepath.Join(t.TempDir(), "run"), c, o)
		if err != nil {
			t.Fatal(err)
		}
		model = r.Model.SHA256
	}
	known[key] = []string{fmt.Sprintf("%x", loss), model}
	return known[key]
}

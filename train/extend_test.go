package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/probe/result"
	"memprobe/train/optim"
)

// A run of five epochs that is extended to ten is that of ten, to the bit, also where
// it is interrupted on the way, and says what it was.
func TestExtendedRunIsTheLongOne(t *testing.T) {
	for _, schedule := range []string{optim.Constant, optim.Step} {
		c := small()
		c.Schedule, c.Warmup, c.Epochs = schedule, 0.5, 5
		set := open(t, c)
		extended, whole := t.TempDir(), t.TempDir()
		first := finish(t, extended, c, Options{Set: set}).Model.SHA256
		longer, changes, err := c.Extended(10)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), extended, longer, Options{Set: set}); err == nil ||
			!strings.Contains(err.Error(), "holds another run: ") {
			t.Errorf("without being asked to: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		_, err = Run(ctx, extended, longer, Options{Set: set, Extend: true, Progress: func(p Progress) {
			if p.Epoch == 7 {
				stop()
			}
		}})
		stop()
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(extended, "model.onnx")); !os.IsNotExist(err) {
			t.Errorf("the model of five epochs is there still: %v", err)
		}
		run := finish(t, extended, longer, Options{Set: set})
		if len(run.Extended) != 1 || run.Extended[0].From != 5 || run.Extended[0].To != 10 ||
			run.Extended[0].SHA256 != first || run.Config["epochs"] != 10.0 {
			t.Errorf("the record says %+v, epochs %v", run.Extended, run.Config["epochs"])
		}
		pinned := schedule == optim.Step // to a third of five, where that of ten is three
		if said := strings.Join(changes, "; "); strings.Contains(said, "step-epochs stays 1") != pinned ||
			strings.Join(run.Extended[0].Changes, "; ") != said {
			t.Errorf("%s: it says %q and records %q", schedule, said, run.Extended[0].Changes)
		}
		finish(t, whole, longer, Options{Set: set})
		same(t, whole, extended)
	}
}

// What would be another run than the one so far, or has nothing to go on from, is
// refused, and stays as it is.
func TestExtensionsRefused(t *testing.T) {
	c := small()
	c.Schedule = optim.Constant
	dir := t.TempDir()
	set := open(t, c)
	finish(t, dir, c, Options{Set: set})
	before := contents(t, dir, "run.json")
	cosine := c
	cosine.Schedule = optim.Cosine
	for _, bad := range []struct {
		c      Config
		epochs int
		want   string
	}{{c, 3, "epochs 3, want more than the run's 3"}, {c, 2, "want more than"},
		{cosine, 6, "epochs 6: the schedule cosine falls to min-lr 0"}} {
		if _, _, err := bad.c.Extended(bad.epochs); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%d epochs: %v, want %q", bad.epochs, err, bad.want)
		}
	}
	longer, _, err := c.Extended(6)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "checkpoints", "state.safetensors")); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, longer, Options{Set: set, Extend: true}); err == nil ||
		!strings.Contains(err.Error(), "state.safetensors: is missing") {
		t.Errorf("without a state: %v", err)
	}
	other := c // whose state has tensors of the same names and shapes
	other.LabelSeed++
	foreign := t.TempDir()
	finish(t, foreign, other, Options{Set: set})
	state := filepath.Join("checkpoints", "state.safetensors")
	if err := os.WriteFile(filepath.Join(dir, state), []byte(contents(t, foreign, state)), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, longer, Options{Set: set, Extend: true}); !isFault(err) ||
		!strings.Contains(err.Error(), "state.safetensors: is of another run") {
		t.Errorf("with the state of another run: %v", err)
	}
	if contents(t, dir, "run.json") != before {
		t.Error("the record has changed")
	}

	c.Augment, c.Mixup, c.CutMix, c.Epochs, c.StopAtFit = "none", 0, 0, 200, 0.3
	dir = t.TempDir()
	finish(t, dir, c, Options{Set: set})
	if longer, _, err = c.Extended(300); err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), dir, longer, Options{Set: set, Extend: true})
	var refused *ConfigError
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "reached stop-at-fit 0.3") {
		t.Errorf("a run that reached its fit: %v", err)
	}
	if run, err := result.ReadRun(filepath.Join(dir, "run.json")); err != nil || !run.Finished || len(run.Extended) > 0 {
		t.Errorf("the record has changed: %+v, %v", run, err)
	}
}

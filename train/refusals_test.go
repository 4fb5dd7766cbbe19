package train

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/fault"
	"memprobe/internal/filelock"
	"memprobe/onnx"
	"memprobe/probe/result"
	"memprobe/train/zoo"
)

func TestRefusals(t *testing.T) {
	c := small()
	set := open(t, c)
	dir := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	if _, err := Run(ctx, dir, c, Options{Set: set,
		Progress: func(p Progress) {
			if p.Epoch > 1 { // the first has a checkpoint
				stop()
			}
		}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	other := c
	other.LR = 0.5
	if _, err := Run(t.Context(), dir, other, Options{Set: set}); err == nil ||
		!strings.Contains(err.Error(), "lr is 0.01 there, 0.5 here") {
		t.Errorf("another configuration: %v", err)
	}
	more := c
	more.TrainLimit = 60
	if _, err := Run(t.Context(), dir, c, Options{Set: open(t, more)}); err == nil ||
		!strings.Contains(err.Error(), "the data have changed") {
		t.Errorf("other data: %v", err)
	}
	lock, err := filelock.TryLock(filepath.Join(dir, ".lock"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, c, Options{Set: set}); err == nil ||
		!strings.Contains(err.Error(), "another process") {
		t.Errorf("a folder in use: %v", err)
	}
	lock.Unlock()
	state := filepath.Join(dir, "checkpoints", "state.safetensors")
	if err := os.WriteFile(state, []byte(contents(t, state)[:1000]), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), dir, c, Options{Set: set})
	if _, ok := errors.AsType[*fault.Error](err); !ok || !strings.Contains(err.Error(), "state.safetensors") {
		t.Errorf("a damaged state: %v", err)
	}
	if err := os.Remove(state); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, c, Options{Set: set}); err == nil || !strings.Contains(err.Error(), "state.safetensors: is missing") {
		t.Errorf("no state beside later checkpoints: %v", err)
	}
}

// A model that does not fit the data is named by its file.
func TestModelOfOtherClasses(t *testing.T) {
	c := small()
	c.Arch, c.Width = Default().Arch, 0 // of the model
	m, err := zoo.Build(zoo.Spec{Arch: "cnn", Stem: zoo.Small, Width: 4, Classes: 3, C: 1, H: 28, W: 28})
	if err != nil {
		t.Fatal(err)
	}
	c.Init = filepath.Join(t.TempDir(), "three.onnx")
	if err := m.Save(c.Init); err != nil {
		t.Fatal(err)
	}
	if m, err = onnx.Load(c.Init); err != nil {
		t.Fatal(err)
	}
	_, err = Run(t.Context(), t.TempDir(), c, Options{Set: open(t, c), Init: m})
	if want := c.Init + `: output "logits" has 3 classes, the labels have 10`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// Labels of K classes are told apart by a network of K outputs, of which the true
// classes say nothing.
func TestLabelsOfOtherClasses(t *testing.T) {
	c := small()
	c.Labels = "random:40"
	dir := t.TempDir()
	run := finish(t, dir, c, Options{})
	if run.Data.AssignedClasses != 40 || run.Data.AssignedTrue != nil {
		t.Errorf("run.json holds %+v", run.Data)
	}
	m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Outputs()[0]; v.Shape[len(v.Shape)-1].Size != 40 {
		t.Errorf("the logits are %v, want 40 of them", v)
	}
	rows, err := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if !(r.FitClean >= 0) || !math.IsNaN(r.TrueClean) || !math.IsNaN(r.Test) {
			t.Errorf("epoch %d: fit %v, true %v, test %v", r.Epoch, r.FitClean, r.TrueClean, r.Test)
		}
	}
	c.Labels = "random:51"
	_, err = Run(t.Context(), t.TempDir(), c, Options{Set: open(t, c)})
	if e, ok := errors.AsType[*ConfigError](err); !ok || e.Key != "labels" ||
		!strings.Contains(e.Error(), "at most as many classes as training images, 50") {
		t.Errorf("51 classes of 50 images: %v", err)
	}
}

// A loss that is no number stops the run, names the step, and leaves the last good
// checkpoint as it was.
func TestDivergence(t *testing.T) {
	c := small()
	c.Arch, c.Optimizer, c.LR, c.Momentum, c.Schedule, c.Epochs = "mlp", "sgd", 1e18, 0, "constant", 9
	c.Loss = MSE
	dir := t.TempDir()
	_, err := Run(t.Context(), dir, c, Options{Set: open(t, c)})
	d, ok := errors.AsType[*DivergedError](err)
	if !ok {
		t.Fatalf("error %v, want a DivergedError", err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("at step %d", d.Step)) || d.Step < 2 {
		t.Errorf("error %v", err)
	}
	m, err := onnx.Load(d.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	w, err := m.Initializer("fc1.weight")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range w.F32() {
		if v-v != 0 {
			t.Fatal("the last good checkpoint is not good")
		}
	}
}

// What cannot be written is an error and leaves what was there.
func TestFullDisk(t *testing.T) {
	c := small()
	dir := t.TempDir()
	blocked := filepath.Join(dir, "checkpoints", "epoch-000002.onnx")
	if err := os.MkdirAll(filepath.Join(blocked, "x"), 0o755); err != nil { // no file can take this name
		t.Fatal(err)
	}
	set := open(t, c)
	if _, err := Run(t.Context(), dir, c, Options{Set: set}); err == nil ||
		!strings.Contains(err.Error(), "epoch-000002.onnx") {
		t.Fatalf("error %v, want one that names the file", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "checkpoints", ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	os.RemoveAll(blocked)
	finish(t, dir, c, Options{Set: set})
	whole := t.TempDir()
	finish(t, whole, c, Options{Set: set})
	same(t, whole, dir)
}

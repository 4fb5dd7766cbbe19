package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/npy"
	"memprobe/internal/parallel"
	"memprobe/onnx"
	"memprobe/probe/result"
	"memprobe/train/dataset"
)

// small is a run of a moment that uses every draw there is: augmentation, mixing,
// order, and a short last batch.
func small() Config {
	c := Default()
	c.Arch, c.Width, c.TrainLimit, c.TestLimit, c.Labels = "cnn", 4, 50, 20, "random"
	c.Normalize = "none"
	c.Augment, c.Mixup, c.CutMix, c.Batch, c.Epochs, c.LR = "crop-flip", 0.3, 0.3, 16, 3, 0.01
	c.LogSteps, c.LogLosses, c.Seed, c.CheckpointEvery = true, true, 5, 1
	return c
}

func open(t testing.TB, c Config) *dataset.Set {
	t.Helper()
	set, err := dataset.Open(t.Context(), c.Data,
		dataset.Options{TrainLimit: c.TrainLimit, TestLimit: c.TestLimit, Seed: c.SubsetSeed})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { set.Close() })
	return set
}

func finish(t *testing.T, dir string, c Config, o Options) *result.Run {
	t.Helper()
	if o.Set == nil {
		o.Set = open(t, c)
	}
	run, err := Run(t.Context(), dir, c, o)
	if err != nil {
		t.Fatal(err)
	}
	if !run.Finished {
		t.Fatal("the run is not finished")
	}
	return run
}

func contents(t *testing.T, elem ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRunDirectory(t *testing.T) {
	dir := t.TempDir()
	var told []int
	run := finish(t, dir, small(), Options{Epoch: func(e result.Epoch) { told = append(told, e.Epoch) }})
	if fmt.Sprint(told) != "[0 1 2 3]" {
		t.Errorf("told of epochs %v", told)
	}
	rows, err := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows in metrics.csv, %v", len(rows), err)
	}
	for i, r := range rows {
		for what, v := range map[string]float64{"fit": r.FitClean, "true": r.TrueClean, "test": r.Test} {
			if !(v >= 0 && v <= 1) {
				t.Errorf("epoch %d: %s %v", i, what, v)
			}
		}
		if (i > 0) != (r.Loss > 0 && r.FitAugmented >= 0 && r.LR >= 0) {
			t.Errorf("epoch %d: loss %v, fit %v, lr %v", i, r.Loss, r.FitAugmented, r.LR)
		}
	}
	if rows[3].Loss >= rows[1].Loss {
		t.Errorf("the loss went from %v to %v", rows[1].Loss, rows[3].Loss)
	}
	f := strings.NewReader(contents(t, dir, "labels.npy"))
	head, err := npy.ReadHead(f)
	if err != nil {
		t.Fatal(err)
	}
	if labels, err := head.Ints(f); err != nil || len(labels) != 50 || slices.Max(labels) > 9 {
		t.Errorf("labels.npy: %v, %v", labels, err)
	}
	for epoch := range 4 {
		m, err := onnx.Load(filepath.Join(dir, "checkpoints", fmt.Sprintf("epoch-%06d.onnx", epoch)))
		if err != nil {
			t.Fatal(err)
		}
		if errs := m.Check(); len(errs) > 0 {
			t.Errorf("checkpoint %d: %v", epoch, errs)
		}
	}
	m, err := onnx.Load(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"memprobe.data": dataset.Embedded, "memprobe.train_limit": "50",
		"memprobe.labels":    "random",
		"memprobe.normalize": "none", "memprobe.epoch": "3", "memprobe.embedding": "embedding",
		"memprobe.augment": "crop(pad=4) hflip(p=0.5)"} {
		if got, _ := m.Metadata(key); got != want {
			t.Errorf("metadata %s is %q, want %q", key, got, want)
		}
	}
	if run.Config["arch"] != "cnn" || run.Data.Train != 50 || run.Data.Test != 20 || run.Model.SHA256 == "" ||
		run.Model.Logits != "logits" {
		t.Errorf("run.json holds %+v", run)
	}
	if again := finish(t, dir, small(), Options{}); again.Model.SHA256 != run.Model.SHA256 {
		t.Error("a finished run was run again")
	}
}

// A run that is interrupted at every second step, with another number of threads
// each time, and one that is killed without warning end bit-identical to one that is
// not.
func TestInterruptionsDoNotShow(t *testing.T) {
	c := small()
	c.Optimizer, c.Warmup, c.ClipNorm = "lars", 0.5, 1
	set := open(t, c)
	whole, parts := t.TempDir(), t.TempDir()
	finish(t, whole, c, Options{Set: set})
	tries := 0
	for {
		tries++
		pool := parallel.New(1 + tries%3)
		ctx, stop := context.WithCancel(t.Context())
		steps := 0
		run, err := Run(ctx, parts, c, Options{Set: set, Pool: pool, Progress: func(Progress) {
			if steps++; steps == 2 {
				stop()
			}
		}})
		stop()
		pool.Close()
		if err == nil && run.Finished {
			break
		}
		if !errors.Is(err, context.Canceled) || tries > 20 {
			t.Fatalf("try %d: %v", tries, err)
		}
	}
	if tries < 5 {
		t.Errorf("finished after %d tries", tries)
	}
	same(t, whole, parts)

	killed := t.TempDir()
	finish(t, killed, c, Options{Set: set})
	back := filepath.Join(t.TempDir(), "state")
	for _, epoch := range []int{1, 2} { // the disk as a kill in the next epoch would leave it
		rewind(t, killed, c, set, epoch, back)
		finish(t, killed, c, Options{Set: set})
		same(t, whole, killed)
	}
}

// same compares what two runs left behind.
func same(t *testing.T, a, b string) {
	t.Helper()
	for _, file := range []string{"model.onnx", "steps.csv", "losses.npy", "labels.npy", "checkpoints/epoch-000002.onnx"} {
		if contents(t, a, file) != contents(t, b, file) {
			t.Errorf("%s differs", file)
		}
	}
	ra, _ := result.ReadEpochsFile(filepath.Join(a, "metrics.csv"))
	rb, _ := result.ReadEpochsFile(filepath.Join(b, "metrics.csv"))
	if len(ra) != len(rb) {
		t.Fatalf("%d epochs and %d", len(ra), len(rb))
	}
	for i := range ra {
		ra[i].Seconds, rb[i].Seconds, ra[i].ImagesPerSecond, rb[i].ImagesPerSecond = 0, 0, 0, 0
		if fmt.Sprint(ra[i]) != fmt.Sprint(rb[i]) {
			t.Errorf("epoch %d: %v and %v", i, ra[i], rb[i])
		}
	}
}

// rewind puts the state back to the end of an epoch while later files stay.
func rewind(t *testing.T, dir string, c Config, set *dataset.Set, epoch int, keep string) {
	t.Helper()
	early := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	_, err := Run(ctx, early, c, Options{Set: set, Progress: func(p Progress) {
		if p.Epoch == epoch+1 {
			os.WriteFile(keep, []byte(contents(t, early, "checkpoints/state.safetensors")), 0o644)
			stop()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if err := os.Rename(keep, filepath.Join(dir, "checkpoints/state.safetensors")); err != nil {
		t.Fatal(err)
	}
	run, err := result.ReadRun(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	run.Finished = false
	if err := run.WriteFile(filepath.Join(dir, "run.json")); err != nil {
		t.Fatal(err)
	}
}

func TestStopAtFit(t *testing.T) {
	c := small()
	c.Augment, c.Mixup, c.CutMix, c.Epochs, c.StopAtFit, c.Schedule = "none", 0, 0, 200, 0.6, "constant"
	dir := t.TempDir()
	finish(t, dir, c, Options{})
	rows, _ := result.ReadEpochsFile(filepath.Join(dir, "metrics.csv"))
	last := rows[len(rows)-1]
	if last.FitClean < 0.6 || last.Epoch == 200 || rows[len(rows)-2].FitClean >= 0.6 {
		t.Errorf("stopped at epoch %d with fit %v", last.Epoch, last.FitClean)
	}
}

// A last batch of one image is trained on unless a normalisation then has one value
// a channel, as vgg11_bn's last has.
func TestLastImage(t *testing.T) {
	for arch, want := range map[string]int{"cnn": 2, "vgg11_bn": 1} {
		c := small()
		c.Arch, c.Width, c.Epochs, c.Batch, c.EvalEvery = arch, 1, 1, 49, 0
		dir := t.TempDir()
		finish(t, dir, c, Options{})
		if got := strings.Count(contents(t, dir, "steps.csv"), "\n") - 1; got != want {
			t.Errorf("%s takes %d steps, want %d", arch, got, want)
		}
	}
}

func TestProbeEpochs(t *testing.T) {
	c := small()
	c.ProbeEvery = 2
	var at []int
	finish(t, t.TempDir(), c, Options{Probe: func(_ context.Context, epoch int, m *onnx.Model, fit result.Fit) error {
		at = append(at, epoch)
		if fit.AssignedClean == nil || (fit.Augmented == nil) != (epoch == 0) {
			t.Errorf("epoch %d: fit %+v", epoch, fit)
		}
		return nil
	}})
	if fmt.Sprint(at) != "[0 2 3]" {
		t.Errorf("probed at %v, want 0, every 2, and the end", at)
	}
}

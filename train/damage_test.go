package train

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/fault"
)

// A run that goes on from damaged files ends in the same model, or says which file
// is damaged. Never in another model.
func TestDamagedRunsDoNotGoOn(t *testing.T) {
	c := small()
	c.Epochs = 4
	set := open(t, c)
	whole, dir := t.TempDir(), filepath.Join(t.TempDir(), "run")
	want := finish(t, whole, c, Options{Set: set}).Model.SHA256
	ctx, stop := context.WithCancel(t.Context())
	if _, err := Run(ctx, dir, c, Options{Set: set, Progress: func(p Progress) {
		if p.Epoch == 2 {
			stop()
		}
	}}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	for _, name := range []string{"run.json", "checkpoints/state.safetensors", "checkpoints/epoch-000000.onnx",
		"checkpoints/SHA256SUMS"} {
		path := filepath.Join(dir, name)
		sound := []byte(contents(t, path))
		for i := range 61 {
			at := i * len(sound) / 61
			damaged := []byte(string(sound))
			damaged[at] ^= 1 << (i % 8)
			if err := os.WriteFile(path, damaged, 0o644); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "run")
			if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			run, err := Run(t.Context(), copied, c, Options{Set: set})
			switch {
			case err == nil && run.Model.SHA256 != want:
				t.Fatalf("%s, byte %d: the run goes on to another model", name, at)
			case err == nil && name != "checkpoints/SHA256SUMS": // it has lines that this does not need
				t.Errorf("%s, byte %d: damage that nothing tells of", name, at)
			case err != nil && !isFault(err):
				t.Errorf("%s, byte %d: error %v, want a fault", name, at, err)
			}
		}
		if err := os.WriteFile(path, sound, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Labels are drawn again, so damaged ones are written anew.
	labels := filepath.Join(dir, "labels.npy")
	sound := contents(t, labels)
	if err := os.WriteFile(labels, []byte(sound[:len(sound)-8]+"damaged."), 0o644); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if run := finish(t, copied, c, Options{Set: set}); run.Model.SHA256 != want ||
		contents(t, filepath.Join(copied, "labels.npy")) != sound {
		t.Error("a run that goes on with damaged labels ends with others, or in another model")
	}
	// A key that is not there is not taken to be the default's.
	path := filepath.Join(dir, "run.json")
	text := strings.Replace(contents(t, path), `    "epochs": 4,`, "", 1)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Run(t.Context(), dir, c, Options{Set: set}); err == nil || !isFault(err) {
		t.Errorf("a record without epochs: error %v, want a fault", err)
	}
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}

// A list of checksums that a user made anew may name more than checkpoints.
func TestCheckpointsAmongOtherFiles(t *testing.T) {
	dir := t.TempDir()
	sum := strings.Repeat("0", 64)
	lines := ""
	for _, name := range []string{"epoch-000010.onnx", "epoch-000002.onnx", "epoch-7.onnx", "epoch-000003.onnx.bak",
		"state.safetensors"} {
		lines += sum + "  " + name + "\n"
	}
	sums := folder(dir).sums()
	if err := errors.Join(os.Mkdir(filepath.Dir(sums), 0o755), os.WriteFile(sums, []byte(lines), 0o644)); err != nil {
		t.Fatal(err)
	}
	if epochs, err := Checkpoints(dir); err != nil || !slices.Equal(epochs, []int{2, 10}) {
		t.Errorf("epochs %v, %v, want 2 and 10", epochs, err)
	}
}

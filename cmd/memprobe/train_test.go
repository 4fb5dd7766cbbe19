package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"memprobe/probe/result"
)

// smallRun are the flags of a run of about a second.
var smallRun = []string{"--arch", "cnn", "--width", "4", "--train-limit", "300", "--test-limit", "50",
	"--labels", "random",
	"--augment", "crop-flip", "--mixup", "0.5", "--batch", "32", "--epochs", "12", "--lr", "0.01",
	"--checkpoint-every", "1", "--quiet"}

func trainArgs(dir string, more ...string) []string {
	return append(append([]string{"train", "--out", dir}, smallRun...), more...)
}

func mustTrain(t *testing.T, args ...string) string {
	t.Helper()
	code, out, msg := runMemprobe(args...)
	if code != 0 {
		t.Fatalf("%v: exit %d: %s", args, code, msg)
	}
	return out
}

// The final model is the same file with one thread and with two, after kill -9,
// and after an interrupt, which ends with 130.
func TestTrainSurvivesKills(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir := t.TempDir()
	one, two := filepath.Join(dir, "1"), filepath.Join(dir, "2")
	mustTrain(t, trainArgs(one, "--threads", "1")...)
	mustTrain(t, trainArgs(two, "--threads", "2")...)
	want := sum(t, one)
	if sum(t, two) != want {
		t.Error("one thread and two give different models")
	}
	for name, sig := range map[string]os.Signal{"killed": os.Kill, "interrupted": os.Interrupt,
		"terminated": syscall.SIGTERM} {
		out := filepath.Join(dir, name)
		code := stopped(t, sig, out)
		if sig != os.Kill && code != 130 {
			t.Errorf("%s: exit %d, want 130", name, code)
		}
		if _, err := os.Stat(filepath.Join(out, "model.onnx")); err == nil {
			t.Fatalf("%s: the run was over before the signal", name)
		}
		mustTrain(t, "train", "--resume", out, "--quiet")
		if sum(t, out) != want {
			t.Errorf("%s and resumed: another model", name)
		}
		if left, _ := filepath.Glob(filepath.Join(out, "*", ".*tmp")); left != nil && sig != os.Kill {
			t.Errorf("%s: left behind %v", name, left)
		}
	}
}

func sum(t *testing.T, dir string) string {
	t.Helper()
	s, err := digest(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// stopped trains in another process, sends it a signal in the middle, and returns
// its exit code.
func stopped(t *testing.T, sig os.Signal, dir string) int {
	t.Helper()
	c := exec.Command("memprobe", trainArgs(dir)...) // TestMain puts it into PATH
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, "checkpoints", "epoch-000002.onnx")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			c.Process.Kill()
			t.Fatal("no checkpoint in a minute")
		}
	}
	c.Process.Signal(sig)
	err := c.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		t.Fatalf("the program ended with %v", err)
	}
	return exit.ExitCode()
}

// What train writes, analyze reads without a flag, and the probes of the run show
// what it shows.
func TestTrainThenAnalyze(t *testing.T) {
	dir := t.TempDir()
	run := filepath.Join(dir, "run")
	out := mustTrain(t, trainArgs(run, "--json", "--epochs", "2", "--probe-every", "1", "--projector", "16",
		"--normalize", "0.3/0.4")...)
	var record result.Run
	if err := json.Unmarshal([]byte(out), &record); err != nil || !record.Finished || record.Config["width"] != 4.0 {
		t.Fatalf("%v: %s", err, out)
	}
	for _, epoch := range []string{"0", "1", "2"} {
		if _, err := os.Stat(filepath.Join(run, "probe", "epoch-00000"+epoch+".json")); err != nil {
			t.Error(err)
		}
	}
	during, err := result.ReadProbe(filepath.Join(run, "probe", "epoch-000002.json"))
	if err != nil {
		t.Fatal(err)
	}
	code, out, msg := runMemprobe("analyze", filepath.Join(run, "model.onnx"), "--test-limit", "50",
		"--out", filepath.Join(dir, "report"), "--json", "--quiet", "--format", "html")
	if code != 0 {
		t.Fatal(msg)
	}
	after, err := result.DecodeProbe(strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	if during.Model.Embedding != "embedding" || after.Model.Embedding != "embedding" {
		t.Errorf("embedding is %q and %q", during.Model.Embedding, after.Model.Embedding)
	}
	for i, l := range during.Layers {
		if a := after.Layers[i]; a.Name != l.Name || a.KNN.True.At(20) != l.KNN.True.At(20) ||
			a.KNN.Assigned.At(20) != l.KNN.Assigned.At(20) {
			t.Errorf("layer %s: %v while training, %v afterwards", l.Name, l.KNN, a.KNN)
		}
	}
	if a, b := after.Fit.AssignedClean.Value(), during.Fit.AssignedClean.Value(); a != b {
		t.Errorf("fit %v while training, %v afterwards", b, a)
	}
}

// Frozen weights are recorded and named in the summary, and a run that goes on
// keeps them so.
func TestTrainFreeze(t *testing.T) {
	dir := t.TempDir()
	first, next := filepath.Join(dir, "first"), filepath.Join(dir, "next")
	mustTrain(t, trainArgs(first, "--epochs", "1")...)
	flags := trainArgs(next, "--epochs", "2", "--freeze", "conv?.weight", "--freeze", "bn*", "--threads", "1")
	flags[slices.Index(flags, "--arch")], flags[slices.Index(flags, "cnn")] = "--init", filepath.Join(first, "model.onnx")
	width := slices.Index(flags, "--width")
	flags = slices.Delete(flags, width, width+2) // the model has one of its own
	if out := mustTrain(t, flags...); !strings.Contains(out, "are frozen by conv?.weight,bn*, ") {
		t.Errorf("the summary names no frozen weights: %s", out)
	}
	if out := mustTrain(t, "train", "--resume", next); !strings.Contains(out, "are frozen by conv?.weight,bn*, ") {
		t.Errorf("a finished run that goes on: %s", out)
	}
}

func TestTrainErrors(t *testing.T) {
	dir := t.TempDir()
	done := filepath.Join(dir, "done")
	mustTrain(t, trainArgs(done, "--epochs", "1")...)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, `"alexnet", want one of resnet8`, []string{"--arch", "alexnet"}},
		{2, "0, want 1 or more", []string{"--epochs", "0"}},
		{2, "does not go with --resume", []string{"--resume", done, "--lr", "1"}},
		{2, "no run.json there", []string{"--resume", dir}},
		{2, "--batch 900, want at most", []string{"--batch", "900", "--train-limit", "100", "--drop-last"}},
		{2, `--freeze "layer9.*" matches no trainable weight, want one of conv1.weight, `,
			append(slices.Clone(smallRun), "--freeze", "head.*", "--freeze", "layer9.*")},
		{2, `--freeze "*" matches all 11 trainable weights`, append(slices.Clone(smallRun), "--freeze", "*")},
		{2, "--freeze-statistics wants patterns", []string{"--freeze-statistics"}},
		{2, "does not go with --resume", []string{"--resume", done, "--freeze", "head.*"}},
		{3, "no such file", []string{"--init", filepath.Join(dir, "none.onnx")}},
		{3, "no such file", []string{"--data", "npz:" + filepath.Join(dir, "none.npz")}},
		{1, "epochs is 1 there, 2 here", trainArgs(done, "--epochs", "2")[1:]},
	} {
		args := append([]string{"train", "--quiet"}, c.args...)
		if !strings.Contains(strings.Join(args, " "), "--out") && !strings.Contains(strings.Join(args, " "), "--resume") {
			args = append(args, "--out", filepath.Join(dir, "never"))
		}
		code, out, msg := runMemprobe(args...)
		if code != c.code || !strings.Contains(msg, c.want) || strings.Count(msg, "\n") != 1 || out != "" {
			t.Errorf("%v: exit %d, %q, %q; want %d and %q", c.args, code, out, msg, c.code, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "never", "run.json")); err == nil {
		t.Error("a refused run left a record")
	}
}

// What TensorBoard reads has a record for each epoch and probe, is written anew by a run
// that goes on, and the projector's files have a row an image.
func TestTrainForTensorBoard(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := trainArgs(dir, "--epochs", "2", "--train-limit", "60", "--probe-every", "2", "--draws", "1", "--tensorboard")
	mustTrain(t, args...)
	lines := func(name string) int {
		b, err := os.ReadFile(filepath.Join(dir, boardDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(b), "\n")
	}
	if vectors, words := lines("embedding.tsv"), lines("metadata.tsv"); vectors != 60 || words != 61 {
		t.Errorf("%d vectors and %d lines of words, want 60 and a head more", vectors, words)
	}
	if _, err := os.Stat(filepath.Join(dir, boardDir, "sprite.png")); err != nil {
		t.Error(err)
	}
	for range 2 {
		logs, _ := filepath.Glob(filepath.Join(dir, boardDir, "*tfevents*"))
		if len(logs) != 1 {
			t.Fatalf("event files %v, want one", logs)
		}
		b, err := os.ReadFile(logs[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, tag := range []string{"loss", "fit/assigned labels, clean", "probe, true labels/embedding", "layers"} {
			if !strings.Contains(string(b), tag) {
				t.Errorf("no %q among the events", tag)
			}
		}
		mustTrain(t, args...) // the run is finished: nothing but the log is made again
	}
}

// A run whose folder was moved goes on with what is in it, not with what now is at its
// former place.
func TestMovedRun(t *testing.T) {
	root := t.TempDir()
	was, is := filepath.Join(root, "was"), filepath.Join(root, "is")
	mustTrain(t, trainArgs(was, "--epochs", "1", "--train-limit", "60")...)
	if err := os.Rename(was, is); err != nil {
		t.Fatal(err)
	}
	out := mustTrain(t, "train", "--resume", is, "--tensorboard", "--quiet")
	if !strings.Contains(out, "model    "+filepath.Join(is, "model.onnx")+"\n") {
		t.Errorf("the summary names another model than that of %s:\n%s", is, out)
	}
	if _, err := os.Stat(filepath.Join(is, boardDir, "embedding.tsv")); err != nil {
		t.Error(err)
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const smallPlan = `
about: an example
base: {arch: mlp, width: 16, train-limit: 200, test-limit: 100, batch: 50, labels: random, epochs: 4, eval-every: 0}
grid: {seed: [0, 1]}
`

// A sweep that is interrupted and started again, in as many pieces as it takes,
// ends with the models of one that is not.
func TestSweepInterrupted(t *testing.T) {
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(plan, []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	whole, pieces := filepath.Join(dir, "whole"), filepath.Join(dir, "pieces")
	code, out, msg := runMemprobe("sweep", plan, "--out", whole, "--json", "--quiet")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	var cells []outcome
	if err := json.Unmarshal([]byte(out), &cells); err != nil || len(cells) != 2 || cells[1].State != "done" {
		t.Fatalf("cells %+v, %v", cells, err)
	}
	interrupted := 0
	for i := range 200 {
		// The time grows, so that a slow machine gets on too.
		ctx, stop := context.WithTimeout(t.Context(), time.Duration(60+20*i)*time.Millisecond)
		var o, e bytes.Buffer
		code := run(ctx, []string{"sweep", plan, "--out", pieces, "--quiet", "--threads", "1"}, streams{&o, &e})
		stop()
		if code == 0 {
			break
		}
		if code != exitInterrupted {
			t.Fatalf("exit %d: %s", code, e.String())
		}
		interrupted++
	}
	if code, _, msg := runMemprobe("sweep", plan, "--out", pieces, "--quiet", "-j", "2"); code != 0 {
		t.Fatalf("exit %d after %d interruptions: %s", code, interrupted, msg)
	}
	if interrupted == 0 {
		t.Log("nothing was interrupted: the machine is too fast for this test")
	}
	for _, c := range cells {
		if a, b := sumOf(t, filepath.Join(whole, c.Name)), sumOf(t, filepath.Join(pieces, c.Name)); a != b {
			t.Errorf("%s: SHA-256 of the model is %s, and %s after %d interruptions", c.Label, a, b, interrupted)
		}
	}
	code, out, _ = runMemprobe("sweep", plan, "--out", whole, "--dry-run", "--quiet")
	if code != 0 || strings.Count(out, "finished") != 2 {
		t.Errorf("exit %d: a finished sweep lists\n%s", code, out)
	}
}

func TestSweepFailures(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plan := write("plan.yaml", smallPlan)
	bad := write("bad.yaml", "base:\n  arch: mlp\n  epoch: 3\n")
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"nothing"}, 2,
			"neither a file nor a preset (benign, capacity, conditions, ideal, noise, nuisances, strength, views)"},
		{[]string{filepath.Join(dir, "absent.yaml")}, 3, "absent.yaml: no such file"},
		{[]string{bad}, 2, "bad.yaml:3: epoch: unknown; did you mean epochs?"},
		{[]string{plan, "--seed", "3"}, 2, "--seed 3, but the plan plan varies it: leave it out"},
		{[]string{plan, "--lr", "x"}, 2, `--lr "x", want a number`},
		{[]string{plan, "--scale", "paper"}, 2, "--scale goes with a preset"},
		{[]string{"benign", "--scale", "huge"}, 2, `--scale "huge", want one of small, medium, paper`},
		{[]string{plan, "--freeze", "fc?.*", "--freeze", "a.*", "--dry-run"}, 2,
			`--freeze "a.*" matches no trainable weight, want one of fc1.weight`},
		{[]string{plan, "--index", "2"}, 2, "--index is 2, want 0 to 1"},
		{[]string{plan, "--emit", "pbs"}, 2, `--emit "pbs", want one of slurm, kubernetes, shell`},
		{[]string{plan, "-j", "-1"}, 2, "--jobs -1"},
		{[]string{plan, "--emit", "slurm", "--max-array", "0"}, 2, "--max-array 0: want at least 1"},
		{[]string{plan, "--max-array", "5"}, 2, "and --emit slurm"},
		{[]string{plan, "--index", "-5"}, 2, "--index is -5, want at least 0"},
		{[]string{plan, "--emit", "shell", "--index", "1"}, 2, "--index does not go with --emit"},
		{[]string{plan, "--emit", "shell", "-j", "2"}, 2, "--jobs does not go with --emit"},
		{[]string{plan, "--emit", "shell", "--dry-run"}, 2, "--dry-run does not go with --emit"},
		{[]string{plan, "--index", "0", "--data", "images:/nonexistent", "--out", filepath.Join(dir, "x")}, 3,
			"/nonexistent"},
	} {
		code, _, msg := runMemprobe(append([]string{"sweep", "--quiet"}, c.args...)...)
		if code != c.code || !strings.Contains(msg, c.want) {
			t.Errorf("%q: exit %d, %q; want %d, %q", c.args, code, msg, c.code, c.want)
		}
	}
	// One cell's failure does not stop the others.
	mixed := write("mixed.yaml", strings.Replace(smallPlan, "grid: {seed: [0, 1]}", "grid: {lr: [1.0e+30, 0.001]}", 1)+
		"variants: [{name: sgd, optimizer: sgd}]\n")
	code, out, msg := runMemprobe("sweep", mixed, "--quiet", "--out", filepath.Join(dir, "mixed"))
	if code != 1 || !strings.Contains(out, "done") || !strings.Contains(out, "failed") ||
		!strings.Contains(msg, "1 of 2 cells failed") {
		t.Errorf("exit %d: %s%s", code, out, msg)
	}
}

// A cell that cannot run stops the others neither where their time is estimated first, nor
// where it is listed.
func TestSweepEstimatesTheOthers(t *testing.T) {
	dir := t.TempDir()
	plan, out := filepath.Join(dir, "plan.yaml"), filepath.Join(dir, "runs")
	if err := os.WriteFile(plan, []byte(smallPlan+"variants: [{name: here}, {name: gone, data: 'idx:/nonexistent'}]\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	code, table, msg := runMemprobe("sweep", plan, "--out", out, "--dry-run", "-j", "1000000000")
	if code != exitInput || strings.Count(table, "/nonexistent: no such") != 2 || !strings.Contains(msg, "4 at a time") || !strings.Contains(msg, `cell "gone seed=0": /nonexistent`) {
		t.Errorf("dry run: exit %d: %s%s", code, table, msg)
	}
	code, table, msg = runMemprobe("sweep", plan, "--out", out)
	if code != exitFailed || strings.Count(table, "done") != 2 || strings.Count(table, "failed") != 2 {
		t.Errorf("exit %d: %s%s", code, table, msg)
	}
}

// Slurm opens a task's log before the task runs: the emitted file names a folder that
// is there.
func TestSweepEmitsForFreshFolders(t *testing.T) {
	plan := filepath.Join(t.TempDir(), "plan.yaml")
	if err := os.WriteFile(plan, []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, msg := runMemprobe("sweep", plan, "--out", filepath.Join(t.TempDir(), "not", "yet"), "--emit", "slurm")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	_, log, _ := strings.Cut(out, "#SBATCH --output=")
	log, _, _ = strings.Cut(log, "\n")
	if info, err := os.Stat(filepath.Dir(log)); err != nil || !info.IsDir() {
		t.Errorf("the log %q has no folder: %v", log, err)
	}
}

func TestSweepEmitsItself(t *testing.T) {
	dir := t.TempDir()
	plan := filepath.Join(dir, "plan.yaml")
	if err := os.WriteFile(plan, []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, msg := runMemprobe("sweep", plan, "--out", filepath.Join(dir, "runs"), "--epochs=2", "--freeze", "fc1.*",
		"--freeze", "fc2.b*", "--emit", "shell")
	if code != 0 || !strings.Contains(out, "--epochs=2 '--freeze=fc1.*,fc2.b*' --index 1 # ") {
		t.Fatalf("exit %d: %s%s", code, out, msg)
	}
	t.Setenv("JOB_COMPLETION_INDEX", "1")
	code, out, msg = runMemprobe("sweep", plan, "--out", filepath.Join(dir, "runs"), "--quiet")
	if code != 0 || strings.Contains(out, "seed=0") || !strings.Contains(out, "seed=1") {
		t.Errorf("exit %d: %s%s", code, out, msg)
	}
}

package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memprobe/internal/absent"
)

// slurm is a Slurm of one node that a test has to itself.
type slurm struct {
	t   *testing.T
	env []string
}

// startSlurm starts it, or skips where it is not installed.
func startSlurm(t *testing.T, path string) *slurm {
	t.Helper()
	for _, name := range []string{"slurmctld", "slurmd", "sbatch"} {
		if _, err := exec.LookPath(name); err != nil {
			absent.Skip(t, "no Slurm here: %v; Debian's is slurm-wlm", err)
		}
	}
	if os.Geteuid() != 0 {
		absent.Skip(t, "Slurm's node daemon wants root")
	}
	dir, err := os.MkdirTemp("", "slurm")
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("../../internal/tool/slurm.sh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command(script, "stop", dir).Run()
		os.RemoveAll(dir)
	})
	if out, err := exec.Command(script, "start", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return &slurm{t, append(os.Environ(), "SLURM_CONF="+dir+"/slurm.conf", "PATH="+path+":"+os.Getenv("PATH"))}
}

// run runs a program of Slurm's and returns what it printed.
func (s *slurm) run(name string, args ...string) string {
	s.t.Helper()
	c := exec.Command(name, args...)
	c.Env = s.env
	out, err := c.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// within waits until done holds.
func (s *slurm) within(d time.Duration, what string, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(d); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("not within %v: %s\n%s", d, what, s.run("squeue"))
		}
	}
}

// An array of cells runs under Slurm; one is put back into the queue half-way. The
// models are those of a sweep on this machine, bit for bit.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "memprobe"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	plan := filepath.Join(dir, "plan.yaml")
	text := "base: {arch: cnn, width: 8, train-limit: 500, test-limit: 100, batch: 32, labels: random, augment: crop-flip, epochs: 120, eval-every: 0}\ngrid: {seed: [0, 1, 2]}\n"
	if err := os.WriteFile(plan, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	s := startSlurm(t, dir)
	local, remote := filepath.Join(dir, "local"), filepath.Join(dir, "remote")
	code, job, msg := runMemprobe("sweep", plan, "--out", remote, "--threads", "1", "--emit", "slurm")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	file := filepath.Join(dir, "job.sh")
	if err := os.WriteFile(file, []byte(job), 0o644); err != nil {
		t.Fatal(err)
	}
	id, _, _ := strings.Cut(s.run("sbatch", "--parsable", file), ";")

	code, out, msg := runMemprobe("sweep", plan, "--dry-run", "--json", "--quiet")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	var cells []outcome
	if err := json.Unmarshal([]byte(out), &cells); err != nil || len(cells) != 3 {
		t.Fatalf("%d cells: %v", len(cells), err)
	}
	half := filepath.Join(remote, cells[0].Name)
	s.within(3*time.Minute, "the first cell's second checkpoint", func() bool {
		list, _ := filepath.Glob(filepath.Join(half, "checkpoints", "*.onnx"))
		return len(list) > 1
	})
	task := id + "_0"
	s.run("scontrol", "requeue", task)
	s.within(3*time.Minute, "the first cell to leave",
		func() bool { return !strings.Contains(s.run("squeue", "-h", "-o", "%i %t"), task+" R") })
	if state := readFinished(t, half); state {
		t.Fatal("the cell was finished before it could be put back; the test tests nothing")
	}
	s.run("scontrol", "update", "JobId="+task, "StartTime=now")
	if code, _, msg := runMemprobe("sweep", plan, "--out", local, "--quiet"); code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	s.within(8*time.Minute, "the end of all cells", func() bool { return s.run("squeue", "-h") == "" })
	for _, c := range cells {
		a, b := sumOf(t, filepath.Join(local, c.Name)), sumOf(t, filepath.Join(remote, c.Name))
		if a != b {
			logs, _ := filepath.Glob(filepath.Join(remote, "*.out"))
			t.Errorf("%s: SHA-256 of the model is %s here and %s under Slurm; logs %v", c.Label, a, b, logs)
		}
	}
}

func readFinished(t *testing.T, dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "run.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run struct{ Finished bool }
	if err := json.Unmarshal(b, &run); err != nil {
		t.Fatal(err)
	}
	return run.Finished
}

func sumOf(t *testing.T, dir string) string {
	b, err := os.ReadFile(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

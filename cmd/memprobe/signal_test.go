//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"memprobe/internal/atomicfile"
	"memprobe/internal/grace"
	"memprobe/probe/result"
)

// A command that does not see the end of its context is cut off within a second of the
// signal and leaves no temporary file; what is held until it is written gets its time.
func TestCutOff(t *testing.T) {
	const variable = "MEMPROBE_TEST_SIGNAL"
	if out := os.Getenv(variable); out != "" {
		os.Args = []string{"memprobe", "stub"}
		os.Exit(start([]command{stub(func(std streams) error {
			if filepath.Base(out) == "kept" {
				defer grace.Hold()()
				std.out.Write([]byte("begun\n"))
				time.Sleep(2 * grace.Period)
				return errors.Join(os.WriteFile(out, nil, 0o600), errors.New("interrupted"))
			}
			return atomicfile.Write(out, func(io.Writer) error {
				std.out.Write([]byte("begun\n"))
				select {}
			})
		})}))
	}
	for name, want := range map[string]int{"kept": 1, "endless": 0} {
		dir := t.TempDir()
		c := exec.Command(os.Args[0], "-test.run=^TestCutOff$")
		c.Env = append(os.Environ(), variable+"="+filepath.Join(dir, name))
		var msg bytes.Buffer
		c.Stderr = &msg
		pipe, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		io.ReadFull(pipe, make([]byte, len("begun\n")))
		start := time.Now()
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
		took := time.Since(start)
		if c.ProcessState.ExitCode() != exitInterrupted || took > 2*grace.Period+time.Second ||
			strings.Count(msg.String(), "\n") != 1 {
			t.Errorf("%s: exit %d after %v: %q", name, c.ProcessState.ExitCode(), took, msg.String())
		}
		if files, _ := os.ReadDir(dir); len(files) != want {
			t.Errorf("%s: %d files, want %d", name, len(files), want)
		}
	}
}

// A comparison of runs that takes seconds ends within one of a signal, and leaves nothing.
func TestCompareIsCutOff(t *testing.T) {
	dir := t.TempDir()
	epochs := make([]result.Epoch, 20_000)
	for i := range epochs {
		epochs[i] = result.Epoch{Epoch: i, Loss: 1.25, FitAugmented: 0.5, FitClean: 0.5, TrueClean: 0.5, Test: 0.5,
			LR: 0.001, Seconds: 1, ImagesPerSecond: 1000}
	}
	metrics := filepath.Join(dir, "metrics.csv")
	if err := atomicfile.Write(metrics, func(w io.Writer) error { return result.WriteEpochs(w, epochs) }); err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		run := filepath.Join(dir, "runs", strconv.Itoa(i))
		r := &result.Run{Config: map[string]any{"lr": float64(i), "epochs": float64(len(epochs))}, Finished: true}
		if err := errors.Join(os.MkdirAll(run, 0o755), r.WriteFile(filepath.Join(run, "run.json")),
			os.Link(metrics, filepath.Join(run, "metrics.csv"))); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "out")
	c := exec.Command("memprobe", "compare", filepath.Join(dir, "runs"), "--out", out)
	var msg bytes.Buffer
	c.Stderr = &msg
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(500 * time.Millisecond) // into its work
	start := time.Now()
	c.Process.Signal(syscall.SIGTERM)
	c.Wait()
	took := time.Since(start)
	if c.ProcessState.ExitCode() != exitInterrupted || took > grace.Period+time.Second ||
		strings.Count(msg.String(), "\n") != 1 {
		t.Errorf("exit %d after %v: %q", c.ProcessState.ExitCode(), took, msg.String())
	}
	if files, _ := os.ReadDir(out); len(files) > 0 {
		t.Errorf("%d files are left", len(files))
	}
}

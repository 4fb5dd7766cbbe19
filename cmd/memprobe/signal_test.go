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

// inTime runs f, which tells how long a process took to end, until that is within the limit:
// a busy machine makes it longer now and then, a fault makes it so each time.
func inTime(t *testing.T, limit time.Duration, f func() time.Duration) {
	t.Helper()
	var all []time.Duration
	for len(all) < 5 {
		took := f()
		if took <= limit {
			return
		}
		all = append(all, took)
	}
	t.Errorf("ends %v after the signal, want %v", all, limit)
}

// slow is an error whose kind takes longer to find than a process has after a signal.
type slow struct{ error }

func (slow) As(any) bool     { time.Sleep(grace.Period / 4); return false } // for each kind that is asked for
func (s slow) Unwrap() error { return s.error }

// A command that does not see the end of its context is cut off within a second of the
// signal and leaves no temporary file; what is held until it is written gets its time, and
// one that has ended has its own exit code. Each says what came of it once.
func TestCutOff(t *testing.T) {
	const variable = "MEMPROBE_TEST_SIGNAL"
	if out := os.Getenv(variable); out != "" {
		os.Args = []string{"memprobe", "stub"}
		os.Exit(start([]command{stub(func(std streams) error {
			switch filepath.Base(out) {
			case "kept":
				defer grace.Hold()()
				std.out.Write([]byte("begun\n"))
				time.Sleep(2 * grace.Period)
				return errors.Join(os.WriteFile(out, nil, 0o600), errors.New("interrupted"))
			case "ended":
				std.out.Write([]byte("begun\n"))
				return slow{usagef("wrong")}
			}
			return atomicfile.Write(out, func(io.Writer) error {
				std.out.Write([]byte("begun\n"))
				select {}
			})
		})}))
	}
	for _, c := range []struct {
		name        string
		code, files int
		msg         string
	}{
		{"endless", exitInterrupted, 0, interrupted + "\n"},
		{"kept", exitInterrupted, 1, interrupted + "\n"},
		{"ended", exitUsage, 0, "memprobe stub: wrong\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTime(t, 2*grace.Period+time.Second, func() time.Duration {
				dir := t.TempDir()
				child := exec.Command(os.Args[0], "-test.run=^TestCutOff$")
				child.Env = append(os.Environ(), variable+"="+filepath.Join(dir, c.name))
				var msg bytes.Buffer
				child.Stderr = &msg
				pipe, err := child.StdoutPipe()
				if err != nil {
					t.Fatal(err)
				}
				if err := child.Start(); err != nil {
					t.Fatal(err)
				}
				io.ReadFull(pipe, make([]byte, len("begun\n")))
				start := time.Now()
				child.Process.Signal(syscall.SIGTERM)
				child.Wait()
				took := time.Since(start)
				if code := child.ProcessState.ExitCode(); code != c.code || msg.String() != c.msg {
					t.Errorf("exit %d, want %d: %q", code, c.code, msg.String())
				}
				if files, _ := os.ReadDir(dir); len(files) != c.files {
					t.Errorf("%d files, want %d", len(files), c.files)
				}
				return took
			})
		})
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
	inTime(t, grace.Period+time.Second, func() time.Duration {
		code, took, msg := interruptedAfter(t, t.TempDir(), 500*time.Millisecond, // into its work
			[]string{"compare", filepath.Join(dir, "runs"), "--out", out})
		if code != exitInterrupted || strings.Count(msg, "\n") != 1 {
			t.Errorf("exit %d: %q", code, msg)
		}
		return took
	})
	if files, _ := os.ReadDir(out); len(files) > 0 {
		t.Errorf("%d files are left", len(files))
	}
}

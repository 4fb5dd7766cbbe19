package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/pflag"

	"memprobe/internal/absent"
	"memprobe/internal/mapped"
	"memprobe/internal/parallel"
)

// stub is a command that does only this.
func stub(do func(std streams) error) command {
	return command{name: "stub", setup: func(*pflag.FlagSet) func(context.Context, []string, streams) error {
		return func(_ context.Context, _ []string, std streams) error { return do(std) }
	}}
}

// A panic anywhere in a command is one line, with its place, and exit code 1.
func TestPanicIsOneLine(t *testing.T) {
	var out, msg bytes.Buffer
	code := stub(func(streams) error {
		var none []int
		return errors.New(string(rune(none[len(os.Args)])))
	}).run(t.Context(), nil, streams{&out, &msg})
	if code != exitFailed || strings.Count(msg.String(), "\n") != 1 ||
		!strings.Contains(msg.String(), "TestPanicIsOneLine") {
		t.Errorf("exit %d: %q", code, msg.String())
	}
}

// A mapped file that is cut off while threads read it ends a command with a line that names it.
func TestUnreadFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		absent.Skip(t, "files are not mapped")
	}
	for _, threads := range []int{1, 2} {
		f, err := os.Create(filepath.Join(t.TempDir(), "features"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		const size = 1 << 20
		var out, msg bytes.Buffer
		code := stub(func(streams) error {
			pool := parallel.New(threads)
			defer pool.Close()
			if err := f.Truncate(size); err != nil {
				return err
			}
			data, release, err := mapped.File(f, size, false)
			if err != nil {
				return err
			}
			defer release()
			if err := f.Truncate(0); err != nil {
				return err
			}
			var sum atomic.Int64
			pool.For(64, func(_, i int) { sum.Add(int64(data[i*size/64])) })
			return fmt.Errorf("the sum is %d", sum.Load())
		}).run(t.Context(), nil, streams{&out, &msg})
		want := "memprobe stub: " + f.Name() + ": could not be read while it was in use: it was cut off, or its disk failed\n"
		if code != exitFailed || msg.String() != want {
			t.Errorf("%d threads: exit %d: %q, want %q", threads, code, msg.String(), want)
		}
	}
}

// A result that cannot be written is a failure, though no line of it is checked.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		absent.Skip(t, "only Linux has a file that is always full: %v", err)
	}
	defer full.Close()
	for _, args := range [][]string{{"data", "list"}, {"inspect", malign}, {"inspect", malign, "--json"}, {"version"},
		{"version", "--help"}} {
		var msg bytes.Buffer
		if code := run(t.Context(), args, streams{full, &msg}); code != exitFailed || strings.Count(msg.String(), "\n") != 1 {
			t.Errorf("%q: exit %d: %q", args, code, msg.String())
		}
	}
}

// Go's runtime ends fatal errors with exit code 2, which stands for a wrong
// command line: main turns that into SIGABRT.
func TestFatalError(t *testing.T) {
	if os.Getenv("MEMPROBE_TEST_FATAL") != "" {
		debug.SetMaxStack(1 << 20)
		os.Args = []string{"memprobe", "stub"}
		start([]command{stub(func(streams) error { return endless(nil) })})
	}
	c := exec.Command(os.Args[0], "-test.run=^TestFatalError$")
	c.Env = append(os.Environ(), "MEMPROBE_TEST_FATAL=1")
	text, err := c.CombinedOutput()
	if !strings.Contains(string(text), "stack overflow") || err == nil || c.ProcessState.ExitCode() == exitUsage {
		t.Errorf("%v: %.200s", err, text)
	}
}

//lint:ignore SA5007 it is to overflow the stack
func endless(v []int) error { return errors.Join(endless(append(v, len(v)))) }

// What does not fit into the budget is one line that says how much and names the flag.
func TestMaxMemory(t *testing.T) {
	code, _, msg := runMemprobe("analyze", malign, "--max-memory", "40MiB", "--out", t.TempDir(), "--quiet")
	if code != exitInput || strings.Count(msg, "\n") != 1 || !strings.Contains(msg, "--max-memory") {
		t.Errorf("exit %d: %q", code, msg)
	}
	if code, _, msg := runMemprobe("inspect", malign, "--max-memory", "lots"); code != exitUsage ||
		strings.Count(msg, "\n") != 1 {
		t.Errorf("exit %d: %q", code, msg)
	}
	runMemprobe("version") // without the flag, the default again
}

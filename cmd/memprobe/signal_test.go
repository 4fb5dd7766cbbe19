//go:build unix

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"memprobe/internal/atomicfile"
	"memprobe/internal/grace"
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
		if c.ProcessState.ExitCode() != exitInterrupted || took > 2*grace.Period+time.Second || strings.Count(msg.String(), "\n") != 1 {
			t.Errorf("%s: exit %d after %v: %q", name, c.ProcessState.ExitCode(), took, msg.String())
		}
		if files, _ := os.ReadDir(dir); len(files) != want {
			t.Errorf("%s: %d files, want %d", name, len(files), want)
		}
	}
}

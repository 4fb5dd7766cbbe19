//go:build unix

package onnxtest

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"memprobe/internal/memory"
	"memprobe/internal/rng"
	"memprobe/internal/shared"
)

// staged are the cases that run in stages, on sequences or by operators that read
// positions from data.
var staged = regexp.MustCompile(`loop|scan|sequence|if_|identity_|optional|nonzero|compress|unique|nonmaxsuppression|roialign|deform_conv|maxunpool|crop_and_resize|range_.*expanded`)

// Models and inputs with changed bytes give a result or an error of ours: no panic, in
// time, and within the memory that there is. MEMPROBE_MUTATIONS is how many are tried.
func TestMutatedCases(t *testing.T) {
	all, err := NodeCases(shared.Path(t, "onnx-backend-tests", "node"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []NodeCase
	for _, c := range all {
		if staged.MatchString(c.String()) {
			cases = append(cases, c)
		}
	}
	tries := 2 * len(cases)
	if n, err := strconv.Atoi(os.Getenv("MEMPROBE_MUTATIONS")); err == nil {
		tries = n
	}
	const limit = 1 << 30
	memory.SetLimit(limit)
	defer memory.SetLimit(0)
	draw := rng.New(2, rng.Bench)
	for i := range tries {
		c := cases[i%len(cases)]
		dir := filepath.Join(t.TempDir(), c.String())
		mutate(t, c.Dir, dir, &draw)
		start := processors()
		if err := (NodeCase{dir}).Run(); err != nil && strings.Contains(err.Error(), "internal error") {
			keep(t, dir, err.Error())
		}
		if took := processors() - start; took > 20*time.Second {
			keep(t, dir, took.String())
		}
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapSys > 2*limit {
			keep(t, dir, "memory")
			return
		}
		os.RemoveAll(dir)
	}
}

// mutate copies a case with some bytes of one of its files changed.
func mutate(t *testing.T, from, to string, draw *rng.Stream) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(to, "model.onnx")
	if inputs, _ := filepath.Glob(filepath.Join(to, "*", "input_*.pb")); len(inputs) > 0 && draw.IntN(4) == 0 {
		path = inputs[draw.IntN(len(inputs))]
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return
	}
	for range 1 + draw.IntN(3) {
		data[draw.IntN(len(data))] ^= byte(1 << draw.IntN(8))
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// keep reports a case that went wrong and leaves it where it can be looked at.
func keep(t *testing.T, dir, why string) {
	t.Helper()
	kept, err := os.MkdirTemp("", "mutated")
	if err == nil {
		err = os.CopyFS(kept, os.DirFS(dir))
	}
	t.Errorf("%s: %s (kept in %s: %v)", filepath.Base(dir), why, kept, err)
}

// processors is the processors' time that the process has taken, which other processes do
// not lengthen.
func processors() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

//go:build unix

package atomicfile

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// What a killed process leaves goes when another writes into the folder; what a
// live one writes, and what is not ours, stays.
func TestFilesOfTheDead(t *testing.T) {
	if dir := os.Getenv("ATOMICFILE_TEST_DIR"); dir != "" {
		Temp(dir)
		TempDir()
		time.Sleep(time.Hour)
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	alien, full := filepath.Join(dir, ".other.tmp"), filepath.Join(dir, ".memprobe-1.tmp")
	if err := os.WriteFile(alien, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(full, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestFilesOfTheDead$")
	other.Env = append(os.Environ(), "ATOMICFILE_TEST_DIR="+dir)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Process.Kill()
	made := func(names []string) bool { // the folder of nobody is gone, a file and a folder are made
		return len(names) == 3 && !slices.Contains(names, filepath.Base(full))
	}
	for !made(names(t, dir)) {
		time.Sleep(5 * time.Millisecond)
	}
	write := func() []string {
		if err := Write(filepath.Join(dir, "a"), func(io.Writer) error { return nil }); err != nil {
			t.Fatal(err)
		}
		return names(t, dir)
	}
	if got := write(); len(got) != 4 {
		t.Errorf("%q, want also what a live process writes", got)
	}
	other.Process.Kill()
	other.Wait()
	if got := write(); !slices.Equal(got, []string{".other.tmp", "a"}) {
		t.Errorf("%q are left", got)
	}
}

// Processes that write into one folder at the same time take nothing from each other.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	const writers, files = 8, 40
	failed := make(chan error, writers)
	for range writers {
		go func() {
			var err error
			for i := 0; i < files && err == nil; i++ {
				err = Write(filepath.Join(dir, "a"), func(w io.Writer) error {
					_, err := io.WriteString(w, strings.Repeat("a", 100))
					return err
				})
			}
			failed <- err
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if got := names(t, dir); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%q are left", got)
	}
}

func names(t *testing.T, dir string) (out []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

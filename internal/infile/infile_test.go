//go:build unix

package infile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"memprobe/internal/absent"
	"memprobe/internal/memory"
)

func TestOnlyRegularFiles(t *testing.T) {
	dir := t.TempDir()
	pipe, file, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(file, []byte("content"), 0o600), os.Symlink(pipe, link)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{dir: errFolder, pipe: errSpecial, link: errSpecial,
		"/dev/zero": errSpecial, filepath.Join(dir, "none"): fs.ErrNotExist} {
		for _, read := range []func() error{
			func() error { _, err := Read(path); return err },
			func() error { _, _, err := Open(path); return err },
		} {
			if err := read(); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", path, err, want)
			}
		}
	}
	if data, err := Read(file); string(data) != "content" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
}

// A file that takes no room on the disk may still claim terabytes.
func TestReadWithinBudget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<42)); err != nil {
		absent.Skip(t, "no sparse files here: %v", err)
	}
	if _, err := Read(path); !errors.As(err, new(*memory.Error)) {
		t.Errorf("error %v", err)
	}
}

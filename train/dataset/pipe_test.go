//go:build unix

package dataset

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A link to a pipe among the pictures is refused at once: whoever opens a pipe waits for its writer.
func TestLinkToAPipe(t *testing.T) {
	dir := writeTree(t, imageFiles())
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := errors.Join(unix.Mkfifo(pipe, 0o600), os.Symlink(pipe, filepath.Join(dir, "train", "cat", "link.png"))); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "images:"+dir, Options{}, "link.png", "is not a regular file")
	outer := t.TempDir() // whose only folder is meant
	if err := os.Rename(dir, filepath.Join(outer, "only")); err != nil {
		t.Fatal(err)
	}
	wantFault(t, "images:"+outer, Options{}, "link.png", "is not a regular file")
}

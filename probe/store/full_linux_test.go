package store

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"memprobe/internal/absent"
)

// On a full disk everything is computed, what was stored stays, and what could not be
// is computed again.
func TestFullDisk(t *testing.T) {
	if os.Getuid() != 0 {
		absent.Skip(t, "only root mounts a small file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=128k"); err != nil {
		absent.Skip(t, "no small file system: %v", err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	notes := 0
	s := open(t, dir, Options{Note: func(string) { notes++ }})
	e := entry(t, s, "m")
	if n := fill(t, e, Share{}); n != testRows || notes != 1 {
		t.Errorf("%d rows computed with %d notes, want %d and 1", n, notes, testRows)
	}
	check(t, e, exact)
	e.Close()
	e = entry(t, s, "m")
	defer e.Close()
	if n := fill(t, e, Share{}); n == 0 || n == testRows {
		t.Errorf("%d of %d rows computed again, want what the disk did not hold", n, testRows)
	}
	check(t, e, exact)
}

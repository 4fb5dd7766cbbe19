package store

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"memprobe/internal/absent"
)

// mount returns the folder of a file system of its own.
func mount(t *testing.T, options string) string {
	t.Helper()
	if os.Getuid() != 0 {
		absent.Skip(t, "only root mounts a file system")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		absent.Skip(t, "no file system can be mounted: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// A store that may only be read is read and listed; what it does not have is computed.
func TestReadOnlyStore(t *testing.T) {
	dir := mount(t, "size=8m")
	s := open(t, dir, Options{})
	e := entry(t, s, "m")
	fill(t, e, Share{0, 2})
	e.Close()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if list, err := s.List(t.Context()); err != nil || len(list) != 1 || list[0].Busy {
		t.Errorf("the list is %v, %v", list, err)
	}
	var notes []string
	s = open(t, dir, Options{Note: func(text string) { notes = append(notes, text) }})
	e = entry(t, s, "m")
	defer e.Close()
	if n := fill(t, e, Share{0, 2}); n != 0 || notes != nil {
		t.Errorf("%d rows of what is there are computed again, notes %q", n, notes)
	}
	if n := fill(t, e, Share{}); n == 0 || n == testRows || len(notes) != 1 {
		t.Errorf("%d of %d rows computed, want those of the other half; notes %q", n, testRows, notes)
	}
	check(t, e, exact)
	if other, err := s.Entry(t.Context(), testKey("other"), "", testRows, maxChunk, testLayers); other != nil || err != nil ||
		len(notes) != 2 {
		t.Errorf("a new entry is %v, %v, notes %q; want none and why", other, err, notes)
	}
}

// On a full disk everything is computed, what was stored stays, and what could not be
// is computed again.
func TestFullDisk(t *testing.T) {
	dir := mount(t, "size=128k")
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

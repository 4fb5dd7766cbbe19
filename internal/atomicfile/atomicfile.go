// Package atomicfile writes files whole or not at all: into a temporary file
// beside the target, flushed to disk, then renamed over it. Temporary files of
// processes that were killed are removed by the next one that makes another in
// their folder.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Write replaces the file at path by what fill writes, readable by all (mode
// 0o644). If anything fails, the file that was there is left as it was.
func Write(path string, fill func(w io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	f, err := Temp(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriter(f)
	if err = fill(b); err != nil {
		return err
	}
	if err = b.Flush(); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = Rename(f, path); err != nil {
		return err
	}
	syncDir(dir)
	return nil
}

// syncDir makes a rename survive a power cut where the file system allows it;
// the file itself is whole either way.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

// pattern is that of the names of temporary files and folders.
const pattern = ".memprobe-*.tmp"

// Temp makes a temporary file in a folder, locked until it is closed, by which
// others see that it is in use.
func Temp(dir string) (*os.File, error) {
	clean(dir)
	for {
		f, err := os.CreateTemp(dir, pattern)
		if err != nil || hold(f) {
			return f, err
		}
		f.Close() // another process cleans the folder, and took the file for a dead one's
		os.Remove(f.Name())
	}
}

// TempDir makes a folder in the system's one for temporary files; remove removes
// it with all that it holds.
func TempDir() (dir string, remove func() error, err error) {
	clean(os.TempDir())
	for {
		if dir, err = os.MkdirTemp("", pattern); err != nil {
			return "", nil, err
		}
		f, err := os.Open(dir)
		if err != nil {
			return "", nil, errors.Join(err, os.Remove(dir))
		}
		if hold(f) {
			return dir, func() error { return errors.Join(os.RemoveAll(dir), f.Close()) }, nil
		}
		f.Close()
		os.Remove(dir)
	}
}

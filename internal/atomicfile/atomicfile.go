// Package atomicfile writes files whole or not at all: into a temporary file
// beside the target, flushed to disk, then renamed over it. Temporary files of
// processes that were killed are removed by the next one that makes another in
// their folder; one that ends itself calls Abandon.
package atomicfile

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Write replaces the file at path by what fill writes, readable by all (mode
// 0o644). If anything fails, the file that was there is left as it was.
func Write(path string, fill func(w io.Writer) error) (err error) {
	if err := Check(path); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := Temp(dir)
	if err != nil {
		return Named(path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			Remove(f)
			err = Named(path, err)
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

// Check returns an fs.PathError where a file at path would take the place of something
// else: of a pipe or a device, or of a folder, which a renaming refuses in words of its own.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a folder, want a file")}
	}
	return &fs.PathError{Op: "write", Path: path, Err: errors.New("is not a regular file")}
}

// Named returns an error about a temporary file as one about path, which the file was to
// become: nobody knows its other name.
func Named(path string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && temporary(e.Path) {
		return &fs.PathError{Op: e.Op, Path: path, Err: e.Err}
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok && temporary(e.Old) {
		return &fs.PathError{Op: "write", Path: path, Err: e.Err}
	}
	return err
}

func temporary(path string) bool {
	ok, _ := filepath.Match(pattern, filepath.Base(path))
	return ok
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

// ours are the paths of this process's temporary files and folders.
var ours = struct {
	sync.Mutex
	paths map[string]bool
}{paths: map[string]bool{}}

// Abandon removes the temporary files and folders of this process, which is to be ended
// next: none is made, and none gets its name, any more. Who tries waits for the end.
func Abandon() {
	ours.Lock()
	for path := range ours.paths {
		os.RemoveAll(path)
	}
}

// Temp makes a temporary file in a folder, locked until it is closed, by which
// others see that it is in use. It must be ended by Rename or Remove.
func Temp(dir string) (*os.File, error) {
	clean(dir)
	ours.Lock()
	defer ours.Unlock()
	for {
		f, err := os.CreateTemp(dir, pattern)
		if err != nil {
			return nil, err
		}
		if hold(f) {
			ours.paths[f.Name()] = true
			return f, nil
		}
		f.Close() // another process cleans the folder, and took the file for a dead one's
		os.Remove(f.Name())
	}
}

// Rename gives a temporary file its name, in the place of what has it, and closes it.
func Rename(f *os.File, path string) error {
	ours.Lock()
	defer ours.Unlock()
	if err := rename(f, path); err != nil {
		return err
	}
	delete(ours.paths, f.Name())
	return nil
}

// Remove takes a temporary file its name away. Where the system allows it, it can be
// used without one until it is closed.
func Remove(f *os.File) error {
	ours.Lock()
	defer ours.Unlock()
	delete(ours.paths, f.Name())
	return os.Remove(f.Name())
}

// TempDir makes a folder in the system's one for temporary files; remove removes
// it with all that it holds.
func TempDir() (dir string, remove func() error, err error) {
	clean(os.TempDir())
	ours.Lock()
	defer ours.Unlock()
	for {
		if dir, err = os.MkdirTemp("", pattern); err != nil {
			return "", nil, err
		}
		f, err := os.Open(dir)
		if err != nil {
			return "", nil, errors.Join(err, os.Remove(dir))
		}
		if hold(f) {
			ours.paths[dir] = true
			return dir, func() error { return errors.Join(removeDir(dir), f.Close()) }, nil
		}
		f.Close()
		os.Remove(dir)
	}
}

func removeDir(dir string) error {
	ours.Lock()
	defer ours.Unlock()
	delete(ours.paths, dir)
	return os.RemoveAll(dir)
}

//go:build unix

package atomicfile

import (
	"os"
	"path/filepath"

	"memprobe/internal/filelock"
)

// clean removes the temporary files and folders in dir that nobody holds: a lock
// ends with its process, however that ends.
func clean(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return // what is to be written there will say why
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if ok, _ := filepath.Match(pattern, name); !ok {
			continue
		}
		path := filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
			continue
		}
		f, err := os.Open(path)
		if err != nil {
			continue // of another user
		}
		if held, err := filelock.Hold(f); !held && err == nil {
			os.RemoveAll(path)
		}
		f.Close()
	}
}

// hold locks a file or folder that was just made. It reports false if a process that
// cleans was faster.
func hold(f *os.File) bool {
	if held, _ := filelock.Hold(f); held {
		return false
	} // a file system without locks is none where files are cleaned away
	here, err := f.Stat()
	if err != nil {
		return true
	}
	there, err := os.Lstat(f.Name())
	return err == nil && os.SameFile(here, there)
}

func rename(f *os.File, path string) error {
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return f.Close() // last, so that it is held while it has its temporary name
}

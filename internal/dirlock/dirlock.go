// Package dirlock keeps two processes from writing into one folder.
package dirlock

import (
	"fmt"
	"os"
	"path/filepath"
)

// file is what is locked. It stays behind, empty; the lock ends with its process,
// however that ends.
const file = ".lock"

// BusyError is a folder that another process holds.
type BusyError struct{ Dir string }

func (e *BusyError) Error() string { return fmt.Sprintf("%s: another process is writing here", e.Dir) }

// Acquire takes the folder, which must exist, without waiting, and returns what
// gives it back. A folder that is held is a BusyError.
func Acquire(dir string) (release func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	held, err := tryLock(f)
	if held || err != nil {
		f.Close()
		if held {
			err = &BusyError{dir}
		}
		return nil, err
	}
	return func() { f.Close() }, nil
}

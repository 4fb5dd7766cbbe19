//go:build unix

package dataset

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of a file, shared and writable if the file
// is.
func mapFile(f *os.File, size int64) (data []byte, release func() error, err error) {
	data, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return data, func() error { return unix.Munmap(data) }, nil
}

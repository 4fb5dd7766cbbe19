//go:build unix

package dataset

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapFile maps the first size bytes of a file, to be written to or only read.
func mapFile(f *os.File, size int64, write bool) (data []byte, release func() error, err error) {
	prot := unix.PROT_READ
	if write {
		prot |= unix.PROT_WRITE
	}
	data, err = unix.Mmap(int(f.Fd()), 0, int(size), prot, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, &os.PathError{Op: "mmap", Path: f.Name(), Err: err}
	}
	return data, func() error { return unix.Munmap(data) }, nil
}

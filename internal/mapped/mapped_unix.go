//go:build unix

package mapped

import (
	"os"

	"golang.org/x/sys/unix"
)

// File maps the first size bytes of a file, to be written to or only read. The file
// may be closed; release ends the mapping.
func File(f *os.File, size int64, write bool) (data []byte, release func() error, err error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
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

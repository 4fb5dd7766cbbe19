//go:build unix

package mapped

import (
	"os"
	"unsafe"

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

// Forget lets go of the pages that lie in part, of a mapping that is only read. What is
// read again comes from the file.
func Forget(part []byte) {
	page := os.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(part)))) & (page - 1)
	if n := (len(part) - skip) &^ (page - 1); n > 0 {
		_ = unix.Madvise(part[skip:skip+n], unix.MADV_DONTNEED) // advice: where it is not taken, memory is
	}
}

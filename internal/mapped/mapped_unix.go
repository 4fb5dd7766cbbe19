//go:build unix

package mapped

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

type mapping struct {
	size     uintptr
	path     string
	released bool
}

// maps are the mappings that there are, by their addresses, and the last ones that there
// were: what a panic unwinds releases them before it is asked which file it was.
var maps = struct {
	sync.Mutex
	of map[uintptr]*mapping
}{of: map[uintptr]*mapping{}}

const maxReleased = 1000

// remember adds a mapping, in the place of released ones where it lies.
func remember(at, size uintptr, path string) *mapping {
	maps.Lock()
	defer maps.Unlock()
	full := len(maps.of) > maxReleased
	for begin, m := range maps.of {
		if m.released && (full || begin < at+size && at < begin+m.size) {
			delete(maps.of, begin)
		}
	}
	m := &mapping{size, path, false}
	maps.of[at] = m
	return m
}

func (m *mapping) release() {
	maps.Lock()
	defer maps.Unlock()
	m.released = true
}

// At is the path of the file that is, or was last, mapped at an address; "" if none was.
func At(address uintptr) string {
	maps.Lock()
	defer maps.Unlock()
	for at, m := range maps.of {
		if address >= at && address-at < m.size {
			return m.path
		}
	}
	return ""
}

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
	m := remember(uintptr(unsafe.Pointer(unsafe.SliceData(data))), uintptr(size), f.Name())
	return data, func() error {
		m.release()
		return unix.Munmap(data)
	}, nil
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

//go:build !unix

package mapped

import (
	"io"
	"os"
)

// File reads the first size bytes of a file, where files cannot be mapped: what is
// written to them stays in memory.
func File(f *os.File, size int64, write bool) (data []byte, release func() error, err error) {
	data = make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(f, 0, size), data)
	return data, func() error { return nil }, err
}

// Forget does nothing: what was read stays in memory.
func Forget(part []byte) {}

// At is "", since nothing is mapped.
func At(address uintptr) string { return "" }

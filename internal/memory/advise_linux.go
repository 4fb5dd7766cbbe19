package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a huge page on the processors that memprobe has kernels for.
const hugePage = 2 << 20

// advise asks for huge pages within b.
func advise(b []byte) {
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (hugePage - 1)
	if n := (len(b) - skip) &^ (hugePage - 1); n > 0 {
		_ = unix.Madvise(b[skip:skip+n], unix.MADV_HUGEPAGE) // advice: where it is not taken, pages are small
	}
}

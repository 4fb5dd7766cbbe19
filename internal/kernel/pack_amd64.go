//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/ref"
)

// packCopy is [ref.PackCopy].
func packCopy(dst, src *float32, ld, k, width int) {
	switch {
	case useAVX2 && width == ref.NR:
		avx2.PackCopy16(dst, src, ld, k)
	case useAVX2 && width == ref.MR:
		avx2.PackCopy6(dst, src, ld, k)
	default:
		ref.PackCopy(dst, src, ld, k, width)
	}
}

// packTranspose is [ref.PackTranspose].
func packTranspose(dst, src *float32, ld, k, width int) {
	switch {
	case useAVX2 && width == ref.NR:
		avx2.PackTranspose16(dst, src, ld, k)
	case useAVX2 && width == ref.MR:
		avx2.PackTranspose6(dst, src, ld, k)
	default:
		ref.PackTranspose(dst, src, ld, k, width)
	}
}

// packGather is [ref.PackGather].
func packGather(dst, src *float32, off *int32, k int) {
	if useAVX2 {
		avx2.PackGather16(dst, src, off, k)
		return
	}
	ref.PackGather(dst, src, off, k)
}

// zip is [ref.Zip].
func zip(dst, even, odd *float32, n int) {
	if useAVX2 {
		avx2.Zip2(dst, even, odd, n)
		return
	}
	ref.Zip(dst, even, odd, n)
}

// copyRows is [ref.CopyRows]; n is positive.
func copyRows(dst, src *float32, rows, n, dstLD, srcLD, stride int) {
	switch {
	case useAVX2 && stride == 1:
		avx2.CopyRows1(dst, src, rows, n, dstLD, srcLD)
	case useAVX2 && stride == 2:
		avx2.CopyRows2(dst, src, rows, n, dstLD, srcLD)
	default:
		ref.CopyRows(dst, src, rows, n, dstLD, srcLD, stride)
	}
}

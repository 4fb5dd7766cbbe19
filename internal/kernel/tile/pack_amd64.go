//go:build amd64 && !purego

package tile

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// packCopy is [ref.PackCopy].
func packCopy(dst, src *float32, ld, k, width int) {
	switch {
	case cpu.AVX2 && width == ref.NR:
		avx2.PackCopy16(dst, src, ld, k)
	case cpu.AVX2 && width == ref.MR:
		avx2.PackCopy6(dst, src, ld, k)
	default:
		ref.PackCopy(dst, src, ld, k, width)
	}
}

// packCopies is [ref.PackCopies].
func packCopies(dst, src *float32, ld, k int) {
	if cpu.AVX2 {
		avx2.PackCopies(dst, src, ld, k)
		return
	}
	ref.PackCopies(dst, src, ld, k)
}

// packTranspose is [ref.PackTranspose].
func packTranspose(dst, src *float32, ld, k, width int) {
	switch {
	case cpu.AVX2 && width == ref.NR:
		avx2.PackTranspose16(dst, src, ld, k)
	case cpu.AVX2 && width == ref.MR:
		avx2.PackTranspose6(dst, src, ld, k)
	default:
		ref.PackTranspose(dst, src, ld, k, width)
	}
}

// PackGather is [ref.PackGather].
func PackGather(dst, src *float32, off *int32, k int) {
	if cpu.AVX2 {
		avx2.PackGather16(dst, src, off, k)
		return
	}
	ref.PackGather(dst, src, off, k)
}

// Zip is [ref.Zip].
func Zip(dst, even, odd *float32, n int) {
	if cpu.AVX2 {
		avx2.Zip2(dst, even, odd, n)
		return
	}
	ref.Zip(dst, even, odd, n)
}

// CopyRows is [ref.CopyRows]; n is positive.
func CopyRows(dst, src *float32, rows, n, dstLD, srcLD, stride int) {
	switch {
	case cpu.AVX2 && stride == 1:
		avx2.CopyRows1(dst, src, rows, n, dstLD, srcLD)
	case cpu.AVX2 && stride == 2:
		avx2.CopyRows2(dst, src, rows, n, dstLD, srcLD)
	default:
		ref.CopyRows(dst, src, rows, n, dstLD, srcLD, stride)
	}
}

// channelsLast is [ref.ChannelsLast] for p.N of at least 1.
func channelsLast(p *ref.Pixels) {
	if cpu.AVX2 {
		avx2.ChannelsLast(p)
		return
	}
	ref.ChannelsLast(p)
}

// Fetch brings x into the second level of the cache.
func Fetch(x []float32) {
	if cpu.AVX2 && len(x) > 0 {
		avx2.Fetch(&x[0], parallel.Chunks(len(x), 16))
	}
}

// Spread is [ref.Spread].
func Spread(p *ref.Planes) {
	switch {
	case !cpu.AVX2 || p.N < VL:
		ref.Spread(p)
	case p.LD%pageFloats == 0:
		spreadPages(p)
	case cpu.AVX512 && p.N >= NR:
		avx512.Spread(p)
	default:
		avx2.Spread(p)
	}
}

// pageFloats are those of a page of memory. Lines of the cache that are some of these apart share one
// set of the first level, and to write more than eight of them in turn takes twice as long.
const pageFloats = 1024

// spreadPages is Spread of planes of whole pages, of which the kernel for AVX2 writes four at a time.
// It reads some pixels for each four planes again, from the first-level cache.
func spreadPages(p *ref.Planes) {
	for k, n := 0, 0; k < p.N; k += n {
		if n = p.N - k; n >= togetherPixels+VL {
			n = togetherPixels
		}
		part := p.Part(k, n)
		avx2.Spread(&part)
	}
}

// CopiesPadded reports whether CopyPadded is faster than CopyRows.
func CopiesPadded() bool { return cpu.AVX512 }

// CopyPadded is [ref.CopyPadded]; stride is 1 or 2.
func CopyPadded(p *ref.PaddedCopy, stride int) {
	switch {
	case !cpu.AVX512:
		ref.CopyPadded(p, stride)
	case stride == 1:
		avx512.CopyPadded1(p)
	case p.Between != 0:
		avx512.CopyPaddedBoth(p)
	default:
		avx512.CopyPadded2(p)
	}
}

//go:build !amd64 || purego

package tile

import "memprobe/internal/kernel/ref"

// packCopy is [ref.PackCopy].
func packCopy(dst, src *float32, ld, k, width int) { ref.PackCopy(dst, src, ld, k, width) }

// packCopies is [ref.PackCopies].
func packCopies(dst, src *float32, ld, k int) { ref.PackCopies(dst, src, ld, k) }

// packTranspose is [ref.PackTranspose].
func packTranspose(dst, src *float32, ld, k, width int) { ref.PackTranspose(dst, src, ld, k, width) }

// PackGather is [ref.PackGather].
func PackGather(dst, src *float32, off *int32, k int) { ref.PackGather(dst, src, off, k) }

// Zip is [ref.Zip].
func Zip(dst, even, odd *float32, n int) { ref.Zip(dst, even, odd, n) }

// CopyRows is [ref.CopyRows]; n is positive.
func CopyRows(dst, src *float32, rows, n, dstLD, srcLD, stride int) {
	ref.CopyRows(dst, src, rows, n, dstLD, srcLD, stride)
}

// channelsLast is [ref.ChannelsLast].
func channelsLast(p *ref.Pixels) { ref.ChannelsLast(p) }

// Fetch does nothing.
func Fetch([]float32) {}

// Spread is [ref.Spread].
func Spread(p *ref.Planes) { ref.Spread(p) }

// CopiesPadded reports whether CopyPadded is faster than CopyRows.
func CopiesPadded() bool { return false }

// CopyPadded is [ref.CopyPadded]; stride is 1 or 2.
func CopyPadded(p *ref.PaddedCopy, stride int) { ref.CopyPadded(p, stride) }

//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/ref"
)

// depthConv is [ref.DepthConv].
func depthConv(d *ref.Depth) {
	if useAVX2 {
		avx2.DepthConv(d)
		return
	}
	ref.DepthConv(d)
}

// depthGrad is [ref.DepthGrad].
func depthGrad(d *ref.Depth) {
	if useAVX2 {
		avx2.DepthGrad(d)
		return
	}
	ref.DepthGrad(d)
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

//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
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

// hasDepthRows reports whether depthRowsConv is faster than depthConv.
func hasDepthRows() bool { return useAVX512 }

// depthRowsConv is [ref.DepthRowsConv], for windows and strides that
// [suitsDepthRows] allows.
func depthRowsConv(d *ref.DepthRows, taps, stride, lanes int) {
	switch wide := lanes == 2*vl; {
	case taps == 3 && stride == 1 && wide:
		avx512.DepthRows3x1x16(d)
	case taps == 3 && stride == 1:
		avx512.DepthRows3x1x8(d)
	case taps == 3 && wide:
		avx512.DepthRows3x2x16(d)
	case taps == 3:
		avx512.DepthRows3x2x8(d)
	case stride == 1 && wide:
		avx512.DepthRows5x1x16(d)
	case stride == 1:
		avx512.DepthRows5x1x8(d)
	case wide:
		avx512.DepthRows5x2x16(d)
	default:
		avx512.DepthRows5x2x8(d)
	}
}

// hasDepthLanes reports whether depthLanesConv is faster than a product.
func hasDepthLanes() bool { return useAVX512 }

// depthLanesConv is [ref.DepthLanesConv].
func depthLanesConv(d *ref.DepthLanes) { avx512.DepthLanesConv(d) }

// depthGrad is [ref.DepthGrad].
func depthGrad(d *ref.Depth) {
	if useAVX2 {
		avx2.DepthGrad(d)
		return
	}
	ref.DepthGrad(d)
}

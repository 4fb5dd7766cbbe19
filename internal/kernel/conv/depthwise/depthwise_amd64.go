//go:build amd64 && !purego

package depthwise

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
)

// convolve is [ref.DepthConv].
func convolve(d *ref.Depth) {
	if cpu.AVX2 {
		avx2.DepthConv(d)
		return
	}
	ref.DepthConv(d)
}

// hasRows reports whether rowsConvolve is faster than convolve.
func hasRows() bool { return cpu.AVX512 }

// rowsConvolve is [ref.DepthRowsConv], for windows and strides that
// [suitsRows] allows.
func rowsConvolve(d *ref.DepthRows, taps, stride, lanes int) {
	switch wide := lanes == 2*tile.VL; {
	case taps == 3 && stride == 1 && wide:
		avx512.DepthRows3x1x16(d)
	case taps == 3 && stride == 1:
		avx512.DepthRows3x1x8(d)
	case taps == 3 && wide:
		avx512.DepthRows3x2x16(d)
	case taps == 3:
		avx512.DepthRows3x2x8(d)
	case taps == 7 && wide:
		avx512.DepthRows7x1x16(d)
	case taps == 7:
		avx512.DepthRows7x1x8(d)
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

// hasLanes reports whether lanesConvolve is faster than a product.
func hasLanes() bool { return cpu.AVX512 }

// lanesConvolve is [ref.DepthLanesConv].
func lanesConvolve(d *ref.DepthLanes) { avx512.DepthLanesConv(d) }

// gradient is [ref.DepthGrad].
func gradient(d *ref.Depth) {
	if cpu.AVX2 {
		avx2.DepthGrad(d)
		return
	}
	ref.DepthGrad(d)
}

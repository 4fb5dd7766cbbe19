//go:build amd64 && !purego

package depthwise

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
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
func rowsConvolve(d *ref.DepthRows, taps, stride int) {
	switch {
	case taps == 3 && stride == 1:
		avx512.DepthRows3x1(d)
	case taps == 3:
		avx512.DepthRows3x2(d)
	case taps == 7:
		avx512.DepthRows7x1(d)
	case stride == 1:
		avx512.DepthRows5x1(d)
	default:
		avx512.DepthRows5x2(d)
	}
}

// halvesConvolve is rowsConvolve for planes that [suitsHalves] allows.
func halvesConvolve(d *ref.DepthRows, taps, stride int) {
	switch {
	case taps == 3 && stride == 1:
		avx512.DepthHalves3x1(d)
	case taps == 3:
		avx512.DepthHalves3x2(d)
	case taps == 7:
		avx512.DepthHalves7x1(d)
	case stride == 1:
		avx512.DepthHalves5x1(d)
	default:
		avx512.DepthHalves5x2(d)
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

// HasTurned reports whether convolutions of what is turned are fast.
func HasTurned() bool { return cpu.AVX512 }

// turnedConvolve is [ref.DepthTurnedConv], for windows and strides that [SuitsTurned] allows.
func turnedConvolve(d *ref.DepthTurned, taps, stride int) {
	switch {
	case taps == 3 && stride == 1:
		avx512.DepthTurned3x1(d)
	case taps == 3:
		avx512.DepthTurned3x2(d)
	case stride == 1:
		avx512.DepthTurned5x1(d)
	default:
		avx512.DepthTurned5x2(d)
	}
}

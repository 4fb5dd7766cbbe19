//go:build amd64 && !purego

package pool

import (
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// hasRows reports whether there are kernels of [ref.PoolRows].
func hasRows() bool { return cpu.AVX512 }

// maxRows is [ref.MaxRows], for taps and strides that [suitsRows] allows.
func maxRows(p *ref.PoolRows, taps, stride int) bool {
	switch {
	case taps == 2 && stride == 1:
		return avx512.MaxRows2x1(p)
	case taps == 2:
		return avx512.MaxRows2x2(p)
	case stride == 1:
		return avx512.MaxRows3x1(p)
	}
	return avx512.MaxRows3x2(p)
}

// maxIndexRows is [ref.MaxIndexRows], for the same.
func maxIndexRows(p *ref.PoolRows, taps, stride int) bool {
	switch {
	case taps == 2 && stride == 1:
		return avx512.MaxIndexRows2x1(p)
	case taps == 2:
		return avx512.MaxIndexRows2x2(p)
	case stride == 1:
		return avx512.MaxIndexRows3x1(p)
	}
	return avx512.MaxIndexRows3x2(p)
}

// avgRows is [ref.AvgRows], for the same.
func avgRows(p *ref.PoolRows, taps, stride int) {
	switch {
	case taps == 2 && stride == 1:
		avx512.AvgRows2x1(p)
	case taps == 2:
		avx512.AvgRows2x2(p)
	case stride == 1:
		avx512.AvgRows3x1(p)
	default:
		avx512.AvgRows3x2(p)
	}
}

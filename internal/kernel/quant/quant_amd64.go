//go:build amd64 && !purego

package quant

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

func tileS8U8(t *ref.ByteTile) {
	switch {
	case cpu.AVX512 && cpu.VNNI:
		avx512.TileS8U8(t)
	case cpu.AVX2:
		avx2.TileS8U8(t)
	default:
		ref.TileS8U8(t)
	}
}

func tileU8S8(t *ref.ByteTile) {
	switch {
	case cpu.AVX512 && cpu.VNNI:
		avx512.TileU8S8(t)
	case cpu.AVX2:
		avx2.TileU8S8(t)
	default:
		ref.TileU8S8(t)
	}
}

// whole is how many of n elements assembly does, which takes so many at a time.
func whole(n, at int) int {
	if cpu.AVX2 {
		return n - n%at
	}
	return 0
}

func requantize(dst []uint8, src []int32, bias int32, scale, lo, hi float32, zero int32) {
	if cpu.AVX512 && len(dst)%16 == 0 {
		avx512.Requantize(dst, src, bias, scale, lo, hi, zero)
		return
	}
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.Requantize(dst[:n], src, bias, scale, lo, hi, zero)
	}
	ref.Requantize(dst[n:], src[n:], bias, scale, lo, hi, zero)
}

func requantizeColumns(dst []uint8, src, bias []int32, scale []float32, lo, hi float32, zero int32) {
	if cpu.AVX512 && len(dst)%16 == 0 {
		avx512.RequantizeColumns(dst, src, bias, scale, lo, hi, zero)
		return
	}
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.RequantizeColumns(dst[:n], src, bias, scale, lo, hi, zero)
	}
	ref.RequantizeColumns(dst[n:], src[n:], bias[n:], scale[n:], lo, hi, zero)
}

func quantize(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.Quantize(dst[:n], x, scale, lo, hi, zero)
	}
	ref.Quantize(dst[n:], x[n:], scale, lo, hi, zero)
}

func roundScaled(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.RoundScaled(dst[:n], x, scale, lo, hi, zero)
	}
	ref.RoundScaled(dst[n:], x[n:], scale, lo, hi, zero)
}

func dequantize(dst []float32, x []uint8, flip uint8, scale float32, zero int32) {
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.Dequantize(dst[:n], x, flip, scale, zero)
	}
	ref.Dequantize(dst[n:], x[n:], flip, scale, zero)
}

func addQuantized(dst, a, b []uint8, flip uint8, scaleA, scaleB, fixed, lo, hi float32) {
	n := whole(len(dst), 8)
	if n > 0 {
		avx2.AddQuantized(dst[:n], a, b, flip, scaleA, scaleB, fixed, lo, hi)
	}
	ref.AddQuantized(dst[n:], a[n:], b[n:], flip, scaleA, scaleB, fixed, lo, hi)
}

func interleave(dst, src []uint8, stride, n int, flip uint8) {
	k := whole(n, 16)
	if k > 0 {
		avx2.Interleave(&dst[0], &src[0], stride, k, flip)
	}
	switch {
	case k == n:
	case k > 0: // the last 16 once more
		avx2.Interleave(&dst[4*(n-16)], &src[n-16], stride, 16, flip)
	default:
		ref.Interleave(&dst[0], &src[0], stride, n, flip)
	}
}

func maxBytes(dst, a, b []uint8, flip uint8) {
	n, all := whole(len(dst), 32), len(dst)
	if n > 0 {
		avx2.MaxBytes(dst[:n], a, b, flip)
	}
	switch {
	case n == all:
	case n > 0: // the last 32 once more: a maximum of what it is stays
		avx2.MaxBytes(dst[all-32:], a[all-32:], b[all-32:], flip)
	default:
		ref.MaxBytes(dst, a, b, flip)
	}
}

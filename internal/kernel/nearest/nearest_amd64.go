//go:build amd64 && !purego

package nearest

import (
	"unsafe"

	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

func tileI16(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	switch {
	case cpu.VNNI:
		avx512.TileI16VNNI(c, ldc, a, b, pairs, accumulate)
	case cpu.AVX512:
		avx512.TileI16(c, ldc, a, b, pairs, accumulate)
	case cpu.AVX2:
		quarters(c, ldc, a, b, pairs, accumulate)
	default:
		ref.TileI16(c, ldc, a, b, pairs, accumulate)
	}
}

// FastI8 reports whether TileI8 takes half the time of TileI16 an element, or else many times as long.
func FastI8() bool { return cpu.VNNI }

func tileI8(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	if cpu.VNNI {
		avx512.TileI8(c, ldc, a, b, pairs, accumulate)
		return
	}
	ref.TileI8(c, ldc, a, b, pairs, accumulate)
}

// quarters computes a tile in tiles of 4 by 16.
func quarters(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	for i := 0; i < Rows; i += 4 {
		from := (*int16)(unsafe.Add(unsafe.Pointer(a), 4*i))
		for j := 0; j < Cols; j += 16 {
			avx2.QuarterTileI16((*int32)(unsafe.Add(unsafe.Pointer(c), 4*(i*ldc+j))), ldc, from,
				(*int16)(unsafe.Add(unsafe.Pointer(b), 4*j)), pairs, accumulate)
		}
	}
}

func above(dst *int32, scores *float32, dots *int32, weight, bias, bar *float32, n int,
	a, b, c, threshold float32) int {
	switch {
	case cpu.AVX512:
		return avx512.Above(dst, scores, dots, weight, bias, bar, n, a, b, c, threshold)
	case cpu.AVX2:
		return avx2.Above(dst, scores, dots, weight, bias, bar, n, a, b, c, threshold)
	default:
		return ref.Above(dst, scores, dots, weight, bias, bar, n, a, b, c, threshold)
	}
}

func peaksOf(peaks *float32, dots *int32, weight, bias *float32, n int, a, b, c float32) {
	switch {
	case cpu.AVX512:
		avx512.Peaks(peaks, dots, weight, bias, n, a, b, c)
	case cpu.AVX2:
		avx2.Peaks(peaks, dots, weight, bias, n, a, b, c)
	default:
		ref.Peaks(peaks, dots, weight, bias, n, a, b, c)
	}
}

func countAbove(v *float32, n int, threshold float32) int {
	if cpu.AVX2 {
		return avx2.CountAbove(v, n, threshold)
	}
	return ref.CountAbove(v, n, threshold)
}

func prefetch(x []uint8) {
	if cpu.AVX2 {
		avx2.Prefetch(x)
	}
}

func squaredDistance(a, b []float32) float64 {
	if cpu.AVX2 {
		return avx2.SquaredDistance(a, b)
	}
	return ref.SquaredDistance(a, b)
}

func centredSums(x []float32, mean []float64, f float64) (square, along float64) {
	if cpu.AVX2 {
		return avx2.CentredSums(x, mean, f)
	}
	return ref.CentredSums(x, mean, f)
}

func roundCentred(dst []int16, width int, x []float32, mean []float64, f, unit float64) (whole, residual float64) {
	if cpu.AVX2 {
		return avx2.RoundCentred(dst, width, x, mean, f, unit)
	}
	return ref.RoundCentred(dst, width, x, mean, f, unit)
}

func addCentred(sum []float64, x []float32, mean []float64, f float64) {
	if cpu.AVX2 {
		avx2.AddCentred(sum, x, mean, f)
		return
	}
	ref.AddCentred(sum, x, mean, f)
}

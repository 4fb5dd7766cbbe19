//go:build amd64 && !purego

package nearest

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

func tileI16(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	switch {
	case cpu.AVX512:
		avx512.TileI16(c, ldc, a, b, pairs, accumulate)
	case cpu.AVX2:
		avx2.TileI16(c, ldc, a, b, pairs, accumulate)
	default:
		ref.TileI16(c, ldc, a, b, pairs, accumulate)
	}
}

func above(dst, dots *int32, weight, bias *float32, n int, scale, threshold float32) int {
	if cpu.AVX2 {
		return avx2.Above(dst, dots, weight, bias, n, scale, threshold)
	}
	return ref.Above(dst, dots, weight, bias, n, scale, threshold)
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

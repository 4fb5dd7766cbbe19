//go:build !amd64 || purego

package nearest

import "memprobe/internal/kernel/ref"

func tileI16(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	ref.TileI16(c, ldc, a, b, pairs, accumulate)
}

// FastI8 reports whether TileI8 takes half the time of TileI16 an element, or else many times as long.
func FastI8() bool { return false }

func tileI8(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	ref.TileI8(c, ldc, a, b, pairs, accumulate)
}

func above(dst *int32, scores *float32, dots *int32, weight, bias, bar *float32, n int,
	a, b, c, threshold float32) int {
	return ref.Above(dst, scores, dots, weight, bias, bar, n, a, b, c, threshold)
}

func peaksOf(peaks *float32, dots *int32, weight, bias *float32, n int, a, b, c float32) {
	ref.Peaks(peaks, dots, weight, bias, n, a, b, c)
}

func countAbove(v *float32, n int, threshold float32) int {
	return ref.CountAbove(v, n, threshold)
}

func prefetch([]uint8) {}

func squaredDistance(a, b []float32) float64 { return ref.SquaredDistance(a, b) }

func centredSums(x []float32, mean []float64, f float64) (square, along float64) {
	return ref.CentredSums(x, mean, f)
}

func roundCentred(dst []int16, width int, x []float32, mean []float64, f, unit float64) (whole, residual float64) {
	return ref.RoundCentred(dst, width, x, mean, f, unit)
}

func addCentred(sum []float64, x []float32, mean []float64, f float64) {
	ref.AddCentred(sum, x, mean, f)
}

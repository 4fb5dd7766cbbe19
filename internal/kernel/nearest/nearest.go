package nearest

import "memprobe/internal/kernel/ref"

// Shape of the tiles that TileI16 computes.
const (
	Rows = ref.NearRows
	Cols = ref.NearCols
)

// TileI16 computes, of two packed strips of int16 in pairs of k,
//
//	c[i·ldc+j] [+]= Σ_p a[p][i][0]·b[p][j][0] + a[p][i][1]·b[p][j][1]
//
// a [pairs][Rows][2], b [pairs][Cols][2], c Rows rows of Cols,
// ldc apart; with accumulate the old c is added. Sums are exact while they fit
// into int32, and modulo 2³² otherwise.
func TileI16(c []int32, ldc int, a, b []int16, pairs int, accumulate bool) {
	if pairs < 1 || ldc < Cols || len(c) < (Rows-1)*ldc+Cols ||
		len(a) < pairs*Rows*2 || len(b) < pairs*Cols*2 {
		panic("kernel: TileI16: slices shorter than the tile")
	}
	tileI16(&c[0], ldc, &a[0], &b[0], pairs, accumulate)
}

// Above stores in dst, in ascending order, the indices j with
//
//	float32(dots[j])·weight[j] + scale·bias[j] >= threshold
//
// (each product rounded to float32 before the sum) and returns their number.
// NaN is not above anything. len(dots) is a multiple of 8; the others are at
// least as long.
func Above(dst, dots []int32, weight, bias []float32, scale, threshold float32) int {
	n := len(dots)
	if n%8 != 0 || len(dst) < n || len(weight) < n || len(bias) < n {
		panic("kernel: Above: lengths")
	}
	if n == 0 {
		return 0
	}
	return above(&dst[0], &dots[0], &weight[0], &bias[0], n, scale, threshold)
}

// SquaredDistance returns Σ (a−b)² over the elements of a, in float64. The
// order of the sum is fixed, see [ref.SquaredDistance].
func SquaredDistance(a, b []float32) float64 {
	if len(b) < len(a) {
		panic("kernel: SquaredDistance: lengths")
	}
	return squaredDistance(a, b)
}

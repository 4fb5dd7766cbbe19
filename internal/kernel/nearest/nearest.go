package nearest

import (
	"math"
	"unsafe"

	"memprobe/internal/kernel/ref"
)

// Shape of the tiles that TileI16 computes, and the vectors of a strip.
const (
	Rows  = ref.NearRows
	Cols  = ref.NearCols
	Strip = ref.NearStrip
)

// TileI16 computes, of Rows vectors of a packed strip, of which a begins at the first, and all Cols
// vectors of another, in pairs of k,
//
//	c[i·ldc+j] [+]= Σ_p a[p][i][0]·b[p][j][0] + a[p][i][1]·b[p][j][1]
//
// a and b [pairs][Strip][2], c Rows rows of Cols, ldc apart; with accumulate the old c is added.
// Sums are exact while they fit into int32, and modulo 2³² otherwise.
func TileI16(c []int32, ldc int, a, b []int16, pairs int, accumulate bool) {
	checkTile(c, ldc, a, b, pairs)
	tileI16(&c[0], ldc, &a[0], &b[0], pairs, accumulate)
}

// TileI8 is [TileI16] of bytes, those of a from −128 to 127 and those of b from 0 to 255, four in
// the place of a pair, the first in the lower half of the first int16:
//
//	c[i·ldc+j] [+]= Σ_p Σ_t a[p][i][t]·b[p][j][t]
func TileI8(c []int32, ldc int, a, b []int16, pairs int, accumulate bool) {
	checkTile(c, ldc, a, b, pairs)
	tileI8(&c[0], ldc, &a[0], &b[0], pairs, accumulate)
}

// checkTile holds the operands of a tile to their lengths.
func checkTile(c []int32, ldc int, a, b []int16, pairs int) {
	if pairs < 1 || ldc < Cols || len(c) < (Rows-1)*ldc+Cols ||
		len(a) < (pairs-1)*Strip*2+Rows*2 || len(b) < pairs*Strip*2 {
		panic("kernel: tile: slices shorter than the tile")
	}
}

// Line says how scores are made of dot products,
//
//	score[j] = float32(dots[j])·(A·weight[j]) + (B·bias[j] + C)
//
// each operation rounded to float32.
type Line struct{ A, B, C float32 }

// Above stores in dst, in ascending order, the indices j of which the score is at least the
// smaller of bar[j] and threshold, which are not NaN, and their scores. It returns their number.
// NaN is not above anything. len(dots) is a multiple of 16; the others are at least as long. What
// is in dst and scores beyond the number is undefined.
func Above(dst []int32, scores []float32, dots []int32, weight, bias, bar []float32, l Line, threshold float32) int {
	n := len(dots)
	if n%16 != 0 || len(dst) < n || len(scores) < n || len(weight) < n || len(bias) < n || len(bar) < n {
		panic("kernel: Above: lengths")
	}
	if n == 0 {
		return 0
	}
	return above(&dst[0], &scores[0], &dots[0], &weight[0], &bias[0], &bar[0], n, l.A, l.B, l.C, threshold)
}

// Peaks sets peaks[j] to the score where that is greater; neither is NaN. len(dots) is a multiple
// of 16; the others are at least as long.
func Peaks(peaks []float32, dots []int32, weight, bias []float32, l Line) {
	n := len(dots)
	if n%16 != 0 || len(peaks) < n || len(weight) < n || len(bias) < n {
		panic("kernel: Peaks: lengths")
	}
	if n > 0 {
		peaksOf(&peaks[0], &dots[0], &weight[0], &bias[0], n, l.A, l.B, l.C)
	}
}

// CountAbove returns how many elements of v are at least threshold; NaN is not. len(v) is a
// multiple of 8.
func CountAbove(v []float32, threshold float32) int {
	switch {
	case len(v)%8 != 0:
		panic("kernel: CountAbove: length")
	case len(v) == 0:
		return 0
	}
	return countAbove(&v[0], len(v), threshold)
}

// Prefetch asks for the cache lines of x, which is read soon. It changes nothing.
func Prefetch[T float32 | uint8](x []T) {
	if len(x) > 0 {
		prefetch(unsafe.Slice((*uint8)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0]))))
	}
}

// SquaredDistance returns Σ (a−b)² over the elements of a, in float64. The
// order of the sum is fixed, see [ref.SquaredDistance].
func SquaredDistance(a, b []float32) float64 {
	if len(b) < len(a) {
		panic("kernel: SquaredDistance: lengths")
	}
	return squaredDistance(a, b)
}

// CentredSums returns, with c = f·x − mean in float64, Σ c² and Σ c·mean. The order of the sums
// is fixed: see [ref.CentredSums] for whole eights of elements, after which the others are added
// one by one.
func CentredSums(x []float32, mean []float64, f float64) (square, along float64) {
	if len(mean) < len(x) {
		panic("kernel: CentredSums: lengths")
	}
	eights := len(x) &^ 7
	if eights > 0 {
		square, along = centredSums(x[:eights], mean, f)
	}
	for i, v := range x[eights:] {
		m := mean[eights+i]
		c := float64(f*float64(v)) - m
		square += float64(c * c)
		along += float64(c * m)
	}
	return square, along
}

// RoundCentred rounds v = (f·x − mean)·unit, in float64, to the nearest integer r, of two the even
// one, and stores element i at
//
//	dst[i/2·2·width + i%2]
//
// the place in a strip that is width vectors wide; of an odd number the last has no partner,
// whose place stays. It returns Σ r² and Σ (v−r)², summed as [CentredSums] does. |r| < 2¹⁵.
func RoundCentred(dst []int16, width int, x []float32, mean []float64, f, unit float64) (whole, residual float64) {
	if n := len(x); n > 0 && (len(mean) < n || width < 1 || len(dst) <= (n-1)/2*2*width+(n-1)%2) {
		panic("kernel: RoundCentred: lengths")
	}
	eights := len(x) &^ 7
	if eights > 0 {
		whole, residual = roundCentred(dst, width, x[:eights], mean, f, unit)
	}
	for i, e := range x[eights:] {
		i += eights
		v := (float64(f*float64(e)) - mean[i]) * unit
		r := math.RoundToEven(v)
		dst[i/2*2*width+i%2] = int16(r)
		whole += float64(r * r)
		residual += float64((v - r) * (v - r))
	}
	return whole, residual
}

// AddCentred adds f·x − mean to sum, element by element in float64.
func AddCentred(sum []float64, x []float32, mean []float64, f float64) {
	if len(mean) < len(x) || len(sum) < len(x) {
		panic("kernel: AddCentred: lengths")
	}
	eights := len(x) &^ 7
	if eights > 0 {
		addCentred(sum, x[:eights], mean, f)
	}
	for i := eights; i < len(x); i++ {
		sum[i] += float64(f*float64(x[i])) - mean[i]
	}
}

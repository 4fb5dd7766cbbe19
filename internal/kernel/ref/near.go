package ref

import (
	"math"
	"unsafe"
)

// Rows and columns of a tile of [TileI16], and the vectors of a strip.
const (
	NearRows  = 8
	NearCols  = NearStrip
	NearStrip = 32
)

// TileI16 is the product of eight vectors of a packed strip of int16, of which a begins at the
// first, and all vectors of another, in pairs of k:
//
//	c[i·ldc+j] [+]= Σ_p a[p][i][0]·b[p][j][0] + a[p][i][1]·b[p][j][1]
//
// a and b [pairs][32][2], c 8 rows of 32. Sums are taken modulo 2³².
func TileI16(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	const next = 2 * NearStrip
	as := unsafe.Slice(a, (pairs-1)*next+2*NearRows)
	bs := unsafe.Slice(b, pairs*next)
	for i := range NearRows {
		row := unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(c), 4*i*ldc)), NearCols)
		if !accumulate {
			clear(row)
		}
		for p := range pairs {
			x, y := int32(as[p*next+2*i]), int32(as[p*next+2*i+1])
			for j, q := range row {
				row[j] = q + x*int32(bs[p*next+2*j]) + y*int32(bs[p*next+2*j+1])
			}
		}
	}
}

// TileI8 is [TileI16] of bytes, those of a from −128 to 127 and those of b from 0 to 255, four in
// the place of a pair, the first in the lower half of the first int16:
//
//	c[i·ldc+j] [+]= Σ_p Σ_t a[p][i][t]·b[p][j][t]
//
// a and b [pairs][32][4], c 8 rows of 32. Sums are taken modulo 2³².
func TileI8(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	const next = 2 * NearStrip
	as := unsafe.Slice(a, (pairs-1)*next+2*NearRows)
	bs := unsafe.Slice(b, pairs*next)
	for i := range NearRows {
		row := unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(c), 4*i*ldc)), NearCols)
		if !accumulate {
			clear(row)
		}
		for p := range 2 * pairs {
			x, from := as[p/2*next+2*i+p%2], bs[p/2*next+p%2:]
			for j := range row {
				y := uint16(from[2*j])
				row[j] += int32(int8(x))*int32(y&0xff) + int32(x>>8)*int32(y>>8)
			}
		}
	}
}

// Above stores in dst, in ascending order, the j < n of which the score
//
//	float32(dots[j])·(a·weight[j]) + (b·bias[j] + c)
//
// is at least the smaller of bar[j] and threshold, which are not NaN, and their scores; each
// operation is rounded to float32. It returns their number. NaN is not above anything. n is a
// multiple of 16; dst and scores hold n, and what is in them beyond the number is undefined.
func Above(dst *int32, scores *float32, dots *int32, weight, bias, bar *float32, n int,
	a, b, c, threshold float32) int {
	out, found, ds := unsafe.Slice(dst, n), unsafe.Slice(scores, n), unsafe.Slice(dots, n)
	ws, bs, ts := unsafe.Slice(weight, n), unsafe.Slice(bias, n), unsafe.Slice(bar, n)
	hits := 0
	for j, d := range ds {
		if v := score(d, ws[j], bs[j], a, b, c); v >= min(ts[j], threshold) {
			out[hits], found[hits] = int32(j), v
			hits++
		}
	}
	return hits
}

// Peaks sets peaks[j] to the score of [Above], for j < n, where that is greater. n is a multiple
// of 16.
func Peaks(peaks *float32, dots *int32, weight, bias *float32, n int, a, b, c float32) {
	out, ds := unsafe.Slice(peaks, n), unsafe.Slice(dots, n)
	ws, bs := unsafe.Slice(weight, n), unsafe.Slice(bias, n)
	for j, d := range ds {
		if v := score(d, ws[j], bs[j], a, b, c); v > out[j] {
			out[j] = v
		}
	}
}

func score(dot int32, weight, bias, a, b, c float32) float32 {
	shift := float32(b*bias) + c
	return float32(float32(dot)*float32(a*weight)) + shift
}

// CountAbove returns how many of the n elements of v are at least threshold; NaN is not. n is a
// positive multiple of 8.
func CountAbove(v *float32, n int, threshold float32) int {
	count := 0
	for _, e := range unsafe.Slice(v, n) {
		if e >= threshold {
			count++
		}
	}
	return count
}

// SquaredDistance is Σ (a−b)² in float64, summed in 16 lanes: element i goes to
// lane i mod 16, the last len(a) mod 16 elements one by one to lane 0, and the
// lanes are added l, l+8, then l+4, then l+2, then l+1.
//
//go:norace
func SquaredDistance(a, b []float32) float64 {
	var lane [16]float64
	i := 0
	for ; i+16 <= len(a); i += 16 {
		x, y := a[i:i+16], b[i:i+16]
		for l := range lane {
			d := float64(x[l]) - float64(y[l])
			lane[l] += float64(d * d)
		}
	}
	for ; i < len(a); i++ {
		d := float64(a[i]) - float64(b[i])
		lane[0] += float64(d * d)
	}
	for half := 8; half > 0; half /= 2 {
		for l := range half {
			lane[l] += lane[l+half]
		}
	}
	return lane[0]
}

// CentredSums returns, with c = f·x − mean in float64, Σ c² and Σ c·mean, each summed in 8
// lanes: element i goes to lane i mod 8, and the lanes are added l, l+4, then l+2, then
// l+1. len(x) is a multiple of 8; mean is at least as long.
func CentredSums(x []float32, mean []float64, f float64) (square, along float64) {
	var squares, alongs [8]float64
	for i := 0; i < len(x); i += 8 {
		for l := range 8 {
			m := mean[i+l]
			c := float64(f*float64(x[i+l])) - m
			squares[l] += float64(c * c)
			alongs[l] += float64(c * m)
		}
	}
	return halved(&squares), halved(&alongs)
}

// RoundCentred rounds v = (f·x − mean)·unit, in float64, to the nearest integer r, of two the even
// one, stores r in pairs of elements that are width pairs apart, element i at
// dst[i/2·2·width+i%2], and returns Σ r² and Σ (v−r)², summed as [CentredSums] does. len(x) is
// a multiple of 8 and |r| < 2¹⁵.
func RoundCentred(dst []int16, width int, x []float32, mean []float64, f, unit float64) (whole, residual float64) {
	var wholes, residuals [8]float64
	for i := 0; i < len(x); i += 8 {
		for l := range 8 {
			v := float64((float64(f*float64(x[i+l])) - mean[i+l]) * unit)
			r := math.RoundToEven(v)
			dst[(i+l)/2*2*width+l%2] = int16(r)
			wholes[l] += float64(r * r)
			residuals[l] += float64((v - r) * (v - r))
		}
	}
	return halved(&wholes), halved(&residuals)
}

// halved adds the lanes l and l+4, then l+2, then l+1.
func halved(lane *[8]float64) float64 {
	for half := 4; half > 0; half /= 2 {
		for l := range half {
			lane[l] += lane[l+half]
		}
	}
	return lane[0]
}

// AddCentred adds f·x − mean to sum, element by element in float64. len(x) is a multiple of
// 8; mean and sum are at least as long.
func AddCentred(sum []float64, x []float32, mean []float64, f float64) {
	for i, v := range x {
		sum[i] += float64(f*float64(v)) - mean[i]
	}
}

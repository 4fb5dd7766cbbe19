package ref

import (
	"math"
	"unsafe"
)

// Rows and columns of a tile of [TileI16].
const (
	NearRows = 6
	NearCols = 16
)

// TileI16 is the product of two packed strips of int16, in pairs of k:
//
//	c[i·ldc+j] [+]= Σ_p a[p][i][0]·b[p][j][0] + a[p][i][1]·b[p][j][1]
//
// a [pairs][6][2], b [pairs][16][2], c 6 rows of 16. Sums are taken modulo 2³².
func TileI16(c *int32, ldc int, a, b *int16, pairs int, accumulate bool) {
	as := unsafe.Slice(a, pairs*NearRows*2)
	bs := unsafe.Slice(b, pairs*NearCols*2)
	for i := range NearRows {
		row := unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(c), 4*i*ldc)), NearCols)
		if !accumulate {
			clear(row)
		}
		for p := range pairs {
			x, y := int32(as[p*NearRows*2+2*i]), int32(as[p*NearRows*2+2*i+1])
			for j, q := range row {
				row[j] = q + x*int32(bs[p*NearCols*2+2*j]) + y*int32(bs[p*NearCols*2+2*j+1])
			}
		}
	}
}

// Above stores in dst, in ascending order, the j < n with
//
//	float32(dots[j])·weight[j] + scale·bias[j] >= threshold
//
// each product rounded to float32 before the sum, and returns their number.
// NaN is not above anything. n is a multiple of 8; dst holds n.
func Above(dst, dots *int32, weight, bias *float32, n int, scale, threshold float32) int {
	out, ds := unsafe.Slice(dst, n), unsafe.Slice(dots, n)
	ws, bs := unsafe.Slice(weight, n), unsafe.Slice(bias, n)
	hits := 0
	for j, d := range ds {
		if float32(float32(d)*ws[j])+float32(scale*bs[j]) >= threshold {
			out[hits] = int32(j)
			hits++
		}
	}
	return hits
}

// SquaredDistance is Σ (a−b)² in float64, summed in 16 lanes: element i goes to
// lane i mod 16, the last len(a) mod 16 elements one by one to lane 0, and the
// lanes are added l, l+8, then l+4, then l+2, then l+1.
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

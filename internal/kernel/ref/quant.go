package ref

import (
	"math"
	"unsafe"
)

// Rows and columns of a tile of bytes.
const (
	ByteRows = 8
	ByteCols = 32
)

// ByteTile describes a product of bytes that are summed in int32, modulo 2³². A step is
// four elements of k:
//
//	C[i][j] = Σ_s Σ_t A[s][i][t]·B[s][j][t]
//
// A is packed [Steps][ByteRows][4]; the columns of step s, [ByteCols][4], are at
// B+Offsets[s]; rows of C are LDC elements apart.
type ByteTile struct {
	C       *int32
	LDC     int
	A, B    *uint8
	Offsets *int
	Steps   int
}

// TileS8U8 is the product of a signed A and an unsigned B.
func TileS8U8(t *ByteTile) {
	t.each(func(a, b uint8) int32 { return int32(int8(a)) * int32(b) })
}

// TileU8S8 is the product of an unsigned A and a signed B.
func TileU8S8(t *ByteTile) {
	t.each(func(a, b uint8) int32 { return int32(a) * int32(int8(b)) })
}

func (t *ByteTile) each(product func(a, b uint8) int32) {
	var sum [ByteRows][ByteCols]int32
	offsets := unsafe.Slice(t.Offsets, t.Steps)
	a := unsafe.Slice(t.A, 4*ByteRows*t.Steps)
	for s, off := range offsets {
		b := unsafe.Slice((*uint8)(unsafe.Add(unsafe.Pointer(t.B), off)), 4*ByteCols)
		for i := range sum {
			x := (*[4]uint8)(a[4*(ByteRows*s+i):])
			for j := range sum[i] {
				y := (*[4]uint8)(b[4*j:])
				sum[i][j] += product(x[0], y[0]) + product(x[1], y[1]) + product(x[2], y[2]) + product(x[3], y[3])
			}
		}
	}
	for i := range sum {
		copy(unsafe.Slice((*int32)(unsafe.Add(unsafe.Pointer(t.C), 4*i*t.LDC)), ByteCols), sum[i][:])
	}
}

// Requantize rounds the sums of a row to bytes, ties to even:
//
//	dst = round(clamp((src + bias)·scale, lo, hi)) + zero
//
// of which the lowest eight bits are stored. The sum is rounded to float32 first.
func Requantize(dst []uint8, src []int32, bias int32, scale, lo, hi float32, zero int32) {
	for i := range dst {
		dst[i] = rounded(float32(src[i]+bias)*scale, lo, hi, zero)
	}
}

// RequantizeColumns is Requantize with a bias and a scale for each column.
func RequantizeColumns(dst []uint8, src, bias []int32, scale []float32, lo, hi float32, zero int32) {
	for i := range dst {
		dst[i] = rounded(float32(src[i]+bias[i])*scale[i], lo, hi, zero)
	}
}

// Quantize is round(clamp(x/scale, lo, hi)) + zero, NaN being lo.
func Quantize(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	for i := range dst {
		dst[i] = rounded(x[i]/scale, lo, hi, zero)
	}
}

// RoundScaled is round(clamp(x·scale, lo, hi)) + zero, NaN being lo.
func RoundScaled(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	for i := range dst {
		dst[i] = rounded(x[i]*scale, lo, hi, zero)
	}
}

// Dequantize is (x ^ flip − zero)·scale.
func Dequantize(dst []float32, x []uint8, flip uint8, scale float32, zero int32) {
	for i := range dst {
		dst[i] = float32(int32(x[i]^flip)-zero) * scale
	}
}

// AddQuantized is round(clamp(a'·scaleA + (b'·scaleB + fixed), lo, hi)) of numbers
// a' = (a ^ flip) − flip, each product with its sum rounded once.
func AddQuantized(dst, a, b []uint8, flip uint8, scaleA, scaleB, fixed, lo, hi float32) {
	for i := range dst {
		x, y := float32(int32(a[i]^flip)-int32(flip)), float32(int32(b[i]^flip)-int32(flip))
		dst[i] = rounded(fma(x, scaleA, fma(y, scaleB, fixed)), lo, hi, 0)
	}
}

func rounded(v, lo, hi float32, zero int32) uint8 {
	if !(v > lo) {
		v = lo
	}
	if !(v < hi) {
		v = hi
	}
	return uint8(int32(math.RoundToEven(float64(v))) + zero)
}

// Interleave stores the elements of four rows, stride apart, side by side:
//
//	dst[4·i+t] = src[t·stride+i] ^ flip, i < n
func Interleave(dst, src *uint8, stride, n int, flip uint8) {
	out, in := unsafe.Slice(dst, 4*n), unsafe.Slice(src, 3*stride+n)
	a, b, c, d := in[:n], in[stride:][:n], in[2*stride:][:n], in[3*stride:][:n]
	for i := range a {
		o := out[4*i:][:4]
		o[0], o[1], o[2], o[3] = a[i]^flip, b[i]^flip, c[i]^flip, d[i]^flip
	}
}

// MaxBytes is the greater of a ^ flip and b ^ flip, ^ flip.
func MaxBytes(dst, a, b []uint8, flip uint8) {
	for i := range dst {
		dst[i] = max(a[i]^flip, b[i]^flip) ^ flip
	}
}

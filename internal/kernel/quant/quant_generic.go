//go:build !amd64 || purego

package quant

import "memprobe/internal/kernel/ref"

func tileS8U8(t *ref.ByteTile) { ref.TileS8U8(t) }
func tileU8S8(t *ref.ByteTile) { ref.TileU8S8(t) }

func requantize(dst []uint8, src []int32, bias int32, scale, lo, hi float32, zero int32) {
	ref.Requantize(dst, src, bias, scale, lo, hi, zero)
}

func requantizeColumns(dst []uint8, src, bias []int32, scale []float32, lo, hi float32, zero int32) {
	ref.RequantizeColumns(dst, src, bias, scale, lo, hi, zero)
}

func quantize(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	ref.Quantize(dst, x, scale, lo, hi, zero)
}

func roundScaled(dst []uint8, x []float32, scale, lo, hi float32, zero int32) {
	ref.RoundScaled(dst, x, scale, lo, hi, zero)
}

func dequantize(dst []float32, x []uint8, flip uint8, scale float32, zero int32) {
	ref.Dequantize(dst, x, flip, scale, zero)
}

func addQuantized(dst, a, b []uint8, flip uint8, scaleA, scaleB, fixed, lo, hi float32) {
	ref.AddQuantized(dst, a, b, flip, scaleA, scaleB, fixed, lo, hi)
}

func interleave(dst, src []uint8, stride, n int, flip uint8) {
	ref.Interleave(&dst[0], &src[0], stride, n, flip)
}

func maxBytes(dst, a, b []uint8, flip uint8) { ref.MaxBytes(dst, a, b, flip) }

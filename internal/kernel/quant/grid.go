package quant

import "memprobe/internal/kernel/check"

// Grid is what numbers are rounded to: the integers from Lo to Hi, of which Zero stands
// for 0. Zero itself need not be one of them.
type Grid struct{ Zero, Lo, Hi int32 }

// bounds are Lo and Hi seen from Zero.
func (g Grid) bounds() (lo, hi float32) { return float32(g.Lo - g.Zero), float32(g.Hi - g.Zero) }

// flip is the bit that makes an unsigned byte of a signed one, 128 greater.
func flip(signed bool) uint8 {
	if signed {
		return 0x80
	}
	return 0
}

// Quantize stores round(x/scale) + zero within the grid, ties to even; NaN becomes the
// least of the grid. The scale is positive.
func Quantize(dst []uint8, x []float32, scale float32, g Grid) {
	check.Len("x", x, len(dst))
	lo, hi := g.bounds()
	quantize(dst, x, scale, lo, hi, g.Zero)
}

// RoundScaled is Quantize of x·scale.
func RoundScaled(dst []uint8, x []float32, scale float32, g Grid) {
	check.Len("x", x, len(dst))
	lo, hi := g.bounds()
	roundScaled(dst, x, scale, lo, hi, g.Zero)
}

// Dequantize stores (x − zero)·scale.
func Dequantize(dst []float32, x []uint8, signed bool, scale float32, zero int32) {
	check.Len("x", x, len(dst))
	dequantize(dst, x, flip(signed), scale, zero+int32(flip(signed)))
}

// Sum is a + b of tensors with scales and zero points of their own.
type Sum struct {
	signed                bool
	scaleA, scaleB, fixed float32
	lo, hi                float32
}

// NewSum prepares the sum of bytes that stand for (a−zeroA)·scaleA and
// (b−zeroB)·scaleB, to be rounded with the result's scale. It is computed as
// round(a·scaleA/scale + (b·scaleB/scale + (zero − zeroA·scaleA/scale − zeroB·scaleB/scale))),
// each product rounded with its sum, as ONNX Runtime has it.
func NewSum(signed bool, scaleA float32, zeroA int32, scaleB float32, zeroB int32, scale float32, g Grid) *Sum {
	s := &Sum{signed: signed, scaleA: scaleA / scale, scaleB: scaleB / scale, lo: float32(g.Lo), hi: float32(g.Hi)}
	a, b := float32(s.scaleA*float32(zeroA)), float32(s.scaleB*float32(zeroB))
	s.fixed = float32(g.Zero) - float32(a+b)
	return s
}

// Run stores the sum of a and b.
func (s *Sum) Run(dst, a, b []uint8) {
	check.Cover(len(dst), a, b)
	addQuantized(dst, a, b, flip(s.signed), s.scaleA, s.scaleB, s.fixed, s.lo, s.hi)
}

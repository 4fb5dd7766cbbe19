// Package half converts between float32 and the two 16-bit floating-point
// formats: IEEE 754 binary16 (ONNX FLOAT16: 1 sign, 5 exponent and 10 fraction
// bits) and bfloat16 (the upper half of a float32). Narrowing rounds to nearest,
// ties to even; NaN stays NaN, and values beyond the range become infinite.
package half

import "math"

// FromF16 returns the value of a binary16, exactly.
func FromF16(bits uint16) float32 {
	sign := uint32(bits&0x8000) << 16
	exp, frac := uint32(bits>>10)&0x1f, uint32(bits&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac · 2⁻²⁴
		v := math.Float32bits(float32(frac) * 0x1p-24)
		return math.Float32frombits(sign | v)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// ToF16 returns the binary16 nearest to v.
func ToF16(v float32) uint16 {
	b := math.Float32bits(v)
	sign := uint16(b>>16) & 0x8000
	b &= 0x7fffffff
	switch {
	case b > 0x7f800000:
		return sign | 0x7e00 | uint16(b>>13)&0x3ff
	case b >= 0x477ff000: // 65520, half-way between the largest and 2¹⁶
		return sign | 0x7c00
	case b < 0x38800000: // below 2⁻¹⁴: adding 1/2 aligns the fraction and rounds it
		f := math.Float32frombits(b) + 0.5
		return sign | uint16(math.Float32bits(f)-0x3f000000)
	}
	b += 0xfff + b>>13&1
	return sign | uint16((b-(127-15)<<23)>>13)
}

// FromBF16 returns the value of a bfloat16, exactly.
func FromBF16(bits uint16) float32 { return math.Float32frombits(uint32(bits) << 16) }

// ToBF16 returns the bfloat16 nearest to v.
func ToBF16(v float32) uint16 {
	b := math.Float32bits(v)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

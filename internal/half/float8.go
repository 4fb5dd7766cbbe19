package half

import "math"

// Format is a floating-point format of at most eight bits, held in a byte: sign,
// exponent, fraction. The names are ONNX's
// (https://onnx.ai/onnx/technical/float8.html).
type Format struct {
	exponent, fraction int
	bias               int
	unsigned           bool  // no sign: powers of two alone
	infinity           uint8 // its bits, without the sign; 0 where there is none
	nan                uint8 // its bits, without the sign; 0 where there is none
	finite             uint8 // bits of the largest finite value
	noNegativeZero     bool  // whose bits are the NaN
}

// The formats.
var (
	E2M1     = &Format{exponent: 2, fraction: 1, bias: 1, finite: 7}
	E4M3FN   = &Format{exponent: 4, fraction: 3, bias: 7, nan: 0x7f, finite: 0x7e}
	E4M3FNUZ = &Format{exponent: 4, fraction: 3, bias: 8, nan: 0x80, finite: 0x7f, noNegativeZero: true}
	E5M2     = &Format{exponent: 5, fraction: 2, bias: 15, infinity: 0x7c, nan: 0x7e, finite: 0x7b}
	E5M2FNUZ = &Format{exponent: 5, fraction: 2, bias: 16, nan: 0x80, finite: 0x7f, noNegativeZero: true}
	E8M0     = &Format{exponent: 8, bias: 127, unsigned: true, nan: 0xff, finite: 0xfe}
)

// Decode returns the value of bits, exactly.
func (f *Format) Decode(bits uint8) float32 {
	if f.unsigned {
		if bits == f.nan {
			return float32(math.NaN())
		}
		return float32(math.Ldexp(1, int(bits)-f.bias))
	}
	if f.noNegativeZero && bits == f.nan {
		return float32(math.NaN())
	}
	size := f.exponent + f.fraction
	magnitude := bits & (1<<size - 1)
	v := f.magnitude(magnitude)
	if f.infinity != 0 && magnitude > f.infinity || !f.noNegativeZero && f.nan != 0 && magnitude == f.nan {
		v = math.NaN()
	} else if f.infinity != 0 && magnitude == f.infinity {
		v = math.Inf(1)
	}
	if bits>>size&1 != 0 {
		v = -v
	}
	return float32(v)
}

// magnitude is the value of bits without a sign, as those of a finite number.
func (f *Format) magnitude(bits uint8) float64 {
	e, m := int(bits>>f.fraction), int(bits&(1<<f.fraction-1))
	if e == 0 {
		return math.Ldexp(float64(m), 1-f.bias-f.fraction)
	}
	return math.Ldexp(float64(m|1<<f.fraction), e-f.bias-f.fraction)
}

// Encode returns the bits of the value nearest to v, ties to even; NaN becomes -0
// where there is none. What lies beyond
// the largest value, infinity included, becomes that value if saturate says so,
// otherwise infinity or, where the format has none, NaN. Powers of two (E8M0) are
// rounded as mode says: "up", "down", or "nearest".
func (f *Format) Encode(v float32, saturate bool, mode string) uint8 {
	if f.unsigned {
		return f.encodePower(math.Abs(float64(v)), saturate, mode)
	}
	var sign uint8
	if math.Signbit(float64(v)) {
		sign = 1 << (f.exponent + f.fraction)
	}
	if v != v {
		switch {
		case f.nan == 0: // as ml_dtypes and ONNX's cases have it
			return 1 << (f.exponent + f.fraction)
		case f.noNegativeZero:
			return f.nan
		}
		return f.nan | sign
	}
	// the last fraction bit of v's binade, at least that of the subnormals
	a := math.Abs(float64(v))
	e := max(math.Ilogb(max(a, math.SmallestNonzeroFloat64)), 1-f.bias)
	units := math.RoundToEven(math.Ldexp(a, f.fraction-e))
	if over := math.Ldexp(units, e-f.fraction) > f.magnitude(f.finite); over || math.IsInf(a, 0) {
		switch {
		case saturate || f.nan == 0:
			return f.finite | sign
		case f.infinity != 0:
			return f.infinity | sign
		case f.noNegativeZero:
			return f.nan
		}
		return f.nan | sign
	}
	// units of a normal number include the hidden bit, which counts as an exponent
	bits := uint8(int(units) + (e+f.bias-1)<<f.fraction)
	if bits == 0 && f.noNegativeZero {
		return 0
	}
	return bits | sign
}

// encodePower returns the exponent of a power of two beside v; zero becomes the
// smallest.
func (f *Format) encodePower(v float64, saturate bool, mode string) uint8 {
	switch {
	case v != v, math.IsInf(v, 0) && !saturate:
		return f.nan
	case math.IsInf(v, 0):
		return f.finite
	case v == 0:
		return 0
	}
	fraction, e := math.Frexp(v) // v = fraction·2ᵉ, fraction in [1/2, 1)
	if mode == "down" || mode == "nearest" && fraction < 0.75 || mode == "up" && fraction == 0.5 {
		e--
	}
	switch e += f.bias; {
	case e < 0:
		return 0
	case e > int(f.finite) && saturate:
		return f.finite
	case e > int(f.finite):
		return f.nan
	}
	return uint8(e)
}

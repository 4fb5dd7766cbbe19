package main

import "math"

// magic, added to a small number, rounds it to an integer, which is in the low bits then.
const magic = 3 << 22

// ln2 is the logarithm of 2 as a float32.
const ln2 = 0x1.62e43p-1

// reduced returns r = x - n·ln 2 and n, as a float with its integer in the low bits, for x in
// [-104, 128], by Cody and Waite's reduction.
func reduced(x vec) (r, n vec) {
	n = fmaTo(x, load(num(math.Log2E)), num(magic))
	k := sub(n, num(magic))
	return fnma(k, num(math.Ln2-ln2), fnma(k, num(ln2), x)), n
}

// expm1Near is exp(r) - 1 = r + r²·q(r) for |r| <= ln 2/2, where q of degree 4 is good to 2^-29.
func expm1Near(r vec) vec {
	q := polynomial(fit(func(r float64) float64 {
		if math.Abs(r) < 1e-3 {
			return 0.5 + r/6 + r*r/24 // the quotient would cancel
		}
		return (math.Expm1(r) - r) / (r * r)
	}, -math.Ln2/2, math.Ln2/2, 4), r)
	return fma(mul(r, q), r, r)
}

// expScaled is exp(r)·2^n for |r| <= ln 2/2, where n is -127 at least, which makes it 0, and at most 128,
// which makes it +Inf.
func expScaled(r, n vec) vec { return mul(add(expm1Near(r), one()), power(n)) }

// power is 2^n for n in [-126, 127], from the integer n or from the n of reduced, whose other
// bits are shifted away.
func power(n vec) vec { return addInt(shiftLeft(n, 23), num(1)) }

// exp is rounded to within a unit or so, subnormal results and infinities included. It
// multiplies by 2^n in two steps, since n may lie beyond the exponents.
func exp(x vec) vec {
	r, n := reduced(clampTo(-104, 89, x))
	k := subInt(n, num(magic))
	half := shiftRight(k, 1)
	return mul(mul(add(expm1Near(r), one()), power(half)), power(subInt(k, half)))
}

// expFlush is exp(x) in one step, for what follows another operation: 0 below
// 2^-126, +Inf from 2^127.5 on.
func expFlush(x vec) vec { return expScaled(reduced(clampTo(least, most, x))) }

// The bounds of x for expScaled.
const least, most = -88.1, 88.8

// expNegative is exp(-x) for x in [-most, -least], with the bits of expFlush.
func expNegative(x vec) vec {
	n := fmaTo(x, load(num(-math.Log2E)), num(magic))
	k := sub(n, num(magic))
	return expScaled(fnma(k, num(math.Ln2-ln2), fnms(k, num(ln2), x)), n)
}

// expm1 is exp(x) - 1 for x in [-80, 80], without cancellation.
func expm1(x vec) vec {
	r, n := reduced(x)
	s := power(n)
	return fma(expm1Near(r), s, sub(s, one()))
}

// logReduced is k·ln 2 + ln(1 + f) for f in [√½-1, √2-1] and an integer k.
// ln(1+f) = f - f²/2 + f³·q(f).
func logReduced(f, k vec) vec {
	q := polynomial(fit(func(f float64) float64 {
		if math.Abs(f) < 1e-2 {
			return 1./3 - f/4 + f*f/5 - f*f*f/6 + f*f*f*f/7
		}
		return (math.Log1p(f) - f + f*f/2) / (f * f * f)
	}, math.Sqrt2/2-1, math.Sqrt2-1, 8), f)
	hi := float64(float32(math.Ln2))
	f2 := mul(f, f)
	tail := fma(k, num(math.Ln2-hi), mul(mul(f2, f), q))
	tail = fnma(f2, num(0.5), tail)
	return fma(k, num(hi), add(f, tail))
}

func log(x vec) vec {
	subnormal := cmp(lt, x, num(0x1p-126))
	scaled := choose(subnormal, mul(x, num(0x1p23)), x)
	k := shiftRight(subInt(scaled, num(math.Sqrt2/2)), 23)
	f := sub(subInt(scaled, shiftLeft(k, 23)), one())
	y := logReduced(f, sub(fromInt(k), and(subnormal, num(23))))
	// +Inf and NaN stay, 0 is -Inf, below is NaN.
	y = choose(cmp(nlt, x, num(math.Inf(1))), x, y)
	zero := xor(x, x)
	y = choose(cmp(lt, x, zero), load(word(0x7fc00000)), y)
	return choose(cmp(eq, x, zero), load(num(math.Inf(-1))), y)
}

// log1pOf is ln(1 + e) for e in [0, 1].
func log1pOf(e vec) vec {
	big := cmp(gt, e, num(math.Sqrt2-1))
	f := choose(big, mul(sub(e, one()), num(0.5)), e) // 1+e = 2·(1 + (e-1)/2)
	return logReduced(f, and(big, one()))
}

// squareExp is exp(-c·x²) for c = 1 or 1/2 and x·√c in [-9.38, 9.38], at whose ends it is 0 as
// with expFlush. The remainder is of x² as it is before it is rounded: n·ln 2 is exact there but
// for its last bits.
func squareExp(x vec, c float64) vec {
	scaled := mul(x, num(-c))
	n := fmaTo(mul(scaled, x), load(num(math.Log2E)), num(magic))
	k := sub(n, num(magic))
	hi := math.Round(math.Ln2*0x1p15) / 0x1p15
	r := fma(scaled, x, mul(k, num(-hi)))
	return expScaled(fnma(k, num(math.Ln2-hi), r), n)
}

// gaussianEnd is where exp(-x²) has come to 0 for squareExp.
const gaussianEnd = 9.38

// tiny is a number whose square does not show beside 1 and is not so small as to be slow.
const tiny = 1e-15

// size is |x| between tiny and end; NaN stays.
func size(x vec, end float64) vec { return clampTo(tiny, end, abs(x)) }

// gaussian returns exp(-c·a²) and c·erfc(a·√c) for a >= 0; the domain is that of squareExp.
//
// The second is h(u) times the first, with u = a·√(2c) + 1 in [1, 16), where h is smooth. Each of
// the 8 half octaves [1, 1.5), [1.5, 2), [2, 3), … has a polynomial of its own, of degree 7, good
// to 2^-24.9. The last two bits of the exponent and the first one of the mantissa find its
// coefficients, and the other bits are its argument.
func gaussian(a vec, c float64) (density, erfc vec) {
	density = squareExp(a, c)
	const degree, middle = 7, 0.25
	var h [degree + 1][8]float64
	for k := range 8 {
		octave, half := math.Exp2(float64(k/2)), 0.5*float64(k%2)
		p := fit(func(v float64) float64 {
			return c * scaledErfc((octave*(1+half+middle+v)-1)/math.Sqrt2)
		}, -middle, middle, degree)
		for i := range h {
			h[i][k] = p[i]
		}
	}
	var u vec
	if scale := math.Sqrt(2 * c); scale == 1 {
		u = add(a, one())
	} else {
		u = fmaTo(a, load(num(scale)), one())
	}
	const bits = 22 // of the argument, in u
	of := lookups(h[:], shiftRight(u, bits), int(math.Float32bits(1)>>bits))
	v := sub(or(and(u, word(1<<bits-1)), one()), num(1+middle))
	y := of(degree)
	for i := degree - 1; i >= 0; i-- {
		horner(y, v, of(i))
	}
	return density, mul(y, density)
}

func erf(x vec) vec {
	a := size(x, gaussianEnd)
	near := fma(polynomial(fit(func(x2 float64) float64 {
		if x2 < 1e-6 {
			return 2/math.SqrtPi*(1-x2/3) - 1
		}
		return math.Erf(math.Sqrt(x2))/math.Sqrt(x2) - 1
	}, 0, 0.81, 6), mul(a, a)), x, x)
	_, erfc := gaussian(a, 1)
	far := withSign(sub(load(one()), erfc), x)
	return choose(cmp(lt, a, num(0.9)), near, far)
}

// normalEnd is where exp(-x²/2) has come to 0.
const normalEnd = gaussianEnd * math.Sqrt2

// normal returns Φ(x) and exp(-x²/2).
func normal(x vec) (phi, density vec) {
	density, tail := gaussian(size(x, normalEnd), 0.5)
	return choose(x, tail, sub(load(one()), tail)), density
}

func tanh(x vec) vec {
	e := expm1(clampTo(-20, 20, add(x, x)))
	return div(e, add(e, num(2)))
}

// sigmoid is 1/(1 + exp(-x)); 0 below -88.4.
func sigmoid(x vec) vec { return div(load(one()), add(expNegative(clampTo(-most, -least, x)), one())) }

// scaledErfc is exp(a²)·erfc(a).
func scaledErfc(a float64) float64 {
	if a < 10 {
		return math.Exp(a*a) * math.Erfc(a)
	}
	b := 1 / (2 * a * a) // asymptotic series; its terms fall below 2^-53
	sum, term := 1.0, 1.0
	for k := 1; k < 8; k++ {
		term *= -float64(2*k-1) * b
		sum += term
	}
	return sum / (a * math.Sqrt(math.Pi))
}

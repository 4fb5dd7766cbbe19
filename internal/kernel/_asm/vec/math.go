package main

import "math"

// expReduced returns n, as a float with its integer in the low bits, and
// e = exp(x + low - n·ln 2) - 1, for x in [-104, 128]; low may be nil.
//
// Exponent and remainder come from Cody and Waite's reduction. The remainder r
// is at most ln 2/2, where exp(r) = 1 + r + r²·q(r) with q of degree 4 is good
// to 2^-29.
func expReduced(x vec, low *vec) (n, e vec) {
	const magic = 3 << 22 // adding it rounds to an integer
	n = fmaTo(x, load(num(math.Log2E)), num(magic))
	k := sub(n, num(magic))
	hi := float64(float32(math.Ln2))
	r := fnma(k, num(hi), x)
	r = fnma(k, num(math.Ln2-hi), r)
	if low != nil {
		r = add(r, *low)
	}
	q := polynomial(fit(func(r float64) float64 {
		if math.Abs(r) < 1e-3 {
			return 0.5 + r/6 + r*r/24 // the quotient would cancel
		}
		return (math.Expm1(r) - r) / (r * r)
	}, -math.Ln2/2, math.Ln2/2, 4), r)
	return n, fma(mul(r, q), r, r)
}

// power is 2^n for n in [-126, 127], from the integer n.
func power(n vec) vec { return addInt(shiftLeft(n, 23), num(1)) }

// integer is the n of expReduced as an integer.
func integer(n vec) vec { return subInt(n, num(3<<22)) }

// expOf is exp(x + low), rounded to within a unit or so, subnormal results and
// infinities included. It multiplies by 2^n in two steps, since n may lie
// beyond the exponents.
func expOf(x vec, low *vec) vec {
	n, e := expReduced(clampTo(-104, 89, x), low)
	k := integer(n)
	half := shiftRight(k, 1)
	return mul(mul(add(e, one()), power(half)), power(subInt(k, half)))
}

func exp(x vec) vec { return expOf(x, nil) }

// expFlush is exp(x) in one step, for what follows another operation: 0 below
// 2^-126, +Inf from 2^127.5 on.
func expFlush(x vec) vec { return expBounded(clampTo(-88.1, 88.8, x), nil) }

// expBounded is exp(x + low) for x in [-88.1, 88.8], at whose ends n is -127 and
// 128, with powers that come out as 0 and +Inf.
func expBounded(x vec, low *vec) vec {
	n, e := expReduced(x, low)
	return mul(add(e, one()), power(integer(n)))
}

// expm1 is exp(x) - 1 for x in [-80, 80], without cancellation.
func expm1(x vec) vec {
	n, e := expReduced(x, nil)
	s := power(integer(n))
	return fma(e, s, sub(s, one()))
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
	const tiny = 0x1p-126
	subnormal := cmp(lt, x, num(tiny))
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

// squareExp is exp(-c·x²) for c = 1 or 1/2 and x·√c in [-9.38, 9.38]. What
// rounding x² loses goes into the exponent again.
func squareExp(x vec, c float64) vec {
	scaled := mul(x, num(-c))
	s := mul(scaled, x)
	low := fms(scaled, x, s)
	return expBounded(s, &low)
}

// gaussianEnd is where exp(-x²) has come to 0 for expBounded.
const gaussianEnd = 9.38

// size is |x| between 1e-15, whose square does not show beside 1 and is not so small
// as to be slow, and end; NaN stays.
func size(x vec, end float64) vec { return clampTo(1e-15, end, abs(x)) }

// gaussian returns exp(-c·a²) and c·erfc(a·√c) = exp(-c·a²)·t·g(t), where
// t = 1/(1 + 0.4·a·√c), for a >= 0; the domain is that of squareExp. As a function of t,
// exp(a²)·erfc(a)/t is smooth on all of [0,1], which stands for every a >= 0; at
// degree 10 it is good to 2^-26.
func gaussian(a vec, c float64) (density, erfc vec) {
	density = squareExp(a, c)
	const k = 0.4
	t := div(load(one()), fmaTo(a, load(num(k*math.Sqrt(c))), one()))
	g := polynomial(fit(func(u float64) float64 {
		t := u + 0.5
		return c * scaledErfc((1/t-1)/k) / t
	}, -0.5, 0.5, 10), sub(t, num(0.5)))
	return density, mul(mul(g, t), density)
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
func sigmoid(x vec) vec { return div(load(one()), add(expFlush(neg(x)), one())) }

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

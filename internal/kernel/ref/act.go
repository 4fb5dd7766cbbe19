package ref

import "math"

// Relu is max(x, 0); NaN stays NaN.
func Relu[T Float](dst, x []T) {
	for i := range dst {
		dst[i] = clampLow(x[i])
	}
}

// clampLow keeps NaN and -0.
func clampLow[T Float](x T) T {
	if x < 0 {
		return 0
	}
	return x
}

// gate is dy where y > 0, else 0.
func gate[T Float](dy, y T) T {
	if y > 0 {
		return dy
	}
	return 0
}

// ReluGrad is dy where y > 0, else 0.
func ReluGrad[T Float](dx, dy, y []T) {
	for i := range dx {
		dx[i] = gate(dy[i], y[i])
	}
}

// LeakyRelu is x where x >= 0, else a·x.
func LeakyRelu[T Float](dst, x []T, a T) {
	for i := range dst {
		v := x[i]
		if v < 0 {
			v *= a
		}
		dst[i] = v
	}
}

// LeakyReluGrad is dy where x > 0, else a·dy.
func LeakyReluGrad[T Float](dx, dy, x []T, a T) {
	for i := range dx {
		d := dy[i]
		if !(x[i] > 0) {
			d *= a
		}
		dx[i] = d
	}
}

// Clip is min(max(x, lo), hi); NaN stays NaN.
func Clip[T Float](dst, x []T, lo, hi T) {
	for i := range dst {
		dst[i] = clamp(x[i], lo, hi)
	}
}

// ClipGrad is dy where lo <= x <= hi, else 0.
func ClipGrad[T Float](dx, dy, x []T, lo, hi T) {
	for i := range dx {
		d := dy[i]
		if !(x[i] >= lo && x[i] <= hi) {
			d = 0
		}
		dx[i] = d
	}
}

// Elu is x where x > 0, else a·(eˣ-1).
func Elu[T Float](dst, x []T, a T) {
	apply(dst, x, func(x float64) float64 {
		if x > 0 {
			return x
		}
		return float64(a) * math.Expm1(x)
	})
}

// EluGrad is dy where x > 0, else dy·a·eˣ.
func EluGrad[T Float](dx, dy, x []T, a T) {
	applyGrad(dx, dy, x, func(x float64) float64 {
		if x > 0 {
			return 1
		}
		return float64(a) * math.Exp(x)
	})
}

// Tanh is the hyperbolic tangent.
func Tanh[T Float](dst, x []T) { apply(dst, x, math.Tanh) }

// TanhGrad is dy·(1-y²).
func TanhGrad[T Float](dx, dy, y []T) {
	applyGrad(dx, dy, y, func(y float64) float64 { return 1 - y*y })
}

// sigmoid is 1/(1+e⁻ˣ), accurate for small results too.
func sigmoid(x float64) float64 {
	if x < 0 {
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// Sigmoid is 1/(1+e⁻ˣ).
func Sigmoid[T Float](dst, x []T) { apply(dst, x, sigmoid) }

// SigmoidGrad is dy·y·(1-y).
func SigmoidGrad[T Float](dx, dy, y []T) {
	applyGrad(dx, dy, y, func(y float64) float64 { return y * (1 - y) })
}

// phi is the distribution function of the normal distribution, Phi' its density.
func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func density(x float64) float64 { return math.Exp(-x*x/2) / math.Sqrt(2*math.Pi) }

// times is x·f where f has reached 0 for x = -Inf.
func times(x, f float64) float64 {
	if f == 0 && !math.IsNaN(x) {
		return 0
	}
	return x * f
}

// Gelu is x·Φ(x).
func Gelu[T Float](dst, x []T) {
	apply(dst, x, func(x float64) float64 { return times(x, phi(x)) })
}

// GeluGrad is dy·(Φ(x) + x·φ(x)).
func GeluGrad[T Float](dx, dy, x []T) {
	applyGrad(dx, dy, x, func(x float64) float64 { return phi(x) + times(x, density(x)) })
}

// geluTanhArg is twice the argument of the tanh, √(2/π)·(x + 0.044715·x³).
func geluTanhArg(x float64) float64 {
	return 2 * math.Sqrt(2/math.Pi) * (x + 0.044715*x*x*x)
}

// GeluTanh is x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
func GeluTanh[T Float](dst, x []T) {
	apply(dst, x, func(x float64) float64 { return times(x, sigmoid(geluTanhArg(x))) })
}

// GeluTanhGrad is dy times the derivative of GeluTanh at x.
func GeluTanhGrad[T Float](dx, dy, x []T) {
	applyGrad(dx, dy, x, func(x float64) float64 {
		s := sigmoid(geluTanhArg(x))
		slope := 2 * math.Sqrt(2/math.Pi) * (1 + 3*0.044715*x*x)
		return s + times(x*slope, s*(1-s))
	})
}

// Silu is x/(1+e⁻ˣ).
func Silu[T Float](dst, x []T) {
	apply(dst, x, func(x float64) float64 { return times(x, sigmoid(x)) })
}

// SiluGrad is dy·(s + x·s·(1-s)) with s = 1/(1+e⁻ˣ).
func SiluGrad[T Float](dx, dy, x []T) {
	applyGrad(dx, dy, x, func(x float64) float64 {
		s := sigmoid(x)
		return s + times(x, s*(1-s))
	})
}

// Softplus is ln(1+eˣ).
func Softplus[T Float](dst, x []T) {
	apply(dst, x, func(x float64) float64 {
		if x > 0 {
			return x + math.Log1p(math.Exp(-x))
		}
		return math.Log1p(math.Exp(x))
	})
}

// SoftplusGrad is dy/(1+e⁻ˣ).
func SoftplusGrad[T Float](dx, dy, x []T) { applyGrad(dx, dy, x, sigmoid) }

// HardSigmoid is min(max(a·x + b, 0), 1).
func HardSigmoid[T Float](dst, x []T, a, b T) {
	for i := range dst {
		dst[i] = clamp(fma(a, x[i], b), 0, 1)
	}
}

// HardSigmoidGrad is a·dy where 0 < a·x + b < 1, else 0.
func HardSigmoidGrad[T Float](dx, dy, x []T, a, b T) {
	for i := range dx {
		v, d := fma(a, x[i], b), a*dy[i]
		if !(v > 0 && v < 1) {
			d = 0
		}
		dx[i] = d
	}
}

// HardSwish is x·min(max(x/6 + 1/2, 0), 1).
func HardSwish[T Float](dst, x []T) {
	for i := range dst {
		dst[i] = x[i] * clamp(fma(x[i], 1./6, 0.5), 0, 1)
	}
}

// HardSwishGrad is dy·(x/3 + 1/2) where -3 < x < 3, dy above, 0 below.
func HardSwishGrad[T Float](dx, dy, x []T) {
	for i := range dx {
		switch v := x[i]; {
		case v <= -3:
			dx[i] = 0
		case v >= 3:
			dx[i] = dy[i]
		default:
			dx[i] = dy[i] * fma(v, 1./3, 0.5)
		}
	}
}

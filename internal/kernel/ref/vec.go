package ref

import "math"

// apply is dst = f(x) in float64, rounded once.
func apply[T Float](dst, x []T, f func(float64) float64) {
	for i := range dst {
		dst[i] = T(f(float64(x[i])))
	}
}

// applyGrad is dx = dy·f'(x) in float64, rounded once.
func applyGrad[T Float](dx, dy, x []T, df func(float64) float64) {
	for i := range dx {
		dx[i] = T(float64(dy[i]) * df(float64(x[i])))
	}
}

// Add is a + b.
func Add[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

// Sub is a - b.
func Sub[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

// Mul is a·b.
func Mul[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

// Div is a/b.
func Div[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

// Max is a where a >= b or a is NaN, else b.
func Max[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = maxOf(a[i], b[i])
	}
}

// Min is a where a <= b or a is NaN, else b.
func Min[T Float](dst, a, b []T) {
	for i := range dst {
		dst[i] = minOf(a[i], b[i])
	}
}

func maxOf[T Float](a, b T) T {
	if a >= b || a != a {
		return a
	}
	return b
}

func minOf[T Float](a, b T) T {
	if a <= b || a != a {
		return a
	}
	return b
}

// Fma is a·b + c.
func Fma[T Float](dst, a, b, c []T) {
	for i := range dst {
		dst[i] = fma(a[i], b[i], c[i])
	}
}

// fma rounds once, so that a result does not depend on what the compiler fuses.
func fma[T Float](a, b, c T) T {
	return T(math.FMA(float64(a), float64(b), float64(c)))
}

// AddScalar is x + a.
func AddScalar[T Float](dst, x []T, a T) {
	for i := range dst {
		dst[i] = x[i] + a
	}
}

// MulScalar is x·a.
func MulScalar[T Float](dst, x []T, a T) {
	for i := range dst {
		dst[i] = x[i] * a
	}
}

// DivScalar is x/a.
func DivScalar[T Float](dst, x []T, a T) {
	for i := range dst {
		dst[i] = x[i] / a
	}
}

// ScalarDiv is a/x.
func ScalarDiv[T Float](dst, x []T, a T) {
	for i := range dst {
		dst[i] = a / x[i]
	}
}

// Affine is a·x + b.
func Affine[T Float](dst, x []T, a, b T) {
	for i := range dst {
		dst[i] = fma(a, x[i], b)
	}
}

// Axpy is dst + a·x.
func Axpy[T Float](dst, x []T, a T) {
	for i := range dst {
		dst[i] = fma(a, x[i], dst[i])
	}
}

// Abs is |x|.
func Abs[T Float](dst, x []T) { apply(dst, x, math.Abs) }

// Neg is -x.
func Neg[T Float](dst, x []T) {
	for i := range dst {
		dst[i] = -x[i]
	}
}

// Sqrt is √x.
func Sqrt[T Float](dst, x []T) { apply(dst, x, math.Sqrt) }

// Reciprocal is 1/x.
func Reciprocal[T Float](dst, x []T) { ScalarDiv(dst, x, 1) }

// Exp is eˣ.
func Exp[T Float](dst, x []T) { apply(dst, x, math.Exp) }

// Log is ln x.
func Log[T Float](dst, x []T) { apply(dst, x, math.Log) }

// Erf is the error function.
func Erf[T Float](dst, x []T) { apply(dst, x, math.Erf) }

// ErfGrad is dy·2/√π·exp(-x²).
func ErfGrad[T Float](dx, dy, x []T) {
	applyGrad(dx, dy, x, func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) })
}

package vec

import "memprobe/internal/kernel/check"

// The passes below run on the caller over contiguous elements. The first slice
// is written and its length says how many; it may be one of the sources, but
// not overlap one otherwise. Sources that are shorter are a panic.
//
// Without a bound of its own a result is rounded once. A bound of n ULP is on the
// distance to the exact result, in units of its last bit; it holds over all of
// float32, subnormals included, and is tested over all of it.

// Repeat writes each element of x n times, one after the other, to the first len(x)·n
// elements of dst.
func Repeat[T Float](dst, x []T, n int) {
	check.Len("dst", dst, len(x)*n)
	Of[T]().Repeat(dst, x, n)
}

// MulRows computes a[r]·x for each row r of x, of n elements, for len(a) rows.
func MulRows[T Float](dst, x, a []T, n int) {
	check.Len("dst", dst, len(a)*n)
	check.Len("x", x, len(a)*n)
	Of[T]().MulRows(dst, x, a, n)
}

// Add computes a + b.
func Add[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Add(dst, a, b)
}

// Sub computes a - b.
func Sub[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Sub(dst, a, b)
}

// Mul computes a·b.
func Mul[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Mul(dst, a, b)
}

// Div computes a/b.
func Div[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Div(dst, a, b)
}

// Max computes the larger of a and b, NaN if either is; a where they are equal.
func Max[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Max(dst, a, b)
}

// Min computes the smaller of a and b, NaN if either is; a where they are equal.
func Min[T Float](dst, a, b []T) {
	check.Cover(len(dst), a, b)
	Of[T]().Min(dst, a, b)
}

// AddScalar computes x + a.
func AddScalar[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().AddScalar(dst, x, a)
}

// MulScalar computes x·a.
func MulScalar[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().MulScalar(dst, x, a)
}

// DivScalar computes x/a.
func DivScalar[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().DivScalar(dst, x, a)
}

// ScalarDiv computes a/x.
func ScalarDiv[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().ScalarDiv(dst, x, a)
}

// Affine computes a·x + b, rounded once.
func Affine[T Float](dst, x []T, a, b T) {
	check.Cover(len(dst), x)
	Of[T]().Affine(dst, x, a, b)
}

// Axpy computes dst + a·x, rounded once.
func Axpy[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().Axpy(dst, x, a)
}

// Abs computes the absolute value of x.
func Abs[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Abs(dst, x)
}

// Neg computes -x.
func Neg[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Neg(dst, x)
}

// Sqrt computes √x; NaN below 0.
func Sqrt[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Sqrt(dst, x)
}

// Reciprocal computes 1/x.
func Reciprocal[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Reciprocal(dst, x)
}

// Exp computes eˣ to 1.2 ULP.
func Exp[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Exp(dst, x)
}

// Log computes ln x to 1 ULP; -Inf at 0, NaN below.
func Log[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Log(dst, x)
}

// Erf computes the error function 2/√π·∫₀ˣ exp(-t²)dt to 1.5 ULP.
func Erf[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Erf(dst, x)
}

// ErfGrad computes dy·2/√π·exp(-x²) to 3 ULP or 2e-38·dy.
func ErfGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().ErfGrad(dx, dy, x)
}

// Fma computes a·b + c, rounded once.
func Fma[T Float](dst, a, b, c []T) {
	check.Cover(len(dst), a, b, c)
	Of[T]().Fma(dst, a, b, c)
}

// FromUint8 computes x/255, rounded once.
func FromUint8[T Float](dst []T, x []uint8) {
	check.Cover(len(dst), x)
	Of[T]().FromUint8(dst, x)
}

package kernel

// The passes below run on the caller over contiguous elements. The first slice
// is written and its length says how many; it may be one of the sources, but
// not overlap one otherwise. Sources that are shorter are a panic.
//
// Without a bound of its own a result is rounded once. A bound of n ULP is on the
// distance to the exact result, in units of its last bit; it holds over all of
// float32, subnormals included, and is tested over all of it.

// Add computes a + b.
func Add[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().add(dst, a, b)
}

// Sub computes a - b.
func Sub[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().sub(dst, a, b)
}

// Mul computes a·b.
func Mul[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().mul(dst, a, b)
}

// Div computes a/b.
func Div[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().div(dst, a, b)
}

// Max computes the larger of a and b, NaN if either is; a where they are equal.
func Max[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().max(dst, a, b)
}

// Min computes the smaller of a and b, NaN if either is; a where they are equal.
func Min[T Float](dst, a, b []T) {
	covers(len(dst), a, b)
	of[T]().min(dst, a, b)
}

// AddScalar computes x + a.
func AddScalar[T Float](dst, x []T, a T) {
	covers(len(dst), x)
	of[T]().addScalar(dst, x, a)
}

// MulScalar computes x·a.
func MulScalar[T Float](dst, x []T, a T) {
	covers(len(dst), x)
	of[T]().mulScalar(dst, x, a)
}

// DivScalar computes x/a.
func DivScalar[T Float](dst, x []T, a T) {
	covers(len(dst), x)
	of[T]().divScalar(dst, x, a)
}

// ScalarDiv computes a/x.
func ScalarDiv[T Float](dst, x []T, a T) {
	covers(len(dst), x)
	of[T]().scalarDiv(dst, x, a)
}

// Affine computes a·x + b, rounded once.
func Affine[T Float](dst, x []T, a, b T) {
	covers(len(dst), x)
	of[T]().affine(dst, x, a, b)
}

// Axpy computes dst + a·x, rounded once.
func Axpy[T Float](dst, x []T, a T) {
	covers(len(dst), x)
	of[T]().axpy(dst, x, a)
}

// Abs computes
// x
// .
func Abs[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().abs(dst, x)
}

// Neg computes -x.
func Neg[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().neg(dst, x)
}

// Sqrt computes √x; NaN below 0.
func Sqrt[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().sqrt(dst, x)
}

// Reciprocal computes 1/x.
func Reciprocal[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().reciprocal(dst, x)
}

// Exp computes eˣ to 1.2 ULP.
func Exp[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().exp(dst, x)
}

// Log computes ln x to 1 ULP; -Inf at 0, NaN below.
func Log[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().log(dst, x)
}

// Erf computes the error function 2/√π·∫₀ˣ exp(-t²)dt to 1.5 ULP.
func Erf[T Float](dst, x []T) {
	covers(len(dst), x)
	of[T]().erf(dst, x)
}

// ErfGrad computes dy·2/√π·exp(-x²) to 3 ULP or 2e-38·dy.
func ErfGrad[T Float](dx, dy, x []T) {
	covers(len(dx), dy, x)
	of[T]().erfGrad(dx, dy, x)
}

// Fma computes a·b + c, rounded once.
func Fma[T Float](dst, a, b, c []T) {
	covers(len(dst), a, b, c)
	of[T]().fma(dst, a, b, c)
}

// FromUint8 computes a·x + b.
func FromUint8[T Float](dst []T, x []uint8, a, b T) {
	covers(len(dst), x)
	of[T]().fromUint8(dst, x, a, b)
}

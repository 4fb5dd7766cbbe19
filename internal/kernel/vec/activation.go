package vec

import "memprobe/internal/kernel/check"

// Activations, and the gradients dx = dy·f'(·), in terms of the input x or of the
// output y, whichever the name of the last slice says. NaN goes through. Bounds are as
// in elementwise.go; where an absolute error follows "or", the greater of the two
// bounds holds, and the absolute one is per unit of dy where |dy| > 1.

// Relu computes max(x, 0).
func Relu[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Relu(dst, x)
}

// ReluGrad computes dy where y > 0, else 0; x serves as well as y.
func ReluGrad[T Float](dx, dy, y []T) {
	check.Cover(len(dx), dy, y)
	Of[T]().ReluGrad(dx, dy, y)
}

// LeakyRelu computes x where x >= 0, else a·x.
func LeakyRelu[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().LeakyRelu(dst, x, a)
}

// LeakyReluGrad computes dy where x > 0, else a·dy.
func LeakyReluGrad[T Float](dx, dy, x []T, a T) {
	check.Cover(len(dx), dy, x)
	Of[T]().LeakyReluGrad(dx, dy, x, a)
}

// Clip computes min(max(x, lo), hi).
func Clip[T Float](dst, x []T, lo, hi T) {
	check.Cover(len(dst), x)
	Of[T]().Clip(dst, x, lo, hi)
}

// ClipGrad computes dy where lo <= x <= hi, else 0.
func ClipGrad[T Float](dx, dy, x []T, lo, hi T) {
	check.Cover(len(dx), dy, x)
	Of[T]().ClipGrad(dx, dy, x, lo, hi)
}

// Elu computes x where x > 0, else a·(eˣ-1), to 2.5 ULP.
func Elu[T Float](dst, x []T, a T) {
	check.Cover(len(dst), x)
	Of[T]().Elu(dst, x, a)
}

// EluGrad computes dy where x > 0, else dy·a·eˣ, to 3 ULP or 3e-45.
func EluGrad[T Float](dx, dy, x []T, a T) {
	check.Cover(len(dx), dy, x)
	Of[T]().EluGrad(dx, dy, x, a)
}

// Tanh computes the hyperbolic tangent to 2.5 ULP.
func Tanh[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Tanh(dst, x)
}

// TanhGrad computes dy·(1-y²) to 2 ULP.
func TanhGrad[T Float](dx, dy, y []T) {
	check.Cover(len(dx), dy, y)
	Of[T]().TanhGrad(dx, dy, y)
}

// Sigmoid computes 1/(1+e⁻ˣ) to 2.5 ULP or 5e-39.
func Sigmoid[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Sigmoid(dst, x)
}

// SigmoidGrad computes dy·y·(1-y) to 2 ULP.
func SigmoidGrad[T Float](dx, dy, y []T) {
	check.Cover(len(dx), dy, y)
	Of[T]().SigmoidGrad(dx, dy, y)
}

// Gelu computes x·Φ(x), where Φ is the normal distribution function
// (Hendrycks and Gimpel 2016), to 4 ULP or 2e-37; 0 at -Inf.
func Gelu[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Gelu(dst, x)
}

// GeluGrad computes dy·(Φ(x) + x·φ(x)), where φ is the density, to 6 ULP or 2e-7.
func GeluGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().GeluGrad(dx, dy, x)
}

// GeluTanh computes Gelu by its approximation
// x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))), to 5 ULP or 3e-8.
func GeluTanh[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().GeluTanh(dst, x)
}

// GeluTanhGrad computes dy times the derivative of GeluTanh to 4 ULP or 3e-7.
func GeluTanhGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().GeluTanhGrad(dx, dy, x)
}

// Silu computes x/(1+e⁻ˣ) to 3 ULP or 4e-37; 0 at -Inf.
func Silu[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Silu(dst, x)
}

// SiluGrad computes dy·(s + x·s·(1-s)) with s = 1/(1+e⁻ˣ) to 3 ULP or 2e-7.
func SiluGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().SiluGrad(dx, dy, x)
}

// Softplus computes ln(1+eˣ) to 2 ULP or 2e-38.
func Softplus[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().Softplus(dst, x)
}

// SoftplusGrad computes dy/(1+e⁻ˣ) to 3 ULP or 5e-39.
func SoftplusGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().SoftplusGrad(dx, dy, x)
}

// HardSigmoid computes min(max(a·x + b, 0), 1).
func HardSigmoid[T Float](dst, x []T, a, b T) {
	check.Cover(len(dst), x)
	Of[T]().HardSigmoid(dst, x, a, b)
}

// HardSigmoidGrad computes a·dy where 0 < a·x + b < 1, else 0.
func HardSigmoidGrad[T Float](dx, dy, x []T, a, b T) {
	check.Cover(len(dx), dy, x)
	Of[T]().HardSigmoidGrad(dx, dy, x, a, b)
}

// HardSwish computes x·min(max(x/6 + 1/2, 0), 1) to 2 ULP or 2e-7.
func HardSwish[T Float](dst, x []T) {
	check.Cover(len(dst), x)
	Of[T]().HardSwish(dst, x)
}

// HardSwishGrad computes 0 for x <= -3, dy for x >= 3, else dy·(x/3 + 1/2), to
// 2 ULP or 1e-7.
func HardSwishGrad[T Float](dx, dy, x []T) {
	check.Cover(len(dx), dy, x)
	Of[T]().HardSwishGrad(dx, dy, x)
}

package ref

import "math"

// The passes of a normalisation. They walk rows of s contiguous elements, row r
// having parameters of its own at index r; len(mean), len(a) or len(sum) is the
// number of rows.

// AddSums adds Σ x of each row to sum.
func AddSums[T Float](sum []float64, x []T, s int) {
	for r := range sum {
		sum[r] += Sum(x[r*s:][:s])
	}
}

// Moments adds Σ (x-shift) and Σ (x-shift)² of each row to sum and sumSq. A shift near the mean keeps
// what the variance loses to a mean that is large beside it.
func Moments[T Float](sum, sumSq []float64, x, shift []T, s int) {
	for r := range sum {
		var total, square float64 // of the row, to the same bits whatever they are added to
		for _, e := range x[r*s:][:s] {
			d := float64(e - shift[r])
			total += d
			square += d * d
		}
		sum[r] += total
		sumSq[r] += square
	}
}

// GradMoments adds Σ dy and Σ dy·(x-mean) of each row to sum and dot.
func GradMoments[T Float](sum, dot []float64, dy, x, mean []T, s int) {
	for r := range sum {
		var total, product float64
		for i := r * s; i < (r+1)*s; i++ {
			total += float64(dy[i])
			product += float64(dy[i]) * float64(x[i]-mean[r])
		}
		sum[r] += total
		dot[r] += product
	}
}

// GatedGradMoments is GradMoments over the dy for which a·(x-mean) + b > 0.
func GatedGradMoments[T Float](sum, dot []float64, dy, x, mean, a, b []T, s int) {
	for r := range sum {
		var total, product float64
		for i := r * s; i < (r+1)*s; i++ {
			centred := x[i] - mean[r]
			d := float64(gate(dy[i], fma(a[r], centred, b[r])))
			total += d
			product += d * float64(centred)
		}
		sum[r] += total
		dot[r] += product
	}
}

// ReluGradMoments is d = dy where y > 0, else 0, and GradMoments of it. d may be dy.
func ReluGradMoments[T Float](sum, dot []float64, d, dy, y, x, mean []T, s int) {
	n := len(sum) * s
	ReluGrad(d[:n], dy[:n], y[:n])
	GradMoments(sum, dot, d, x, mean, s)
}

// MulRows is y = a·x.
func MulRows[T Float](y, x, a []T, s int) {
	for r := range a {
		MulScalar(y[r*s:][:s], x[r*s:][:s], a[r])
	}
}

// Normalize is y = a·(x-mean) + b.
func Normalize[T Float](y, x, mean, a, b []T, s int) {
	for r := range mean {
		for i := r * s; i < (r+1)*s; i++ {
			y[i] = fma(a[r], x[i]-mean[r], b[r])
		}
	}
}

// NormalizeRelu is y = max(a·(x-mean) + b, 0).
func NormalizeRelu[T Float](y, x, mean, a, b []T, s int) {
	Normalize(y, x, mean, a, b, s)
	n := len(mean) * s
	Relu(y[:n], y[:n])
}

// NormalizeAdd is y = a·(x-mean) + b + residual.
func NormalizeAdd[T Float](y, x, residual, mean, a, b []T, s int) {
	for r := range mean {
		for i := r * s; i < (r+1)*s; i++ {
			y[i] = fma(a[r], x[i]-mean[r], b[r]) + residual[i]
		}
	}
}

// NormalizeAddRelu is y = max(a·(x-mean) + b + residual, 0).
func NormalizeAddRelu[T Float](y, x, residual, mean, a, b []T, s int) {
	NormalizeAdd(y, x, residual, mean, a, b, s)
	n := len(mean) * s
	Relu(y[:n], y[:n])
}

// NormalizeGrad is dx = p·dy + (q·(x-mean) + c).
func NormalizeGrad[T Float](dx, dy, x, mean, p, q, c []T, s int) {
	for r := range mean {
		for i := r * s; i < (r+1)*s; i++ {
			dx[i] = fma(p[r], dy[i], fma(q[r], x[i]-mean[r], c[r]))
		}
	}
}

// GatedNormalizeGrad is NormalizeGrad with 0 for the dy for which
// a·(x-mean) + b is not > 0.
func GatedNormalizeGrad[T Float](dx, dy, x, mean, a, b, p, q, c []T, s int) {
	for r := range mean {
		for i := r * s; i < (r+1)*s; i++ {
			d := gate(dy[i], fma(a[r], x[i]-mean[r], b[r]))
			dx[i] = fma(p[r], d, fma(q[r], x[i]-mean[r], c[r]))
		}
	}
}

// RowNorm is y = (x-mean)·inv·scale + bias over one row.
func RowNorm[T Float](y, x, scale, bias []T, mean, inv T) {
	for i := range y {
		y[i] = fma((x[i]-mean)*inv, scale[i], bias[i])
	}
}

// RowNormGradSums returns Σ g and Σ g·z over one row, with g = dy·scale and
// z = (x-mean)·inv.
func RowNormGradSums[T Float](dy, x, scale []T, mean, inv T) (sum, dot float64) {
	for i := range dy {
		g, z := dy[i]*scale[i], (x[i]-mean)*inv
		sum += float64(g)
		dot += float64(g) * float64(z)
	}
	return sum, dot
}

// RowNormGrad is dx = inv·(g - c - z·d) over one row, with g = dy·scale and
// z = (x-mean)·inv; it adds dy·z to dscale and dy to dbias.
func RowNormGrad[T Float](dx, dscale, dbias, dy, x, scale []T, mean, inv, c, d T) {
	for i := range dx {
		z := (x[i] - mean) * inv
		dscale[i] = fma(dy[i], z, dscale[i])
		dbias[i] += dy[i]
		dx[i] = inv * fma(-z, d, fma(dy[i], scale[i], -c))
	}
}

// SoftmaxGrad is dx = y·(dy - s) over one row.
func SoftmaxGrad[T Float](dx, dy, y []T, s T) {
	for i := range dx {
		dx[i] = y[i] * (dy[i] - s)
	}
}

// LogSoftmaxGrad is dx = dy - s·exp(y) over one row.
func LogSoftmaxGrad[T Float](dx, dy, y []T, s T) {
	for i := range dx {
		dx[i] = fma(-s, T(math.Exp(float64(y[i]))), dy[i])
	}
}

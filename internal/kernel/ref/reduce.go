package ref

import "math"

// Sum is Σ x.
func Sum[T Float](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// SumSq is Σ x².
func SumSq[T Float](x []T) float64 { return Dot(x, x) }

// Dot is Σ a·b.
func Dot[T Float](a, b []T) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

// ShortDot is Dot for rows that may be summed in the precision of T, by lanes.
func ShortDot[T Float](a, b []T) float64 { return Dot(a, b) }

// AddWide adds x to the sums: sum[i] += x[i].
func AddWide[T Float](sum []float64, x []T) {
	for i, v := range x {
		sum[i] += float64(v)
	}
}

// MaxOf is the largest element, NaN if any is; -Inf if x is empty.
func MaxOf[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		m = maxOf(m, v)
	}
	return m
}

// MinOf is the smallest element, NaN if any is; +Inf if x is empty.
func MinOf[T Float](x []T) T {
	m := T(math.Inf(1))
	for _, v := range x {
		m = minOf(m, v)
	}
	return m
}

// ArgMax is the index of the first element that is MaxOf(x); -1 if x is empty.
func ArgMax[T Float](x []T) int {
	best := -1
	for i, v := range x {
		if best < 0 || v > x[best] || v != v && x[best] == x[best] {
			best = i
		}
	}
	return best
}

// ArgMin is the index of the first element that is MinOf(x); -1 if x is empty.
func ArgMin[T Float](x []T) int {
	best := -1
	for i, v := range x {
		if best < 0 || v < x[best] || v != v && x[best] == x[best] {
			best = i
		}
	}
	return best
}

// ExpSum is dst = exp(x - m), and returns Σ dst.
func ExpSum[T Float](dst, x []T, m T) float64 {
	s := 0.0
	for i := range dst {
		dst[i] = T(math.Exp(float64(x[i] - m)))
		s += float64(dst[i])
	}
	return s
}

// SoftmaxRows is y = exp(x - m)/Σ exp(x - m) for each row of d elements, of which m is
// the largest; y may be x.
func SoftmaxRows[T Float](y, x []T, d int) {
	for ; len(x) > 0; x, y = x[d:], y[d:] {
		row := y[:d]
		MulScalar(row, row, T(1/ExpSum(row, x, MaxOf(x[:d]))))
	}
}

// Match sets at to k where x equals m or both are NaN.
func Match[T Float](at, x, m []T, k T) {
	for i := range at {
		if x[i] == m[i] || x[i] != x[i] && m[i] != m[i] {
			at[i] = k
		}
	}
}

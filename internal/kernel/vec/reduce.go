package vec

import "memprobe/internal/kernel/check"

// Sum returns Σ x, accumulated in float64 in an order that the length decides.
func Sum[T Float](x []T) float64 { return Of[T]().Sum(x) }

// SumSq returns Σ x², accumulated like Sum.
func SumSq[T Float](x []T) float64 { return Of[T]().SumSq(x) }

// Dot returns Σ a·b over the elements of a, accumulated like Sum.
func Dot[T Float](a, b []T) float64 {
	check.Cover(len(a), b)
	return Of[T]().Dot(a, b)
}

// AddWide adds each element of x to its sum: sum[i] += x[i].
func AddWide[T Float](sum []float64, x []T) {
	check.Cover(len(x), sum)
	Of[T]().AddWide(sum, x)
}

// MaxOf returns the largest element, NaN if any is; -Inf if x is empty.
func MaxOf[T Float](x []T) T { return Of[T]().MaxOf(x) }

// MinOf returns the smallest element, NaN if any is; +Inf if x is empty.
func MinOf[T Float](x []T) T { return Of[T]().MinOf(x) }

// ArgMax returns the index of the first element that is MaxOf(x); -1 if x is empty.
func ArgMax[T Float](x []T) int { return Of[T]().ArgMax(x) }

// ArgMin returns the index of the first element that is MinOf(x); -1 if x is empty.
func ArgMin[T Float](x []T) int { return Of[T]().ArgMin(x) }

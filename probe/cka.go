package probe

import (
	"context"
	"fmt"
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/probe/result"
)

// CKA is the linear centred kernel alignment of two representations of the same
// n samples, x [n,dx] and y [n,dy]:
//
//	biased    ‖YᵀX‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F), columns centred
//	debiased  the same quotient of unbiased estimates of the Hilbert-Schmidt
//	          independence criterion,
//	          HSIC(K,L) = (tr K̃L̃ + 1ᵀK̃1·1ᵀL̃1/((n−1)(n−2)) − 2·1ᵀK̃L̃1/(n−2)) / (n(n−3)),
//	          K̃ and L̃ being XXᵀ and YYᵀ with a zero diagonal
//
// Both are 1 for representations that agree up to rotation and scale; the
// debiased one is about 0 for independent ones even where d is not small
// beside n, and may be negative. They are NaN where a representation is
// constant, the debiased one also where its estimate with itself is not above the
// rounding of float32, as where all samples are equally far apart. It fails for fewer than 4 samples.
//
// Kornblith et al. 2019; Song et al. 2012 (the unbiased estimate).
func CKA(pool *parallel.Pool, x, y Features) (biased, debiased float64, err error) {
	if err := x.check("CKA", 4); err != nil {
		return 0, 0, err
	}
	if err := y.check("CKA", 4); err != nil {
		return 0, 0, err
	}
	if x.N != y.N {
		return 0, 0, fmt.Errorf("probe: CKA: %d and %d samples, want the same", x.N, y.N)
	}
	// Centring changes neither estimate, and keeps sums small.
	x, y = x.centred(), y.centred()
	xy, xx, yy := crossNorm(pool, x, y), crossNorm(pool, x, x), crossNorm(pool, y, y)
	biased = xy / (math.Sqrt(xx) * math.Sqrt(yy))
	kx, ky := rowSums(x), rowSums(y)
	debiased = unbiasedHSIC(kx, ky, xy-diagonal(x, y)) / (selfHSIC(x, kx, xx-diagonal(x, x)) * selfHSIC(y, ky, yy-diagonal(y, y)))
	return biased, debiased, nil
}

// crossNorm is ‖YᵀX‖²_F = Σ (XXᵀ)∘(YYᵀ), in whichever form takes less work.
func crossNorm(pool *parallel.Pool, x, y Features) float64 {
	n := x.N
	if float64(x.D)*float64(y.D)*float64(n) <= float64(n)*float64(n)*float64(x.D+y.D) {
		a, b := x.transposed(), y.transposed()
		return sumRows(pool, a.N, func(i int) float64 {
			s := 0.0
			for j := range b.N {
				d := vec.Dot(a.Row(i), b.Row(j))
				s += d * d
			}
			return s
		})
	}
	return sumRows(pool, n, func(i int) float64 {
		s := 0.0
		for j := range n {
			s += vec.Dot(x.Row(i), x.Row(j)) * vec.Dot(y.Row(i), y.Row(j))
		}
		return s
	})
}

// sumRows adds f(0) … f(n−1), computed by the pool, in this order.
func sumRows(pool *parallel.Pool, n int, f func(i int) float64) float64 {
	part := make([]float64, n)
	pool.For(n, func(_, i int) { part[i] = f(i) })
	s := 0.0
	for _, v := range part {
		s += v
	}
	return s
}

// diagonal is Σ ‖xᵢ‖²‖yᵢ‖², what the diagonals of XXᵀ and YYᵀ add to tr XXᵀYYᵀ.
func diagonal(x, y Features) float64 {
	s := 0.0
	for i := range x.N {
		s += vec.Dot(x.Row(i), x.Row(i)) * vec.Dot(y.Row(i), y.Row(i))
	}
	return s
}

// unbiasedHSIC is Song et al.'s estimate for linear kernels, given the row sums K̃1 and
// L̃1 and tr K̃L̃.
func unbiasedHSIC(kx, ky []float64, trace float64) float64 {
	n, sumX, sumY, both := float64(len(kx)), 0.0, 0.0, 0.0
	for i := range kx {
		sumX += kx[i]
		sumY += ky[i]
		both += kx[i] * ky[i]
	}
	return (trace + sumX*sumY/((n-1)*(n-2)) - 2*both/(n-2)) / (n * (n - 3))
}

// selfHSIC is the root of the unbiased estimate of x with itself; NaN where that is not
// above rounding.
func selfHSIC(x Features, kx []float64, trace float64) float64 {
	h, n := unbiasedHSIC(kx, kx, trace), float64(x.N)
	if !(h > 0x1p-24*(trace+diagonal(x, x))/(n*(n-3))) {
		return math.NaN()
	}
	return math.Sqrt(h)
}

// rowSums is K̃1: xᵢ·Σx − ‖xᵢ‖².
func rowSums(x Features) []float64 {
	total := x.mean()
	for j := range total {
		total[j] *= float64(x.N)
	}
	k := make([]float64, x.N)
	for i := range k {
		for j, v := range x.Row(i) {
			k[i] += float64(v) * (total[j] - float64(v))
		}
	}
	return k
}

func ckaRow(name, with string, other func(l *LayerData) Features) Metric {
	return Metric{Metric: result.Metric{Name: name, Title: "Linear CKA with the " + with, Unit: "CKA",
		Scale:      result.Fraction,
		Definition: "|Y'X|² / (|X'X| |Y'Y|), centred, Frobenius norms; debiased: of unbiased estimates",
		Source:     "Kornblith et al. 2019; Song et al. 2012",
		Parts:      parts(name, [2]string{"debiased", "debiased"}, [2]string{"biased", "biased"})},
		With: sampled,
		Measure: func(_ context.Context, l *LayerData) (result.Values, error) {
			biased, debiased, err := CKA(l.Workers, l.Sampled(), other(l))
			return result.Values{name + ".biased": result.Number(biased), name + ".debiased": result.Number(debiased)}, err
		}}
}

package main

import "math"

// fit returns the coefficients, lowest first, of the polynomial of the given
// degree that meets f at the Chebyshev points of [lo,hi]; its error is within a
// small factor of the least possible one.
func fit(f func(float64) float64, lo, hi float64, degree int) []float64 {
	n := degree + 1
	mid, half := (lo+hi)/2, (hi-lo)/2
	// Chebyshev coefficients in u = (x-mid)/half.
	cheb := make([]float64, n)
	for k := range n {
		u := math.Cos(math.Pi * (float64(k) + 0.5) / float64(n))
		for j := range n {
			cheb[j] += 2 / float64(n) * f(mid+half*u) * math.Cos(float64(j)*math.Acos(u))
		}
	}
	cheb[0] /= 2
	// Powers of u, by T[j+1] = 2u·T[j] - T[j-1].
	inU := make([]float64, n)
	prev, cur := make([]float64, n), make([]float64, n)
	cur[0] = 1
	for j := range n {
		next := make([]float64, n)
		for i := range n {
			inU[i] += cheb[j] * cur[i]
			if i+1 < n {
				next[i+1] += 2 * cur[i]
			}
			next[i] -= prev[i]
		}
		if j == 0 {
			next = make([]float64, n)
			if n > 1 {
				next[1] = 1
			}
		}
		prev, cur = cur, next
	}
	// Powers of x, by Horner's rule on polynomials.
	out := make([]float64, n)
	for i := n - 1; i >= 0; i-- {
		for k := n - 1; k >= 0; k-- {
			out[k] *= -mid / half
			if k > 0 {
				out[k] += out[k-1] / half
			}
		}
		out[0] += inU[i]
	}
	return out
}

package ref

import "math"

func bits(b uint32) float32 { return math.Float32frombits(b) }

// clamp returns x bounded by lo and hi; NaN stays NaN.
func clamp[T Float](x, lo, hi T) T {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

// Gemm computes c = act(alpha·op(a)·op(b) [+ c] + bias), see [GemmSpec].
// bias is read where s.BiasRow or s.BiasCol is set.
//
//go:norace
func Gemm[T Float](s GemmSpec, c, a, b, bias []T) {
	s = s.Normal()
	ai, ak := s.LDA, 1
	if s.TransA {
		ai, ak = ak, ai
	}
	bk, bj := s.LDB, 1
	if s.TransB {
		bk, bj = bj, bk
	}
	lo, hi, clamped := s.Act.Bounds(s.Lo, s.Hi)
	for n := range s.Batch {
		for i := range s.M {
			for j := range s.N {
				var sum T
				ia, ib := n*s.StrideA+i*ai, n*s.StrideB+j*bj
				for range s.K {
					sum += a[ia] * b[ib]
					ia += ak
					ib += bk
				}
				sum *= T(s.Alpha)
				ic := n*s.StrideC + i*s.LDC + j
				if s.Accumulate {
					sum += c[ic]
				}
				if s.BiasRow {
					sum += bias[i]
				} else if s.BiasCol {
					sum += bias[j]
				}
				if clamped {
					sum = clamp(sum, T(lo), T(hi))
				}
				c[ic] = sum
			}
		}
	}
}

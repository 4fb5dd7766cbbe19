package ref

// each calls f for every tap of the kernel in every row of the output that it reaches, in a
// fixed order: the tap w[wi] joins n pixels of the row, from y[yi] on, to x[xi], x[xi+StrideW], ….
func (s ConvSpec) each(f func(xi, wi, yi, n int)) {
	oh, ow := s.OutH(), s.OutW()
	cg, mg := s.C/s.Group, s.M/s.Group
	for n := range s.N {
		for m := range s.M {
			for cc := range cg {
				c := m/mg*cg + cc
				for kh := range s.KH {
					for kw := range s.KW {
						wi := ((m*cg+cc)*s.KH+kh)*s.KW + kw
						left := kw*s.DilationW - s.PadLeft // the column of x for column 0 of y
						first := max(0, (s.StrideW-1-left)/s.StrideW)
						end := min(ow, (s.W-left+s.StrideW-1)/s.StrideW)
						for p := range oh {
							h := p*s.StrideH + kh*s.DilationH - s.PadTop
							if h >= 0 && h < s.H && first < end {
								f(((n*s.C+c)*s.H+h)*s.W+left+first*s.StrideW, wi, ((n*s.M+m)*oh+p)*ow+first, end-first)
							}
						}
					}
				}
			}
		}
	}
}

// The race detector leaves out the three loops over a row, [Gemm] and [SquaredDistance], as it
// does their twins in assembly: tests that compute by these definitions would take thirty
// times as long.

// addScaled adds w·x to y; elements of x are step apart.
//
//go:norace
func addScaled[T Float](y, x []T, w T, step int) {
	for i := range y {
		y[i] += x[i*step] * w
	}
}

// spreadScaled adds w·dy to elements of dx that are step apart.
//
//go:norace
func spreadScaled[T Float](dx, dy []T, w T, step int) {
	for i, d := range dy {
		dx[i*step] += d * w
	}
}

// addProducts returns sum + Σ x·dy; elements of x are step apart.
//
//go:norace
func addProducts[T Float](sum T, x, dy []T, step int) T {
	for i, d := range dy {
		sum += x[i*step] * d
	}
	return sum
}

// Conv computes y = act(conv(x, w) + bias + residual), see [ConvSpec].
func Conv[T Float](s ConvSpec, y, x, w, bias, residual []T) {
	_, _, ny := s.Lengths()
	clear(y[:ny])
	s.each(func(xi, wi, yi, n int) { addScaled(y[yi:yi+n], x[xi:], w[wi], s.StrideW) })
	lo, hi, clamped := s.Act.Bounds(s.Lo, s.Hi)
	hw := s.OutH() * s.OutW()
	for i := range y[:ny] {
		if s.Bias {
			y[i] += bias[i/hw%s.M]
		}
		if s.Residual {
			y[i] += residual[i]
		}
		if clamped {
			y[i] = clamp(y[i], T(lo), T(hi))
		}
	}
}

// ConvGradX computes dx, the gradient of Σ dy·conv(x, w) with respect to x.
func ConvGradX[T Float](s ConvSpec, dx, dy, w []T) {
	nx, _, _ := s.Lengths()
	clear(dx[:nx])
	s.each(func(xi, wi, yi, n int) { spreadScaled(dx[xi:], dy[yi:yi+n], w[wi], s.StrideW) })
}

// ConvGradW computes dw, the gradient of Σ dy·conv(x, w) with respect to w.
func ConvGradW[T Float](s ConvSpec, dw, x, dy []T) {
	_, nw, _ := s.Lengths()
	clear(dw[:nw])
	s.each(func(xi, wi, yi, n int) { dw[wi] = addProducts(dw[wi], x[xi:], dy[yi:yi+n], s.StrideW) })
}

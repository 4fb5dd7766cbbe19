package ref

// each calls f for every pair of an input pixel and an output pixel that a tap
// of the kernel joins, in a fixed order; xi, wi and yi index x, w and y.
func (s ConvSpec) each(f func(xi, wi, yi int)) {
	oh, ow := s.OutH(), s.OutW()
	cg, mg := s.C/s.Group, s.M/s.Group
	for n := range s.N {
		for m := range s.M {
			for cc := range cg {
				c := m/mg*cg + cc
				for kh := range s.KH {
					for kw := range s.KW {
						wi := ((m*cg+cc)*s.KH+kh)*s.KW + kw
						for p := range oh {
							h := p*s.StrideH + kh*s.DilationH - s.PadTop
							if h < 0 || h >= s.H {
								continue
							}
							for q := range ow {
								if w := q*s.StrideW + kw*s.DilationW - s.PadLeft; w >= 0 && w < s.W {
									f(((n*s.C+c)*s.H+h)*s.W+w, wi, ((n*s.M+m)*oh+p)*ow+q)
								}
							}
						}
					}
				}
			}
		}
	}
}

// Conv computes y = act(conv(x, w) + bias + residual), see [ConvSpec].
func Conv[T Float](s ConvSpec, y, x, w, bias, residual []T) {
	_, _, ny := s.Lengths()
	clear(y[:ny])
	s.each(func(xi, wi, yi int) { y[yi] += x[xi] * w[wi] })
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
	s.each(func(xi, wi, yi int) { dx[xi] += dy[yi] * w[wi] })
}

// ConvGradW computes dw, the gradient of Σ dy·conv(x, w) with respect to w.
func ConvGradW[T Float](s ConvSpec, dw, x, dy []T) {
	_, nw, _ := s.Lengths()
	clear(dw[:nw])
	s.each(func(xi, wi, yi int) { dw[wi] += x[xi] * dy[yi] })
}

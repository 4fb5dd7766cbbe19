package kernel

// shortRow is the longest row of outputs for which sums walk their windows element
// by element: vectors of so few cost more to begin than they save.
const shortRow = 8

// extent is the part [lo, hi) of the taps of a window from start that lie in an
// axis of the given size.
func extent(start, dilation, taps, size int) (lo, hi int) {
	if start < 0 {
		lo = (-start + dilation - 1) / dilation
	}
	return lo, min(taps, (size-1-start+dilation)/dilation)
}

// avgShort pools one plane.
func (n *Pool[T]) avgShort(y, x []T) {
	s := &n.spec
	for o := range y {
		oh, ow := o/n.ow, o%n.ow
		h, w := oh*s.StrideH-s.PadTop, ow*s.StrideW-s.PadLeft
		h0, h1 := extent(h, s.DilationH, s.KH, s.H)
		w0, w1 := extent(w, s.DilationW, s.KW, s.W)
		var sum T
		for kh := h0; kh < h1; kh++ {
			row := x[(h+kh*s.DilationH)*s.W:][:s.W]
			for kw := w0; kw < w1; kw++ {
				sum += row[w+kw*s.DilationW]
			}
		}
		y[o] = sum / (n.countH[oh] * n.countW[ow])
	}
}

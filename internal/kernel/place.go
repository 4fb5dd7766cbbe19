package kernel

// placeImages copies the results for several images to y, and adds the residual.
func (d *direct) placeImages(j *job, out []float32) {
	s := &d.spec
	lo, hi, clamps := s.Act.Bounds(s.Lo, s.Hi)
	for m := j.p0 * mr; m < min(j.p1*mr, d.outC); m++ {
		row := out[(m-j.p0*mr)*d.columns():]
		for n := j.n0; n < j.n1; n++ {
			from := row[(n-j.n0)*d.outPlane:][:d.outPlane]
			first := ((n*s.Group+j.g)*d.outC + m) * d.outPlane
			to := d.y[first:][:d.outPlane]
			copy(to, from)
			if !s.Residual {
				continue
			}
			for i, r := range d.residual[first:][:d.outPlane] {
				to[i] += r
				if clamps {
					if to[i] < lo {
						to[i] = lo
					}
					if to[i] > hi {
						to[i] = hi
					}
				}
			}
		}
	}
}

// placeStrided interleaves the results of the phases in dx, row by row.
func (d *direct) placeStrided(j *job, out []float32) {
	s := &d.spec
	for n := j.n0; n < j.n1; n++ {
		for c := j.p0 * mr; c < min(j.p1*mr, d.outC); c++ {
			plane := d.y[((n*s.Group+j.g)*d.outC+c)*d.outPlane:][:d.outPlane]
			from := (c-j.p0*mr)*d.columns() + (n-j.n0)*d.p.outH*d.p.outW
			for h := j.r0 * s.StrideH; h < min(j.r1*s.StrideH, s.H); h++ {
				i := h/s.StrideH - j.r0
				d.placeRow(plane[h*s.W:][:s.W], h%s.StrideH*s.StrideW, out, from+i*d.p.outW)
			}
		}
	}
}

// placeRow interleaves a row of the phases from first on; each lies at from in
// the results of its phase.
func (d *direct) placeRow(row []float32, first int, out []float32, from int) {
	if stride := d.spec.StrideW; stride == 2 {
		zip(&row[0], &d.phaseRow(first, out, from)[0], &d.phaseRow(first+1, out, from)[0], len(row))
	} else {
		for b := range stride {
			src := d.phaseRow(first+b, out, from)
			for i, w := 0, b; w < len(row); i, w = i+1, w+stride {
				row[w] = src[i]
			}
		}
	}
}

// phaseRow is a row of the results of phase q, zeros where no tap reaches it.
func (d *direct) phaseRow(q int, out []float32, from int) []float32 {
	if len(d.phases[q].off) == 0 {
		return d.zeros
	}
	return out[from+q*d.panels*mr*d.columns():]
}

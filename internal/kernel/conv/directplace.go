package conv

import "memprobe/internal/kernel/tile"

// placeImages copies the results for several images to y, and adds the residual.
func (d *direct) placeImages(j *job, out []float32) {
	s := &d.spec
	lo, hi, clamps := s.Act.Bounds(s.Lo, s.Hi)
	for m := j.p0 * tile.MR; m < min(j.p1*tile.MR, d.outC); m++ {
		row := out[(m-j.p0*tile.MR)*d.columns():]
		for n := j.n0; n < j.n1; n++ {
			from := row[(n-j.n0)*d.outPlane:][:d.outPlane]
			first := ((n*s.Group+j.g)*d.outC + m) * d.outPlane
			to := d.Y[first:][:d.outPlane]
			copy(to, from)
			if !s.Residual {
				continue
			}
			for i, r := range d.Residual[first:][:d.outPlane] {
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

// placeStrided interleaves the results of the phases in dx.
func (d *direct) placeStrided(j *job, out []float32) {
	s := &d.spec
	for n := j.n0; n < j.n1; n++ {
		for c := j.p0 * tile.MR; c < min(j.p1*tile.MR, d.outC); c++ {
			plane := d.Y[((n*s.Group+j.g)*d.outC+c)*d.outPlane:][:d.outPlane]
			from := (c-j.p0*tile.MR)*d.columns() + (n-j.n0)*d.p.OutH*d.p.OutW
			d.placer.Place(plane, out[from:], d.panels*tile.MR*d.columns(), j.r0, j.r1)
		}
	}
}

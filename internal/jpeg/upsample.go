package jpeg

import "memprobe/internal/kernel/picture"

// upsampler makes rows of pixels of a component's samples, as libjpeg does. Where
// half as many samples as pixels lie along an axis, a pixel is a quarter of a sample
// away from the nearest one and is 3/4 of it and 1/4 of its neighbour on the other
// side; the outermost pixels take the nearest sample. Rows of two samples or fewer,
// and all other ratios, repeat the nearest sample. Rounding alternates from pixel to
// pixel, so that it does not add up.
type upsampler struct {
	*component
	wide, tall int     // pixels a sample, along a row and down a column
	sums       []int32 // 3·near + far of two rows
	out        []byte  // a row of pixels, and what is left of the last sample
}

func (d *decoder) upsampler(c *component) *upsampler {
	u := &upsampler{component: c, wide: d.hmax / c.h, tall: d.vmax / c.v}
	u.sums, u.out = make([]int32, c.cols), make([]byte, c.cols*u.wide)
	return u
}

// line is row i of samples.
func (u *upsampler) line(i int) []byte { return u.plane[i*u.stride:][:u.cols] }

// row is row y of pixels. It is valid until the next.
func (u *upsampler) row(y int) []byte {
	near := u.line(y / u.tall)
	far := near
	if u.tall == 2 {
		far = u.line(min(max(y/2+2*(y%2)-1, 0), u.rows-1))
	}
	switch {
	case u.wide == 1 && u.tall == 2:
		for i, v := range near {
			u.out[i] = byte((3*int32(v) + int32(far[i]) + 1 + int32(y%2)) >> 2)
		}
	case u.wide == 1:
		return near
	case u.wide == 2 && u.tall == 1 && u.cols > 2:
		u.between(near)
	case u.wide == 2 && u.tall == 2 && u.cols > 2:
		u.across(near, far)
	default:
		for i := range u.out {
			u.out[i] = near[i/u.wide]
		}
	}
	return u.out
}

// between makes two pixels of each sample of a row.
func (u *upsampler) between(near []byte) {
	last, out := len(near)-1, u.out
	out[0], out[2*last+1] = near[0], near[last]
	a := int32(near[0])
	for i, v := range near[1:] {
		b, o := int32(v), out[2*i+1:][:2]
		o[0], o[1] = byte((3*a+b+2)>>2), byte((3*b+a+1)>>2)
		a = b
	}
}

// across makes two pixels of each sample, between two rows.
func (u *upsampler) across(near, far []byte) {
	last := len(near) - 1
	u.out[0] = byte((4*(3*int32(near[0])+int32(far[0])) + 8) >> 4)
	picture.Double(u.out[1:], near, far)
	u.out[2*last+1] = byte((4*(3*int32(near[last])+int32(far[last])) + 7) >> 4)
}

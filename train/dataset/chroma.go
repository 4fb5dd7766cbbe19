package dataset

import "image"

// chroma interpolates the colour planes of a JPEG as libjpeg does ("fancy
// upsampling"), so that the pixels are those of PIL. Each pixel lies a quarter of a
// sample from the nearest one and is 3/4 of it and 1/4 of its other neighbour,
// along each axis that has half the samples; the outermost pixels, and the planes
// of two samples or fewer a row, take the nearest sample, as do planes of another
// ratio. Rounding is libjpeg's: it alternates between pixels.
type chroma struct {
	ratio image.YCbCrSubsampleRatio
	w, h  int    // of the plane
	sums  []int  // 3·near + far of two rows
	out   []byte // a row of pixels
}

// newChroma is for pictures of w×h pixels.
func newChroma(ratio image.YCbCrSubsampleRatio, w, h int) *chroma {
	c := &chroma{ratio: ratio}
	sx, sy := c.step()
	c.w, c.h = (w+sx-1)/sx, (h+sy-1)/sy
	c.out = make([]byte, c.w*sx)
	c.sums = make([]int, c.w)
	return c
}

// step is how many pixels a sample stands for, along a row and down a column.
func (c *chroma) step() (x, y int) {
	switch c.ratio {
	case image.YCbCrSubsampleRatio422:
		return 2, 1
	case image.YCbCrSubsampleRatio420:
		return 2, 2
	case image.YCbCrSubsampleRatio440:
		return 1, 2
	case image.YCbCrSubsampleRatio411:
		return 4, 1
	case image.YCbCrSubsampleRatio410:
		return 4, 2
	}
	return 1, 1
}

// row is row y of pixels of a plane whose rows are stride bytes apart. It is valid
// until the next.
func (c *chroma) row(plane []byte, stride, y int) []byte {
	sx, sy := c.step()
	line := func(i int) []byte { return plane[i*stride : i*stride+c.w] }
	near := line(y / sy)
	far := line(min(max(y/sy+2*(y%2)-1, 0), c.h-1)) // of two rows of pixels, above the first and below the second
	switch {
	case c.ratio == image.YCbCrSubsampleRatio444:
		return near
	case c.ratio == image.YCbCrSubsampleRatio440:
		for i, v := range near {
			c.out[i] = byte((3*int(v) + int(far[i]) + 1 + y%2) >> 2)
		}
	case c.ratio == image.YCbCrSubsampleRatio422 && c.w > 2:
		for i, v := range near {
			c.sums[i] = int(v)
		}
		c.widen(1, 2, 2)
	case c.ratio == image.YCbCrSubsampleRatio420 && c.w > 2:
		for i, v := range near {
			c.sums[i] = 3*int(v) + int(far[i])
		}
		c.widen(8, 7, 4)
	default:
		for i := range c.out {
			c.out[i] = near[i/sx]
		}
	}
	return c.out
}

// widen makes two pixels of each sum: (3·sum + neighbour + bias) >> shift, with one
// bias left and one right of the sample.
func (c *chroma) widen(left, right int, shift uint) {
	s, out, last := c.sums, c.out, c.w-1
	out[0] = byte((4*s[0] + left) >> shift)
	out[2*last+1] = byte((4*s[last] + right) >> shift)
	for i := range last {
		out[2*i+1] = byte((3*s[i] + s[i+1] + right) >> shift)
		out[2*i+2] = byte((3*s[i+1] + s[i] + left) >> shift)
	}
}

// fromJPEG writes the pixels of a decoded JPEG to the planes dst [3,h,w].
func fromJPEG(dst []byte, m *image.YCbCr, e extent) {
	n := e.h * e.w
	us, vs := newChroma(m.SubsampleRatio, e.w, e.h), newChroma(m.SubsampleRatio, e.w, e.h)
	for y := range e.h {
		luma := m.Y[y*m.YStride:][:e.w]
		cb, cr := us.row(m.Cb, m.CStride, y)[:e.w], vs.row(m.Cr, m.CStride, y)[:e.w]
		r, g, b := dst[y*e.w:][:e.w], dst[n+y*e.w:][:e.w], dst[2*n+y*e.w:][:e.w]
		for x, l := range luma {
			r[x], g[x], b[x] = rgbOf(int32(l), int32(cb[x]), int32(cr[x]))
		}
	}
}

// rgbOf converts by JFIF, in libjpeg's integers:
//
//	R = Y + 1.402 (Cr−128)
//	G = Y − 0.344136 (Cb−128) − 0.714136 (Cr−128)
//	B = Y + 1.772 (Cb−128)
func rgbOf(y, cb, cr int32) (r, g, b uint8) {
	cb, cr = cb-128, cr-128
	const half = 1 << 15
	return clamp(y + (91881*cr+half)>>16), clamp(y + (-22554*cb-46802*cr+half)>>16), clamp(y + (116130*cb+half)>>16)
}

func clamp(v int32) uint8 {
	if uint32(v) <= 255 {
		return uint8(v)
	}
	return uint8(^(v >> 31)) // 0 below, 255 above
}

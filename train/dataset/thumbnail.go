package dataset

import "image"

// Thumbnail draws image i of a split of s in at most side pixels a side: in colour if it
// has three channels, in grey if it has one. It is nil where there is nothing to draw: of
// vectors, of other channels, and of an image with a pixel beyond [0,1].
func (s *Set) Thumbnail(of *Split, i, side int) image.Image {
	if s.Vectors || s.C != 1 && s.C != 3 {
		return nil
	}
	pixels := make([]float32, s.C*s.H*s.W)
	of.Float32(pixels, i)
	for _, v := range pixels {
		if !(v >= 0 && v <= 1) {
			return nil
		}
	}
	h, w := s.H, s.W
	if longer := max(h, w); longer > side {
		h, w = max(1, h*side/longer), max(1, w*side/longer)
	}
	planes := pixels
	if h != s.H || w != s.W {
		planes = make([]float32, s.C*h*w)
		r, work := newResizer(Preprocess{}, s.H, s.W, h, w), new(resizeScratch[float32])
		for c := range s.C {
			resizePlane(planes[c*h*w:][:h*w], pixels[c*s.H*s.W:][:s.H*s.W], r, work, floatPixels{})
		}
	}
	at := func(c, i int) uint8 { return uint8(planes[c*h*w+i]*255 + 0.5) }
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		dot := out.Pix[4*i:][:4]
		dot[0], dot[1], dot[2], dot[3] = at(0, i), at(s.C/2, i), at(s.C-1, i), 0xff
	}
	return out
}

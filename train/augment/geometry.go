package augment

// image is planar, [c,h,w].
type image struct {
	pix     []float32
	c, h, w int
}

func (im image) plane(i int) []float32 { return im.pix[i*im.h*im.w : (i+1)*im.h*im.w] }

// mirror reverses every row.
func mirror(im image) {
	for at := 0; at < len(im.pix); at += im.w {
		row := im.pix[at : at+im.w]
		for i, j := 0, len(row)-1; i < j; i, j = i+1, j-1 {
			row[i], row[j] = row[j], row[i]
		}
	}
}

// upend reverses the order of the rows.
func upend(im image) {
	for i := range im.c {
		p := im.plane(i)
		for top, bottom := 0, len(p)-im.w; top < bottom; top, bottom = top+im.w, bottom-im.w {
			a, b := p[top:top+im.w], p[bottom:bottom+im.w]
			for x := range a {
				a[x], b[x] = b[x], a[x]
			}
		}
	}
}

// crop takes the pixels of src from (top, left) on, which may lie outside; what
// does is 0.
func crop(dst, src image, top, left int) {
	lo, hi := min(max(0, -left), dst.w), max(0, min(dst.w, src.w-left))
	for i := range dst.c {
		to, from := dst.plane(i), src.plane(i)
		for y := range dst.h {
			row := to[y*dst.w : (y+1)*dst.w]
			if y+top < 0 || y+top >= src.h || lo >= hi {
				clear(row)
				continue
			}
			clear(row[:lo])
			at := (y+top)*src.w + left
			copy(row[lo:hi], from[at+lo:at+hi])
			clear(row[hi:])
		}
	}
}

// erase sets a rectangle to a value.
func erase(im image, b box, value float32) {
	for i := range im.c {
		p := im.plane(i)
		for y := b.top; y < b.top+b.h; y++ {
			row := p[y*im.w+b.left:][:b.w]
			for x := range row {
				row[x] = value
			}
		}
	}
}

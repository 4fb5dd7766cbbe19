package augment

import "math"

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

// matrix maps a point of the result to one of the source: x' = m₀x + m₁y + m₂,
// y' = m₃x + m₄y + m₅, the origin at the centre of the image.
type matrix [6]float64

// inverseAffine is the inverse of T·C·R·S·C⁻¹: rotation by an angle (clockwise,
// in degrees), shear (in degrees) and scale about a centre, then a translation;
// as torchvision's affine.
func inverseAffine(centre [2]float64, degrees float64, translate [2]float64, scale float64, shear [2]float64) matrix {
	const radian = math.Pi / 180
	rot, sx, sy := degrees*radian, shear[0]*radian, shear[1]*radian
	a := math.Cos(rot-sy) / math.Cos(sy)
	b := -math.Cos(rot-sy)*math.Tan(sx)/math.Cos(sy) - math.Sin(rot)
	c := math.Sin(rot-sy) / math.Cos(sy)
	d := -math.Sin(rot-sy)*math.Tan(sx)/math.Cos(sy) + math.Cos(rot)
	m := matrix{d / scale, -b / scale, 0, -c / scale, a / scale, 0}
	x, y := -centre[0]-translate[0], -centre[1]-translate[1]
	m[2] = m[0]*x + m[1]*y + centre[0]
	m[5] = m[3]*x + m[4]*y + centre[1]
	return m
}

// sources writes, for each pixel of an image, the index of the nearest source
// pixel in its plane, or −1 if that lies outside. The arithmetic is float32 as in
// torchvision's affine grid, products fused in the order x, y, 1, so that ties
// fall to the same pixel.
func (m matrix) sources(at []int32, h, w int) {
	var t [6]float32
	for i, v := range m {
		t[i] = float32(v) / (0.5 * float32([2]int{w, h}[i/3]))
	}
	x0, y0 := 0.5-0.5*float32(w), 0.5-0.5*float32(h)
	for y := range h {
		row := at[y*w : (y+1)*w]
		yg := float64(y0 + float32(y))
		rowX, rowY := yg*float64(t[1]), yg*float64(t[4])
		for x := range row {
			xg := x0 + float32(x)
			gx := float32(rowX+float64(xg*t[0])) + t[2]
			gy := float32(rowY+float64(xg*t[3])) + t[5]
			sx := nearest(((gx+1)*float32(w) - 1) / 2)
			sy := nearest(((gy+1)*float32(h) - 1) / 2)
			row[x] = -1
			if uint(sx) < uint(w) && uint(sy) < uint(h) {
				row[x] = int32(sy*w + sx)
			}
		}
	}
}

// nearest rounds half to even; what is far outside any image is −1.
func nearest(v float32) int {
	if !(v > -1 && v < 1<<30) {
		return -1
	}
	return int(math.RoundToEven(float64(v)))
}

// gather takes each pixel from where it comes from.
func gather(dst, src []float32, at []int32, outside float32) {
	for i, j := range at {
		if j >= 0 {
			dst[i] = src[j]
		} else {
			dst[i] = outside
		}
	}
}

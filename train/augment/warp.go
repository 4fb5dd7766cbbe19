package augment

import "math"

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

// grid is the source point of each pixel of an image, in pixels of the source: the
// centre of its first pixel is (0,0).
type grid struct{ x, y []float32 }

func newGrid(h, w int) grid { return grid{make([]float32, h*w), make([]float32, h*w)} }

// set fills the grid of an image [h,w]. The arithmetic is float32 as in
// torchvision's affine grid, products fused in the order x, y, 1, so that ties
// between two pixels fall to the same one.
func (g grid) set(m matrix, h, w int) {
	var t [6]float32
	for i, v := range m {
		t[i] = float32(v) / (0.5 * float32([2]int{w, h}[i/3]))
	}
	left, top := 0.5-0.5*float32(w), 0.5-0.5*float32(h)
	for y := range h {
		xs, ys := g.x[y*w:(y+1)*w], g.y[y*w:(y+1)*w]
		v := float64(top + float32(y))
		rowX, rowY := v*float64(t[1]), v*float64(t[4])
		for x := range xs {
			u := left + float32(x)
			px := float32(rowX+float64(u*t[0])) + t[2]
			py := float32(rowY+float64(u*t[3])) + t[5]
			xs[x], ys[x] = ((px+1)*float32(w)-1)/2, ((py+1)*float32(h)-1)/2
		}
	}
}

// nearest writes the index of each pixel's nearest source pixel in its plane, or
// −1 where that lies outside. Halves round to even.
func (g grid) nearest(at []int32, h, w int) {
	for i, x := range g.x {
		at[i] = -1
		sx, sy := round(x), round(g.y[i])
		if uint(sx) < uint(w) && uint(sy) < uint(h) {
			at[i] = int32(sy*w + sx)
		}
	}
}

// round rounds half to even; what is far outside any image is −1.
func round(v float32) int {
	if !(v > -1 && v < 1<<30) {
		return -1
	}
	return int(math.RoundToEven(float64(v)))
}

// bilinear interpolates between the four source pixels around each point; those
// outside count as 0.
func (g grid) bilinear(dst, src image) {
	for i, x := range g.x {
		y := g.y[i]
		if !(x > -1 && y > -1 && x < float32(src.w) && y < float32(src.h)) {
			for c := range src.c {
				dst.plane(c)[i] = 0
			}
			continue
		}
		left, top := int(x+1)-1, int(y+1)-1
		right, low := x-float32(left), y-float32(top)
		inLeft, inRight := left >= 0, left+1 < src.w
		at := top*src.w + left
		for c := range src.c {
			p, v := src.plane(c), float32(0)
			if top >= 0 && inLeft {
				v += p[at] * (1 - right) * (1 - low)
			}
			if top >= 0 && inRight {
				v += p[at+1] * right * (1 - low)
			}
			if top+1 < src.h && inLeft {
				v += p[at+src.w] * (1 - right) * low
			}
			if top+1 < src.h && inRight {
				v += p[at+src.w+1] * right * low
			}
			dst.plane(c)[i] = v
		}
	}
}

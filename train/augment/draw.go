package augment

import (
	"math"

	"memprobe/internal/rng"
)

// box is a rectangle of pixels.
type box struct{ top, left, h, w int }

// attempts is how often a rectangle is drawn before the draw is given up.
const attempts = 10

// drawShape draws an area, uniform on [lo,hi] of the image's, and an aspect
// ratio, log-uniform on [from,to]; it returns √(area·ratio) and √(area/ratio),
// rounded to the nearest integer, half to even.
func drawShape(s *rng.Stream, pixels int, lo, hi, from, to float64) (long, short int) {
	area := float64(pixels) * s.Uniform(lo, hi)
	ratio := math.Exp(s.Uniform(math.Log(from), math.Log(to)))
	return int(math.RoundToEven(math.Sqrt(area * ratio))), int(math.RoundToEven(math.Sqrt(area / ratio)))
}

// drawCrop draws the rectangle of RandomResizedCrop: its width over its height
// is the ratio. If none fits in ten attempts it is the greatest at the centre
// whose ratio is in the range.
func drawCrop(s *rng.Stream, h, w int, lo, hi, from, to float64) box {
	for range attempts {
		bw, bh := drawShape(s, h*w, lo, hi, from, to)
		if 0 < bw && bw <= w && 0 < bh && bh <= h {
			top := s.IntN(h - bh + 1)
			return box{top, s.IntN(w - bw + 1), bh, bw}
		}
	}
	bh, bw := h, w
	switch ratio := float64(w) / float64(h); {
	case ratio < from:
		bh = max(1, int(math.RoundToEven(float64(w)/from)))
	case ratio > to:
		bw = max(1, int(math.RoundToEven(float64(h)*to)))
	}
	return box{(h - bh) / 2, (w - bw) / 2, bh, bw}
}

// drawErase draws the rectangle of RandomErasing: its height over its width is
// the ratio, and it is smaller than the image on both sides. ok is false if none
// is in ten attempts.
func drawErase(s *rng.Stream, h, w int, lo, hi, from, to float64) (b box, ok bool) {
	for range attempts {
		bh, bw := drawShape(s, h*w, lo, hi, from, to)
		if bh < h && bw < w {
			top := s.IntN(h - bh + 1)
			return box{top, s.IntN(w - bw + 1), bh, bw}, true
		}
	}
	return box{}, false
}

// drawShift is uniform on the integers of [−pad,pad].
func drawShift(s *rng.Stream, pad int) int { return s.IntN(2*pad+1) - pad }

// affineDraw is what RandomAffine draws: angles in degrees, pixels.
type affineDraw struct {
	degrees, scale, shear float64
	translate             [2]float64
}

// drawAffine draws from the ranges v[0:2] of the angle, ±v[2] of the image's size,
// rounded to pixels, v[3:5] of the scale and v[5:7] of the shear.
func drawAffine(s *rng.Stream, h, w int, v []float64) affineDraw {
	a := affineDraw{degrees: s.Uniform(v[0], v[1])}
	for i, size := range [2]int{w, h} {
		far := v[2] * float64(size)
		a.translate[i] = math.RoundToEven(s.Uniform(-far, far))
	}
	a.scale, a.shear = s.Uniform(v[3], v[4]), s.Uniform(v[5], v[6])
	return a
}

// drawJitter draws what ColorJitter does: an order of brightness, contrast,
// saturation and hue, factors uniform on [max(0,1−v), 1+v] for the first three,
// and a turn uniform on [−v,v] for the hue.
func drawJitter(s *rng.Stream, v []float64) (order [4]int, f [4]float32) {
	s.Perm(order[:])
	for i := range 3 {
		f[i] = float32(s.Uniform(max(0, 1-v[i]), 1+v[i]))
	}
	f[3] = float32(s.Uniform(-v[3], v[3]))
	return order, f
}

// drawRand draws an operation of RandAugment, and the direction of those that
// have two.
func drawRand(s *rng.Stream) (op int, sign float64) {
	op, sign = s.IntN(randOps), 1
	if shearX <= op && op <= sharpen && s.IntN(2) == 1 {
		sign = -1
	}
	return op, sign
}

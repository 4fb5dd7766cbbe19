package augment

import "math"

// randOps are the operations of RandAugment in torchvision's order.
const (
	identity = iota
	shearX
	shearY
	translateX
	translateY
	rotate
	brighten
	saturate
	contrasting
	sharpen
	posterizing
	solarizing
	autocontrasting
	equalizing
	randOps
)

// randAugment applies v[0] operations, each drawn uniformly, at bin v[1] of v[2]
// of its range; those with two directions take one at random. Magnitudes as
// torchvision 0.14 (Cubuk et al. 2020).
func (w *Worker) randAugment(v []float64) {
	bins := v[2] - 1
	bin := min(v[1], bins)
	for range int(v[0]) {
		op, sign := drawRand(&w.draw)
		w.randOp(op, bin/bins, sign)
	}
}

// randOp applies one operation of RandAugment. level, from 0 to 1, is where in
// its range it acts.
func (w *Worker) randOp(op int, level, sign float64) {
	var zero [2]float64
	corner := [2]float64{-0.5 * float64(w.w), -0.5 * float64(w.h)}
	const share = 150.0 / 331 // of the image that is the longest translation
	factor := float32(1 + sign*0.9*level)
	switch op {
	case shearX, shearY:
		var shear [2]float64
		shear[op-shearX] = math.Atan(sign*0.3*level) * 180 / math.Pi
		w.warp(inverseAffine(corner, 0, zero, 1, shear), false)
	case translateX:
		w.warp(inverseAffine(zero, 0, [2]float64{math.Trunc(sign * level * share * float64(w.w))}, 1, zero), false)
	case translateY:
		w.warp(inverseAffine(zero, 0, [2]float64{0, math.Trunc(sign * level * share * float64(w.h))}, 1, zero), false)
	case rotate: // counter-clockwise
		w.warp(inverseAffine(zero, -sign*30*level, zero, 1, zero), false)
	case brighten:
		brightness(w.mutable(), factor)
	case saturate:
		saturation(w.mutable(), factor, w.plane)
	case contrasting:
		contrast(w.mutable(), factor)
	case sharpen:
		src := w.image()
		sharpness(w.next(), src, factor)
	case posterizing:
		posterize(w.mutable(), 8-int(math.RoundToEven(4*level)))
	case solarizing:
		solarize(w.mutable(), float32(1-level))
	case autocontrasting:
		autocontrast(w.mutable())
	case equalizing:
		equalize(w.mutable())
	}
}

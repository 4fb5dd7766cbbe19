package augment

import (
	"math"

	"memprobe/internal/kernel/pixel"
	"memprobe/internal/kernel/vec"
)

// The weights of R, G and B in torchvision's grey.
const lumaR, lumaG, lumaB = 0.2989, 0.587, 0.114

// brightness is clip(f·x).
func brightness(im image, f float32) {
	vec.MulScalar(im.pix, im.pix, f)
	vec.Clip(im.pix, im.pix, 0, 1)
}

// contrast is clip(f·x + (1−f)·m), m the mean of the grey image.
func contrast(im image, f float32) {
	var m float64
	if im.c == 3 {
		m = lumaR*vec.Sum(im.plane(0)) + lumaG*vec.Sum(im.plane(1)) + lumaB*vec.Sum(im.plane(2))
	} else {
		m = vec.Sum(im.pix)
	}
	m /= float64(im.h * im.w)
	vec.Affine(im.pix, im.pix, f, (1-f)*float32(m))
	vec.Clip(im.pix, im.pix, 0, 1)
}

// saturation is clip(f·x + (1−f)·grey); nothing on one channel. plane is workspace.
func saturation(im image, f float32, plane []float32) {
	if im.c != 3 {
		return
	}
	luma(plane, im)
	vec.MulScalar(plane, plane, 1-f)
	for i := range 3 {
		p := im.plane(i)
		vec.MulScalar(p, p, f)
		vec.Add(p, p, plane)
		vec.Clip(p, p, 0, 1)
	}
}

// grayscale sets all three channels to the grey; nothing on one channel.
func grayscale(im image) {
	if im.c != 3 {
		return
	}
	luma(im.plane(0), im)
	copy(im.plane(1), im.plane(0))
	copy(im.plane(2), im.plane(0))
}

// luma writes the grey of an image of three channels; dst may be the first.
func luma(dst []float32, im image) {
	vec.MulScalar(dst, im.plane(0), lumaR)
	vec.Axpy(dst, im.plane(1), lumaG)
	vec.Axpy(dst, im.plane(2), lumaB)
}

// hue turns the hue by a fraction of the circle; nothing on one channel.
func hue(im image, turn float32) {
	if im.c == 3 {
		pixel.TurnHue(im.plane(0), im.plane(1), im.plane(2), 6*(turn-float32(math.Floor(float64(turn)))))
	}
}

// solarize inverts what is not below a threshold.
func solarize(im image, threshold float32) {
	for i, v := range im.pix {
		if v >= threshold {
			im.pix[i] = 1 - v
		}
	}
}

// toByte rounds a value of [0,1] to 8 bits.
func toByte(v float32) uint8 { return uint8(max(0, min(255, v*255+0.5))) }

// posterize keeps the upper bits of each byte.
func posterize(im image, bits int) {
	mask := uint8(0xff << (8 - bits))
	for i, v := range im.pix {
		im.pix[i] = float32(toByte(v)&mask) / 255
	}
}

// autocontrast stretches each channel to [0,1]; a constant one stays.
func autocontrast(im image) {
	for i := range im.c {
		p := im.plane(i)
		lo, hi := vec.MinOf(p), vec.MaxOf(p)
		scale := 1 / (hi - lo)
		if math.IsInf(float64(scale), 0) {
			continue
		}
		for j, v := range p {
			p[j] = max(0, min(1, (v-lo)*scale))
		}
	}
}

// equalize maps each channel's bytes so that they are spread evenly, as PIL does.
func equalize(im image) {
	for i := range im.c {
		p := im.plane(i)
		var count [256]int
		for _, v := range p {
			count[toByte(v)]++
		}
		last := 255
		for count[last] == 0 {
			last--
		}
		step := (len(p) - count[last]) / 255
		if step == 0 {
			continue
		}
		var to [256]float32
		sum := step / 2
		for b := range to {
			to[b] = float32(min(sum/step, 255)) / 255
			sum += count[b]
		}
		for j, v := range p {
			p[j] = to[toByte(v)]
		}
	}
}

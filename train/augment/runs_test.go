package augment

import (
	"fmt"
	"math"
	"slices"

	"memprobe/internal/kernel/pixel"
	"memprobe/internal/tensor"
)

// run applies an operation to image i.
type run func(dst, src image, i int)

// reference is how each operation is called.
var reference = map[string]func(a arguments, x *tensor.Tensor) (run, error){
	"hflip":         func(arguments, *tensor.Tensor) (run, error) { return inPlace(mirror), nil },
	"vflip":         func(arguments, *tensor.Tensor) (run, error) { return inPlace(upend), nil },
	"crop_pad":      paddedCropRun,
	"resized_crop":  resizedCropRun,
	"brightness":    factor(func(im image, f float32) { brightness(im, f) }),
	"contrast":      factor(func(im image, f float32) { contrast(im, f) }),
	"saturation":    factor(func(im image, f float32) { saturation(im, f, make([]float32, im.h*im.w)) }),
	"hue":           factor(hue),
	"grayscale":     func(arguments, *tensor.Tensor) (run, error) { return inPlace(grayscale), nil },
	"gaussian_blur": blurRun,
	"rotate":        rotateRun,
	"affine":        affineRun,
	"shear_x":       shearRun(0),
	"shear_y":       shearRun(1),
	"translate_x":   translateRun(0),
	"translate_y":   translateRun(1),
	"solarize":      oneNumber("threshold", func(im image, v float64) { solarize(im, float32(v)) }),
	"posterize":     oneNumber("bits", func(im image, v float64) { posterize(im, int(v)) }),
	"autocontrast":  func(arguments, *tensor.Tensor) (run, error) { return inPlace(autocontrast), nil },
	"equalize":      func(arguments, *tensor.Tensor) (run, error) { return inPlace(equalize), nil },
	"sharpness": func(a arguments, _ *tensor.Tensor) (run, error) {
		f, err := a.number("factor")
		return func(dst, src image, _ int) { sharpness(dst, src, float32(f)) }, err
	},
	"erase":  eraseRun,
	"mixup":  mixRun(false),
	"cutmix": mixRun(true),
}

func inPlace(f func(image)) run {
	return func(dst, src image, _ int) {
		copy(dst.pix, src.pix)
		f(dst)
	}
}

func oneNumber(name string, f func(image, float64)) func(arguments, *tensor.Tensor) (run, error) {
	return func(a arguments, _ *tensor.Tensor) (run, error) {
		v, err := a.number(name)
		return inPlace(func(im image) { f(im, v) }), err
	}
}

func factor(f func(image, float32)) func(arguments, *tensor.Tensor) (run, error) {
	return oneNumber("factor", func(im image, v float64) { f(im, float32(v)) })
}

func paddedCropRun(a arguments, x *tensor.Tensor) (run, error) {
	pad, err := a.number("pad")
	if err != nil {
		return nil, err
	}
	at, err := a.table("top_left", x.Shape[0], 2)
	a.has("size")
	return func(dst, src image, i int) { crop(dst, src, int(at[i][0]-pad), int(at[i][1]-pad)) }, err
}

func resizedCropRun(a arguments, x *tensor.Tensor) (run, error) {
	boxes, err := a.table("boxes_top_left_height_width", x.Shape[0], 4)
	if err != nil {
		return nil, err
	}
	a.has("size")
	if err := a.only("antialias", false); err != nil {
		return nil, err
	}
	return func(dst, src image, i int) {
		b := boxes[i]
		t := newTaps(max(dst.h, src.h), max(dst.w, src.w))
		resample(dst, src, box{int(b[0]), int(b[1]), int(b[2]), int(b[3])}, &t)
	}, a.only("interpolation", "bilinear")
}

func blurRun(a arguments, _ *tensor.Tensor) (run, error) {
	size, err := a.numbers("kernel", 2)
	if err != nil {
		return nil, err
	}
	sigma, err := a.numbers("sigma", 2)
	if err != nil {
		return nil, err
	}
	kx, ky := make([]float32, int(size[0])), make([]float32, int(size[1]))
	gaussian(kx, sigma[0])
	gaussian(ky, sigma[1])
	return inPlace(func(im image) { blur(im, kx, ky, make([]float32, im.h*im.w)) }), nil
}

// warpRun moves the pixels of all images by a matrix. Pixels outside are 0, or, as
// torchvision has it, the result is blended with another fill by the share of the
// pixels that were inside.
func warpRun(a arguments, x *tensor.Tensor, m matrix, interpolation string) (run, error) {
	fill := make([]float64, x.Shape[1])
	var err error
	if a.has("fill") {
		if fill, err = a.numbers("fill", x.Shape[1]); err != nil {
			return nil, err
		}
	}
	if err := a.only("expand", false); err != nil {
		return nil, err
	}
	if a.has("interpolation") {
		interpolation = fmt.Sprint(a.values["interpolation"])
	}
	h, w := x.Shape[2], x.Shape[3]
	at, g := make([]int32, h*w), newGrid(h, w)
	g.set(m, h, w)
	g.nearest(at, h, w)
	inside, ones := image{make([]float32, h*w), 1, h, w}, image{slices.Repeat([]float32{1}, h*w), 1, h, w}
	g.bilinear(inside, ones)
	return func(dst, src image, _ int) {
		if interpolation == "bilinear" {
			g.bilinear(dst, src)
		}
		for c := range src.c {
			if p := dst.plane(c); interpolation == "nearest" {
				pixel.GatherInside(p, src.plane(c), at)
				for i, j := range at {
					if j < 0 {
						p[i] = float32(fill[c])
					}
				}
			} else if fill[c] != 0 {
				for i, in := range inside.pix {
					p[i] = p[i]*in + (1-in)*float32(fill[c])
				}
			}
		}
	}, oneOf("interpolation", interpolation, "nearest", "bilinear")
}

func oneOf(name, value string, allowed ...string) error {
	if !slices.Contains(allowed, value) {
		return fmt.Errorf("parameter %q is %q, can be %v", name, value, allowed)
	}
	return nil
}

// centre is a point in pixels, from the upper left corner, as one from the centre.
func centre(a arguments, x *tensor.Tensor) (c [2]float64, err error) {
	if !a.has("center") {
		return c, nil
	}
	v, err := a.numbers("center", 2)
	if err == nil {
		c = [2]float64{v[0] - 0.5*float64(x.Shape[3]), v[1] - 0.5*float64(x.Shape[2])}
	}
	return c, err
}

func rotateRun(a arguments, x *tensor.Tensor) (run, error) {
	angle, err := a.number("angle")
	if err != nil {
		return nil, err
	}
	c, err := centre(a, x)
	if err != nil {
		return nil, err
	}
	return warpRun(a, x, inverseAffine(c, -angle, [2]float64{}, 1, [2]float64{}), "bilinear")
}

func affineRun(a arguments, x *tensor.Tensor) (run, error) {
	angle, err := a.optional("angle", 0)
	if err != nil {
		return nil, err
	}
	scale, err := a.optional("scale", 1)
	if err != nil {
		return nil, err
	}
	var pairs [2][2]float64
	for i, name := range []string{"translate", "shear"} {
		if !a.has(name) {
			continue
		}
		v, err := numbers(a.values[name])
		if err == nil && name == "shear" && len(v) == 1 {
			v = append(v, 0)
		}
		if err != nil || len(v) != 2 {
			return nil, fmt.Errorf("parameter %q is %v, want two numbers", name, a.values[name])
		}
		pairs[i] = [2]float64(v)
	}
	c, err := centre(a, x)
	if err != nil {
		return nil, err
	}
	return warpRun(a, x, inverseAffine(c, angle, pairs[0], scale, pairs[1]), "nearest")
}

// shearRun is RandAugment's shear along an axis.
func shearRun(axis int) func(a arguments, x *tensor.Tensor) (run, error) {
	return func(a arguments, x *tensor.Tensor) (run, error) {
		m, err := a.number("magnitude")
		if err != nil {
			return nil, err
		}
		var shear [2]float64
		shear[axis] = math.Atan(m) * 180 / math.Pi
		corner := [2]float64{-0.5 * float64(x.Shape[3]), -0.5 * float64(x.Shape[2])}
		return warpRun(a, x, inverseAffine(corner, 0, [2]float64{}, 1, shear), "nearest")
	}
}

func translateRun(axis int) func(a arguments, x *tensor.Tensor) (run, error) {
	return func(a arguments, x *tensor.Tensor) (run, error) {
		v, err := a.number("pixels")
		if err != nil {
			return nil, err
		}
		var by [2]float64
		by[axis] = v
		return warpRun(a, x, inverseAffine([2]float64{}, 0, by, 1, [2]float64{}), "nearest")
	}
}

func boxOf(a arguments) (b box, err error) {
	for name, to := range map[string]*int{"top": &b.top, "left": &b.left, "height": &b.h, "width": &b.w} {
		v, err := a.number(name)
		if err != nil {
			return b, err
		}
		*to = int(v)
	}
	return b, nil
}

func eraseRun(a arguments, x *tensor.Tensor) (run, error) {
	b, err := boxOf(a)
	if err != nil {
		return nil, err
	}
	value, err := a.numbers("value", x.Shape[1])
	return inPlace(func(im image) {
		for c := range im.c {
			erase(image{im.plane(c), 1, im.h, im.w}, b, float32(value[c]))
		}
	}), err
}

func mixRun(cut bool) func(a arguments, x *tensor.Tensor) (run, error) {
	return func(a arguments, x *tensor.Tensor) (run, error) {
		m := Mix{cut: cut, Partner: make([]int, x.Shape[0])}
		var err error
		if cut {
			m.box, err = boxOf(a)
			a.has("lam")
		} else {
			m.Lambda, err = a.number("lam")
		}
		if err != nil {
			return nil, err
		}
		if a.has("partner") && a.values["partner"] != "batch reversed" {
			partner, err := a.numbers("partner", len(m.Partner))
			if err != nil {
				return nil, err
			}
			for i, v := range partner {
				m.Partner[i] = int(v)
			}
		} else {
			for i := range m.Partner {
				m.Partner[i] = len(m.Partner) - 1 - i
			}
		}
		mixed := slices.Clone(x.F32())
		m.Images(mixed, x.Shape[2], x.Shape[3])
		return func(dst, src image, i int) { copy(dst.pix, mixed[i*len(dst.pix):]) }, nil
	}
}

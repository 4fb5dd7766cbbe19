package augment

import (
	"strings"

	"memprobe/internal/kernel/pixel"
)

// operation is a named transformation: its parameters, and what it does with
// their values to a worker's image, drawing from the worker's stream.
type operation struct {
	name   string
	params []param
	colour bool   // wants 1 or 3 channels
	grey   string // what it does to one channel where that differs; "" if it does not
	apply  func(w *Worker, v []float64)
}

func one(name string, def, min, max float64) param {
	return param{name: name, def: []float64{def}, min: min, max: max}
}

func whole(name string, def, min, max float64) param {
	return param{name: name, def: []float64{def}, min: min, max: max, integer: true}
}

func span(name string, lo, hi, min, max float64) param {
	return param{name: name, def: []float64{lo, hi}, min: min, max: max}
}

// chance is the probability that an operation is applied at all. It is the last
// parameter of those that have it.
func chance(p float64) param { return one("p", p, 0, 1) }

// operations is every operation that a pipeline may name.
func operations() []operation {
	const big = 1e6
	ratio := func(lo, hi float64) param { return span("ratio", lo, hi, 1/big, big) }
	return []operation{
		{name: "resized-crop", params: []param{span("scale", 0.08, 1, 0, 1), ratio(3./4, 4./3)},
			apply: (*Worker).resizedCrop},
		{name: "crop", params: []param{whole("pad", 4, 0, big)}, apply: (*Worker).paddedCrop},
		{name: "hflip", params: []param{chance(0.5)}, apply: (*Worker).flipH},
		{name: "vflip", params: []param{chance(0.5)}, apply: (*Worker).flipV},
		{name: "affine", params: []param{span("degrees", 0, 0, -360, 360), one("translate", 0, 0, 1),
			span("scale", 1, 1, 1/big, big), span("shear", 0, 0, -89, 89), whole("bilinear", 0, 0, 1)},
			apply: (*Worker).randomAffine},
		{name: "jitter", params: []param{one("brightness", 0, 0, big), one("contrast", 0, 0, big),
			one("saturation", 0, 0, big), one("hue", 0, 0, 0.5), chance(1)}, colour: true,
			grey: "leaves out saturation and hue", apply: (*Worker).jitter},
		{name: "grayscale", params: []param{chance(0.1)}, colour: true, grey: "does nothing", apply: (*Worker).randomGrey},
		{name: "blur", params: []param{whole("kernel", 3, 1, 99), span("sigma", 0.1, 2, 1/big, big), chance(1)},
			apply: (*Worker).randomBlur},
		{name: "erase", params: []param{span("scale", 0.02, 0.33, 0, 1), ratio(0.3, 3.3), one("value", 0, -big, big),
			chance(0.5)}, apply: (*Worker).randomErase},
		{name: "randaugment", params: []param{whole("ops", 2, 0, 100), whole("magnitude", 9, 0, big),
			whole("bins", 31, 2, big)}, colour: true, grey: "leaves its colour (saturation) operation out",
			apply: (*Worker).randAugment},
	}
}

func lookup(name string) *operation {
	for _, o := range operations() {
		if o.name == name {
			return &o
		}
	}
	return nil
}

func operationNames() []string {
	var names []string
	for _, o := range operations() {
		names = append(names, o.name)
	}
	return names
}

func (o *operation) index(name string) int {
	for i, p := range o.params {
		if p.name == name {
			return i
		}
	}
	return -1
}

func (o *operation) paramNames() string {
	var names []string
	for _, p := range o.params {
		names = append(names, p.name)
	}
	return strings.Join(names, ", ")
}

// skips tells, by a draw if need be, whether an operation is left out this time.
func (s *step) skips(w *Worker) bool {
	last := len(s.op.params) - 1
	return s.op.params[last].name == "p" && w.draw.Float64() >= s.values[len(s.values)-1]
}

// The operations of a pipeline.

func (w *Worker) resizedCrop(v []float64) {
	b := drawCrop(&w.draw, w.h, w.w, v[0], v[1], v[2], v[3])
	src := w.image()
	resample(w.next(), src, b, &w.taps)
}

func (w *Worker) paddedCrop(v []float64) {
	top, left := drawShift(&w.draw, int(v[0])), drawShift(&w.draw, int(v[0]))
	src := w.image()
	crop(w.next(), src, top, left)
}

func (w *Worker) flipH([]float64) { mirror(w.mutable()) }

func (w *Worker) flipV([]float64) { upend(w.mutable()) }

func (w *Worker) randomAffine(v []float64) {
	a := drawAffine(&w.draw, w.h, w.w, v)
	w.warp(inverseAffine([2]float64{}, a.degrees, a.translate, a.scale, [2]float64{a.shear, 0}), v[7] == 1)
}

// warp moves pixels by a matrix; what comes from outside is 0.
func (w *Worker) warp(m matrix, bilinear bool) {
	src := w.image()
	dst := w.next()
	w.grid.set(m, w.h, w.w)
	if bilinear {
		w.grid.bilinear(dst, src)
		return
	}
	w.grid.nearest(w.at, w.h, w.w)
	for i := range w.c {
		pixel.GatherInside(dst.plane(i), src.plane(i), w.at)
	}
}

func (w *Worker) jitter(v []float64) {
	order, f := drawJitter(&w.draw, v)
	im := w.mutable()
	for _, i := range order {
		switch {
		case v[i] == 0:
		case i == 0:
			brightness(im, f[i])
		case i == 1:
			contrast(im, f[i])
		case i == 2:
			saturation(im, f[i], w.plane)
		case i == 3:
			hue(im, f[i])
		}
	}
}

func (w *Worker) randomGrey([]float64) { grayscale(w.mutable()) }

func (w *Worker) randomBlur(v []float64) {
	k := w.kernel[:int(v[0])]
	gaussian(k, w.draw.Uniform(v[1], v[2]))
	blur(w.mutable(), k, k, w.plane)
}

func (w *Worker) randomErase(v []float64) {
	if b, ok := drawErase(&w.draw, w.h, w.w, v[0], v[1], v[2], v[3]); ok {
		erase(w.mutable(), b, float32(v[4]))
	}
}

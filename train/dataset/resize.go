package dataset

import (
	"math"

	"memprobe/internal/kernel/picture"
)

// resizer maps planes of one size to another: the shorter side is scaled to fit, or to
// what a Preprocess says, the rest cropped at its centre, as Resize and CenterCrop of
// torchvision do to an image of PIL. Each axis is filtered by the triangle, or by the cubic
// of a Preprocess,
//
//	f(t) = max(0, 1−|t|),  t = (source centre − target centre) / max(scale, 1)
//
// with weights that sum to 1, first along rows, then along columns.
type resizer struct {
	h, w       int  // of the source
	lo, hi     int  // rows of the source that the target is made of
	rows, cols taps // of the target's rows and columns
}

// taps are, for each target position, the first source position and the weights
// of those from there on.
type taps struct {
	first   []int
	weights [][]float64
	fixed   [][]int32 // weights in units of 2^−fixedBits
	beside  beside
}

// beside are fixed weights as picture.BlendAlong reads them: of all positions as many,
// those of a tap side by side.
type beside struct{ first, weights []int32 }

// fixedBits is the precision of integer weights, that of PIL for 8-bit images,
// so that the bytes are PIL's too.
const fixedBits = 32 - 8 - 2

func newResizer(p Preprocess, h, w, toH, toW int) *resizer {
	scaledH, scaledW := h, w
	switch {
	case p.spec != "": // to a square
		s := p.shorter(toH)
		scaledH, scaledW = max(s, s*h/w), max(s, s*w/h)
	case h*toW <= w*toH: // the height limits
		scaledH, scaledW = toH, max(toW, w*toH/h)
	default:
		scaledH, scaledW = max(toH, h*toW/w), toW
	}
	r := &resizer{h: h, w: w, lo: h, rows: newTaps(p, h, scaledH, toH), cols: newTaps(p, w, scaledW, toW)}
	r.cols.beside = r.cols.align(w)
	for i, first := range r.rows.first {
		r.lo, r.hi = min(r.lo, first), max(r.hi, first+len(r.rows.weights[i]))
	}
	return r
}

// align pads the weights by zeros, and has no position read beyond an axis of in pixels.
func (t *taps) align(in int) beside {
	most := 0
	for _, w := range t.fixed {
		most = max(most, len(w))
	}
	if padded := (most + picture.Padded - 1) / picture.Padded * picture.Padded; padded <= in {
		most = padded
	}
	n := len(t.first)
	b := beside{make([]int32, n), make([]int32, n*most)}
	for i, first := range t.first {
		at := min(first, in-most)
		b.first[i] = int32(at)
		for k, w := range t.fixed[i] {
			b.weights[(first-at+k)*n+i] = w
		}
	}
	return b
}

// newTaps scales an axis of in pixels to out and keeps crop of them at the
// centre.
func newTaps(p Preprocess, in, out, crop int) taps {
	filter, reach := triangle, 1.0
	if p.cubic {
		filter, reach = cubic, 2
	}
	scale := float64(in) / float64(out)
	stretch := max(scale, 1)
	support := reach * stretch
	start := int(math.RoundToEven(float64(out-crop) / 2))
	t := taps{first: make([]int, crop), weights: make([][]float64, crop), fixed: make([][]int32, crop)}
	for i := range crop {
		centre := (float64(i+start) + 0.5) * scale
		lo := max(0, int(centre-support+0.5))
		hi := min(in, int(centre+support+0.5))
		weights, sum := make([]float64, hi-lo), 0.0
		for j := range weights {
			weights[j] = filter((float64(lo+j) - centre + 0.5) / stretch)
			sum += weights[j]
		}
		fixed := make([]int32, len(weights))
		for j := range weights {
			weights[j] /= sum
			fixed[j] = int32(math.Copysign(0.5, weights[j]) + weights[j]*(1<<fixedBits))
		}
		t.first[i], t.weights[i], t.fixed[i] = lo, weights, fixed
	}
	return t
}

// pixelType is the arithmetic of a pixel.
type pixelType[T any] interface {
	// along filters rows of src, w wide, to rows of the target's width.
	along(dst, src []T, rows, w int, t *taps)
	// down filters rows of src, of the target's width, to row i of the target.
	down(dst, src []T, t *taps, i int)
	luma(r, g, b T) T
}

var (
	_ pixelType[uint8]   = bytePixels{}
	_ pixelType[float32] = floatPixels{}
)

type bytePixels struct{}

func (bytePixels) along(dst, src []uint8, rows, w int, t *taps) {
	picture.BlendAlong(dst, src, rows, len(t.first), w, t.beside.first, t.beside.weights)
}

func (bytePixels) down(dst, src []uint8, t *taps, i int) {
	picture.BlendDown(dst, src[t.first[i]*len(dst):], len(dst), t.fixed[i])
}

// luma is ITU-R 601-2, in the integers of PIL.
func (bytePixels) luma(r, g, b uint8) uint8 {
	return uint8((19595*uint(r) + 38470*uint(g) + 7471*uint(b) + 0x8000) >> 16)
}

type floatPixels struct{}

func (floatPixels) along(dst, src []float32, rows, w int, t *taps) {
	n := len(t.first)
	for y := range rows {
		for x, first := range t.first {
			dst[y*n+x] = blend(t.weights[x], src[y*w+first:], 1)
		}
	}
}

func (floatPixels) down(dst, src []float32, t *taps, i int) {
	for x := range dst {
		dst[x] = blend(t.weights[i], src[t.first[i]*len(dst)+x:], len(dst))
	}
}

// blend is the weighted sum of src[0], src[stride], …
func blend(weights []float64, src []float32, stride int) float32 {
	sum := 0.0
	for k, w := range weights {
		sum += w * float64(src[k*stride])
	}
	return float32(sum)
}

func (floatPixels) luma(r, g, b float32) float32 {
	return float32(0.299*float64(r) + 0.587*float64(g) + 0.114*float64(b))
}

// resizeScratch is what resizing one image needs for itself.
type resizeScratch[T any] struct {
	rows []T // the source's rows at the target's width
	grey []T
}

// resizePlane resizes one channel.
func resizePlane[T uint8 | float32](dst, src []T, r *resizer, work *resizeScratch[T], px pixelType[T]) {
	w := len(r.cols.first)
	if len(work.rows) < r.h*w {
		work.rows = make([]T, r.h*w)
	}
	px.along(work.rows[r.lo*w:], src[r.lo*r.w:], r.hi-r.lo, r.w, &r.cols)
	for y := range r.rows.first {
		px.down(dst[y*w:(y+1)*w], work.rows, &r.rows, y)
	}
}

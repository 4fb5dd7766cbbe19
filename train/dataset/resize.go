package dataset

import "math"

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
	rows, cols taps // of the target's rows and columns
}

// taps are, for each target position, the first source position and the weights
// of those from there on.
type taps struct {
	first   []int
	weights [][]float64
	fixed   [][]int // weights in units of 2^−fixedBits
}

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
	return &resizer{h: h, w: w, rows: newTaps(p, h, scaledH, toH), cols: newTaps(p, w, scaledW, toW)}
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
	t := taps{make([]int, crop), make([][]float64, crop), make([][]int, crop)}
	for i := range crop {
		centre := (float64(i+start) + 0.5) * scale
		lo := max(0, int(centre-support+0.5))
		hi := min(in, int(centre+support+0.5))
		weights, sum := make([]float64, hi-lo), 0.0
		for j := range weights {
			weights[j] = filter((float64(lo+j) - centre + 0.5) / stretch)
			sum += weights[j]
		}
		fixed := make([]int, len(weights))
		for j := range weights {
			weights[j] /= sum
			fixed[j] = int(math.Copysign(0.5, weights[j]) + weights[j]*(1<<fixedBits))
		}
		t.first[i], t.weights[i], t.fixed[i] = lo, weights, fixed
	}
	return t
}

// pixelType is the arithmetic of a pixel.
type pixelType[T any] interface {
	// blend is the weighted sum of src[0], src[stride], …
	blend(t *taps, i int, src []T, stride int) T
	luma(r, g, b T) T
}

var (
	_ pixelType[uint8]   = bytePixels{}
	_ pixelType[float32] = floatPixels{}
)

type bytePixels struct{}

func (bytePixels) blend(t *taps, i int, src []uint8, stride int) uint8 {
	sum, at := 1<<(fixedBits-1), t.first[i]*stride
	for _, w := range t.fixed[i] {
		sum += w * int(src[at])
		at += stride
	}
	return uint8(max(0, min(sum>>fixedBits, 255)))
}

// luma is ITU-R 601-2, in the integers of PIL.
func (bytePixels) luma(r, g, b uint8) uint8 {
	return uint8((19595*uint(r) + 38470*uint(g) + 7471*uint(b) + 0x8000) >> 16)
}

type floatPixels struct{}

func (floatPixels) blend(t *taps, i int, src []float32, stride int) float32 {
	sum, at := 0.0, t.first[i]*stride
	for _, w := range t.weights[i] {
		sum += w * float64(src[at])
		at += stride
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
	for y := range r.h {
		row := src[y*r.w : (y+1)*r.w]
		for x := range w {
			work.rows[y*w+x] = px.blend(&r.cols, x, row, 1)
		}
	}
	for y := range r.rows.first {
		for x := range w {
			dst[y*w+x] = px.blend(&r.rows, y, work.rows[x:], w)
		}
	}
}

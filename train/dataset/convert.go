package dataset

import (
	"fmt"

	"memprobe/internal/parallel"
)

// convert brings all images to the channels and the size that were asked for.
func (l *loader) convert(splits ...*source) error {
	first := splits[0]
	if first.arrays != nil {
		return nil // of sizes of their own, whatever images are to have
	}
	c, h, w := first.c, first.h, first.w
	to := l.target(extent{c, h, w})
	resized := to.h != h || to.w != w || l.o.Preprocess.spec != ""
	if to.c == c && !resized {
		return nil
	}
	if first.vectors {
		return first.fault(0, "vectors of %d values cannot become images of %dx%dx%d", w, to.c, to.h, to.w)
	}
	if to.c != c {
		if c != 1 && c != 3 {
			return first.fault(0, "images of %d channels cannot become %d", c, to.c)
		}
		l.note("%s", channelNote(c, to.c))
	}
	if resized {
		l.note("%s", l.resizeNote(fmt.Sprintf("%dx%d", h, w), to))
	}
	for _, s := range splits {
		if len(s.labels) == 0 {
			continue
		}
		var err error
		if s.floats != nil {
			s.floats, err = converted(l, s.floats, extent{c, h, w}, to, (*arena).floats, floatPixels{})
		} else {
			s.pixels, err = converted(l, s.pixels, extent{c, h, w}, to, (*arena).take, bytePixels{})
		}
		if err != nil {
			return err
		}
		s.c, s.h, s.w = to.c, to.h, to.w
	}
	return nil
}

// extent is the size of an image.
type extent struct{ c, h, w int }

func (e extent) size() int { return e.c * e.h * e.w }

// target is the size that images of a stored size are wanted in.
func (l *loader) target(to extent) extent {
	if l.o.Channels != 0 {
		to.c = l.o.Channels
	}
	if l.o.Height != 0 {
		to.h, to.w = l.o.Height, l.o.Width
	}
	return to
}

func channelNote(from, to int) string {
	if from < to {
		return "grey images as RGB, the grey channel three times"
	}
	return "RGB images as grey, luma 0.299 R + 0.587 G + 0.114 B"
}

func (l *loader) resizeNote(from string, to extent) string {
	return fmt.Sprintf("images resized from %s to %dx%d (%s)", from, to.h, to.w, l.o.Preprocess.words(to))
}

// converted returns copies of images at another number of channels and size.
func converted[T uint8 | float32](l *loader, in [][]T, from, to extent,
	take func(*arena, int) ([]T, error), px pixelType[T]) ([][]T, error) {
	mem := &arena{loader: l}
	out := make([][]T, len(in))
	for i := range out {
		var err error
		if out[i], err = take(mem, to.size()); err != nil {
			return nil, err
		}
	}
	pool := parallel.New(l.o.Threads)
	defer pool.Close()
	scale := newResizer(l.o.Preprocess, from.h, from.w, to.h, to.w)
	work := make([]resizeScratch[T], pool.Threads())
	const group = 64
	pool.For(parallel.Chunks(len(in), group), func(worker, chunk int) {
		if l.ctx.Err() != nil {
			return
		}
		lo, hi := parallel.Range(chunk, group, len(in))
		for i := lo; i < hi; i++ {
			resizeImage(out[i], in[i], from, to, scale, &work[worker], px)
		}
	})
	return out, l.ctx.Err()
}

// resizeImage converts channels on the smaller side of the work, then resizes
// each plane.
func resizeImage[T uint8 | float32](dst, src []T, from, to extent, scale *resizer,
	work *resizeScratch[T], px pixelType[T]) {
	if from.c == 3 && to.c == 1 {
		src = toGrey(work, src, px)
	}
	planes := min(from.c, to.c)
	n, m := from.h*from.w, to.h*to.w
	for k := range planes {
		resizePlane(dst[k*m:(k+1)*m], src[k*n:(k+1)*n], scale, work, px)
	}
	for k := planes; k < to.c; k++ {
		copy(dst[k*m:(k+1)*m], dst[:m])
	}
}

func toGrey[T uint8 | float32](work *resizeScratch[T], rgb []T, px pixelType[T]) []T {
	n := len(rgb) / 3
	if len(work.grey) < n {
		work.grey = make([]T, n)
	}
	for i := range n {
		work.grey[i] = px.luma(rgb[i], rgb[n+i], rgb[2*n+i])
	}
	return work.grey[:n]
}

package augment

import (
	"fmt"
	"slices"

	"memprobe/internal/rng"
)

// Key is what the draws for one image are a function of.
type Key struct{ Seed, Epoch, Image, View uint64 }

// KeyOf is the key of an image in an epoch. With views > 0 the augmentation is
// one of that many of the image, the same in every epoch, and the epoch decides
// which; else it is new in every epoch.
func KeyOf(seed, epoch, image uint64, views int) Key {
	if views > 0 {
		return Key{Seed: seed, Image: image, View: uint64(ViewOf(seed, epoch, image, views))}
	}
	return Key{Seed: seed, Epoch: epoch, Image: image}
}

// ViewOf is the view of an image that an epoch takes: uniform on [0,views), 0
// where views < 1.
func ViewOf(seed, epoch, image uint64, views int) int {
	if views < 1 {
		return 0
	}
	s := rng.New(seed, rng.Augment, epoch, image)
	return s.IntN(views)
}

// Worker applies a pipeline to images of one shape. It holds the memory of one
// goroutine.
type Worker struct {
	c, h, w int
	steps   []step
	draw    rng.Stream

	// The image lies in src at first, in bufs[at] from the first operation on.
	src  []float32
	bufs [2][]float32
	now  int // −1: in src

	plane  []float32
	grid   grid
	at     []int32 // for each pixel, where it comes from; −1: outside
	kernel []float32
	taps   taps
}

// Worker returns a worker for images [c,h,w], or an error if an operation cannot
// act on them.
func (p *Pipeline) Worker(c, h, w int) (*Worker, error) {
	if c < 1 || h < 1 || w < 1 {
		return nil, fmt.Errorf("augment: images of shape [%d,%d,%d]", c, h, w)
	}
	k := &Worker{c: c, h: h, w: w, plane: make([]float32, h*w), at: make([]int32, h*w),
		grid: newGrid(h, w), taps: newTaps(h, w)}
	k.bufs[1] = make([]float32, c*h*w)
	if p == nil {
		return k, nil
	}
	k.steps = slices.Clone(p.steps)
	for _, s := range k.steps {
		if s.op.colour && c != 1 && c != 3 {
			return nil, fmt.Errorf("augment: %s wants images of 1 or 3 channels, not %d", s.op.name, c)
		}
		if s.op.name == "blur" {
			n := int(s.values[0])
			if n%2 == 0 || n/2 >= min(h, w) {
				return nil, fmt.Errorf("augment: blur with a kernel of %d on %dx%d images; want it odd, and half of "+
					"it below the size", n, h, w)
			}
			k.kernel = make([]float32, max(n, len(k.kernel)))
		}
	}
	return k, nil
}

// Apply writes the augmented image to dst. src and dst are [C,H,W], must not
// overlap, and panic if they are shorter; src is not changed. It does not allocate.
func (w *Worker) Apply(dst, src []float32, k Key) {
	n := w.c * w.h * w.w
	w.src, w.bufs[0], w.now = src[:n], dst[:n], -1
	w.draw = rng.New(k.Seed, rng.Augment, k.Epoch, k.Image, k.View)
	for i := range w.steps {
		if s := &w.steps[i]; !s.skips(w) {
			s.op.apply(w, s.values)
		}
	}
	if w.now != 0 {
		copy(dst, w.image().pix)
	}
	w.src, w.bufs[0] = nil, nil
}

// image is the image as it stands. It must not be written to.
func (w *Worker) image() image {
	if w.now < 0 {
		return image{w.src, w.c, w.h, w.w}
	}
	return image{w.bufs[w.now], w.c, w.h, w.w}
}

// mutable is the image as it stands, to be changed in place.
func (w *Worker) mutable() image {
	if w.now < 0 {
		copy(w.bufs[0], w.src)
		w.now = 0
	}
	return w.image()
}

// next makes another buffer the image, to be written whole.
func (w *Worker) next() image {
	if w.now == 0 {
		w.now = 1
	} else {
		w.now = 0
	}
	return w.image()
}

package dataset

import (
	"fmt"

	"memprobe/internal/parallel"
)

// window is how many encoded pictures are worked on before the next are begun:
// a fault is then that of the first record that has one, for any number of
// threads.
const window = 1024

// each calls f for the encoded pictures lo to hi−1 of a split, in parallel.
func (l *loader) each(pool *parallel.Pool, s *source, lo, hi int, f func(worker, i int, data []byte) error) error {
	const group = 4
	faults := make([]error, hi-lo)
	rooms := make([][]byte, pool.Threads())
	pool.For(parallel.Chunks(hi-lo, group), func(worker, chunk int) {
		a, b := parallel.Range(chunk, group, hi-lo)
		for i := a; i < b && l.ctx.Err() == nil; i++ {
			data, err := s.encoded(lo+i, rooms[worker])
			if err == nil {
				err = f(worker, lo+i, data)
				rooms[worker] = data
			}
			faults[i] = err
		}
	})
	if err := l.ctx.Err(); err != nil {
		return err
	}
	for i, err := range faults {
		if err != nil {
			return s.fault(lo+i, "%w", err)
		}
	}
	return nil
}

// survey says to which channels and size the pictures of a set are to be
// decoded: what was asked for; else RGB if one of them is, and the size that they
// all have. It looks at the whole set, so that a subset has the same shape.
func (l *loader) survey(splits ...*source) (extent, error) {
	to := l.target(extent{})
	if to.c != 0 && to.h != 0 {
		return to, nil
	}
	pool := parallel.New(l.o.Threads)
	defer pool.Close()
	channels, first, sized := 1, extent{}, to.h != 0
	for _, s := range splits {
		for lo := 0; lo < len(s.labels); lo += window {
			hi := min(lo+window, len(s.labels))
			heads := make([]extent, hi-lo)
			err := l.each(pool, s, lo, hi, func(_, i int, data []byte) (err error) {
				_, heads[i-lo], err = pictureHead(data)
				return err
			})
			if err != nil {
				return to, err
			}
			if first.h == 0 {
				first = heads[0]
			}
			for i, e := range heads {
				channels = max(channels, e.c)
				if !sized && (e.h != first.h || e.w != first.w) {
					return to, s.fault(lo+i, "%dx%d pixels, others have %dx%d; --image-size N resizes all to N x N",
						e.h, e.w, first.h, first.w)
				}
			}
		}
	}
	return l.target(extent{channels, first.h, first.w}), nil
}

// decode makes the pixels of encoded pictures, each resized on its own.
func (l *loader) decode(to extent, splits ...*source) error {
	pool := parallel.New(l.o.Threads)
	defer pool.Close()
	mem, work := arena{loader: l}, make([]decoder, pool.Threads())
	for i := range work {
		work[i].preprocess = l.o.Preprocess
	}
	var low, high extent // the sizes found
	for _, s := range splits {
		s.pixels = make([][]uint8, len(s.labels))
		for lo := 0; lo < len(s.labels); lo += window {
			hi := min(lo+window, len(s.labels))
			for i := lo; i < hi; i++ {
				var err error
				if s.pixels[i], err = mem.take(to.size()); err != nil {
					return err
				}
			}
			sizes := make([]extent, hi-lo)
			err := l.each(pool, s, lo, hi, func(worker, i int, data []byte) (err error) {
				sizes[i-lo], err = work[worker].decode(s.pixels[i], data, to)
				return err
			})
			if err != nil {
				return err
			}
			for _, e := range sizes {
				if low.h == 0 {
					low, high = e, e
				}
				low = extent{min(low.c, e.c), min(low.h, e.h), min(low.w, e.w)}
				high = extent{max(high.c, e.c), max(high.h, e.h), max(high.w, e.w)}
			}
		}
		s.c, s.h, s.w = to.c, to.h, to.w
	}
	l.noteDecoded(low, high, to)
	return nil
}

// noteDecoded says what was done to pictures from low to high in size.
func (l *loader) noteDecoded(low, high, to extent) {
	switch {
	case high.c != to.c:
		l.note("%s", channelNote(high.c, to.c))
	case low.c != to.c:
		l.note("some %s", channelNote(low.c, to.c))
	}
	if (extent{0, low.h, low.w}) != (extent{0, high.h, high.w}) {
		l.note("%s", l.resizeNote(fmt.Sprintf("%d–%d x %d–%d", low.h, high.h, low.w, high.w), to))
	} else if low.h != to.h || low.w != to.w || l.o.Preprocess.spec != "" {
		l.note("%s", l.resizeNote(fmt.Sprintf("%dx%d", low.h, low.w), to))
	}
}

// decoder is the scratch of one goroutine that decodes.
type decoder struct {
	preprocess Preprocess
	planes     []byte
	from, to   extent
	scale      *resizer // of from to to
	resize     resizeScratch[uint8]
}

// decode writes an encoded picture to dst at the size and channels to.
func (d *decoder) decode(dst, data []byte, to extent) (from extent, err error) {
	if d.planes, from, err = decodePicture(data, d.planes); err != nil {
		return from, err
	}
	if from == to && d.preprocess.spec == "" {
		copy(dst, d.planes)
		return from, nil
	}
	if d.scale == nil || d.from != from || d.to != to {
		d.from, d.to, d.scale = from, to, newResizer(d.preprocess, from.h, from.w, to.h, to.w)
	}
	resizeImage(dst, d.planes, from, to, d.scale, &d.resize, bytePixels{})
	return from, nil
}

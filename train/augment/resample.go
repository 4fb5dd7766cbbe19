package augment

import "memprobe/internal/kernel/pixel"

// taps are the neighbours of each position along both axes, and room for rows
// that are scaled along x.
type taps struct {
	x, y axis
	rows []float32
}

// axis holds, for each position, its first neighbour and the weight of the second,
// which is the next.
type axis struct {
	at     []int32
	weight []float32
}

// newTaps has room for sources and results of up to h×w.
func newTaps(h, w int) taps {
	axis := func(n int) axis { return axis{make([]int32, n), make([]float32, n)} }
	return taps{axis(w), axis(h), make([]float32, max(h, 2)*w)}
}

// scale returns the axis that maps in pixels to out: position i lies at
// (i+½)·in/out − ½, brought into [0,in−1].
func (a axis) scale(in, out int) axis {
	a.at, a.weight = a.at[:out], a.weight[:out]
	scale := float32(in) / float32(out)
	for i := range a.at {
		at := min(max(0, (float32(i)+0.5)*scale-0.5), float32(in-1))
		lo := max(0, min(int(at), in-2))
		a.at[i], a.weight[i] = int32(lo), at-float32(lo)
	}
	return a
}

// resample scales a rectangle of src to the size of dst, bilinearly, without
// antialiasing: the neighbours of a position are the pixels of the rectangle
// around it. Rows are scaled first, then columns.
func resample(dst, src image, b box, t *taps) {
	x, y := t.x.scale(b.w, dst.w), t.y.scale(b.h, dst.h)
	for i := range dst.c {
		from := src.plane(i)[b.top*src.w+b.left:]
		if b.w == 1 {
			widen(t.rows, from, b.h, dst.w, src.w)
		} else {
			pixel.ScaleRows(t.rows, from, b.h, dst.w, src.w, x.at, x.weight)
		}
		if b.h == 1 { // its own neighbour
			copy(t.rows[dst.w:2*dst.w], t.rows)
		}
		pixel.ScaleColumns(dst.plane(i), t.rows, dst.w, dst.w, y.at, y.weight)
	}
}

// widen repeats the first pixel of each row of src w times.
func widen(dst, src []float32, rows, w, lds int) {
	for y := range rows {
		for x := range w {
			dst[y*w+x] = src[y*lds]
		}
	}
}

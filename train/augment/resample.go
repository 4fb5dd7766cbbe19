package augment

// taps are the two neighbours and the weight of the second for each position of
// an axis, and room for rows that are scaled along x.
type taps struct {
	x, y axis
	rows []float32
}

type axis struct {
	first, second []int32
	weight        []float32
}

// newTaps has room for sources and results of up to h×w.
func newTaps(h, w int) taps {
	return taps{newAxis(w), newAxis(h), make([]float32, h*w)}
}

func newAxis(n int) axis {
	return axis{make([]int32, n), make([]int32, n), make([]float32, n)}
}

// set scales in pixels to out: position i lies at (i+½)·in/out − ½, not below 0.
func (a *axis) set(in, out int) {
	scale := float32(in) / float32(out)
	for i := range out {
		at := max(0, (float32(i)+0.5)*scale-0.5)
		lo := min(int(at), in-1)
		a.first[i], a.second[i] = int32(lo), int32(min(lo+1, in-1))
		a.weight[i] = at - float32(lo)
	}
}

// resample scales a rectangle of src to the size of dst, bilinearly, without
// antialiasing: the neighbours of a position are the pixels of the rectangle
// around it. Rows are scaled first, then columns.
func resample(dst, src image, b box, t *taps) {
	t.x.set(b.w, dst.w)
	t.y.set(b.h, dst.h)
	for i := range dst.c {
		p := src.plane(i)
		for y := range b.h {
			lerpRow(t.rows[y*dst.w:(y+1)*dst.w], p[(b.top+y)*src.w+b.left:][:b.w], &t.x)
		}
		to := dst.plane(i)
		for y := range dst.h {
			upper := t.rows[int(t.y.first[y])*dst.w:][:dst.w]
			lower := t.rows[int(t.y.second[y])*dst.w:][:dst.w]
			lerp(to[y*dst.w:(y+1)*dst.w], upper, lower, t.y.weight[y])
		}
	}
}

// lerpRow is src[first]·(1−weight) + src[second]·weight.
func lerpRow(dst, src []float32, a *axis) {
	for i := range dst {
		v := src[a.first[i]]
		dst[i] = v + a.weight[i]*(src[a.second[i]]-v)
	}
}

// lerp is a·(1−f) + b·f.
func lerp(dst, a, b []float32, f float32) {
	for i := range dst {
		dst[i] = a[i] + f*(b[i]-a[i])
	}
}

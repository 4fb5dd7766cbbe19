package pool

import (
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// windowRow is scratch for one row of windows. The padded input row is held apart
// by its position modulo the stride: tap k of every window in the row is then
// one contiguous piece of phase k·dilation mod stride.
type windowRow[T vec.Float] struct {
	padded  []T
	phases  [][]T // padded[r], padded[r+stride], …; the row itself if stride is 1
	divisor []T   // what averages divide by
	found   []T   // which element of its window each maximum is
}

// newWindowRows returns a row of each worker.
func newWindowRows[T vec.Float](p *parallel.Pool, s Spec) []windowRow[T] {
	each := s.OutW() + (s.KW-1)*s.DilationW/s.StrideW
	rows := make([]windowRow[T], p.Threads())
	for i, memory := range parallel.Apart[T](p, 2*each*s.StrideW+2*s.OutW()) {
		take := func(n int) []T {
			piece := memory[:n:n]
			memory = memory[n:]
			return piece
		}
		r := &rows[i]
		r.padded, r.divisor, r.found = take(each*s.StrideW), take(s.OutW()), take(s.OutW())
		if s.StrideW == 1 {
			r.phases = [][]T{r.padded}
			continue
		}
		for range s.StrideW {
			r.phases = append(r.phases, take(each))
		}
	}
	return rows
}

// split fills the phases from the padded row.
func (r *windowRow[T]) split(t *vec.Table[T]) {
	switch stride := len(r.phases); stride {
	case 1:
	case 2:
		t.Split(r.phases[0], r.phases[1], r.padded)
	default:
		for k, phase := range r.phases {
			for i := range phase {
				phase[i] = r.padded[i*stride+k]
			}
		}
	}
}

// join fills the padded row from the phases.
func (r *windowRow[T]) join(t *vec.Table[T]) {
	switch stride := len(r.phases); stride {
	case 1:
	case 2:
		t.Join(r.padded, r.phases[0], r.phases[1])
	default:
		for k, phase := range r.phases {
			for i, v := range phase {
				r.padded[i*stride+k] = v
			}
		}
	}
}

// image is the part of the padded row that lies in the image, without a rest
// that no window reaches.
func (n *Plan[T]) image(r *windowRow[T]) []T {
	from := min(n.spec.PadLeft, len(r.padded))
	return r.padded[from:min(from+n.spec.W, len(r.padded))]
}

// tap is what tap kw of the windows of a row covers.
func (n *Plan[T]) tap(r *windowRow[T], kw int) []T {
	at := kw * n.spec.DilationW
	return r.phases[at%n.spec.StrideW][at/n.spec.StrideW:][:n.ow]
}

// gather computes one row of outputs of a plane by combining the elements of
// each window; padding has the value empty.
func (n *Plan[T]) gather(r *windowRow[T], oh int, y, x []T, combine vec.Binary[T], empty T) {
	for i := range r.padded {
		r.padded[i] = empty
	}
	image := n.image(r)
	accumulate := newChain(image, combine)
	for kh := range n.spec.KH {
		if h := oh*n.spec.StrideH - n.spec.PadTop + kh*n.spec.DilationH; h >= 0 && h < n.spec.H {
			accumulate.with(x[h*n.spec.W:][:len(image)])
		}
	}
	accumulate.finish()
	r.split(n.t)
	accumulate = newChain(y, combine)
	for kw := range n.spec.KW {
		accumulate.with(n.tap(r, kw))
	}
	accumulate.finish()
}

// chain combines vectors into dst without a first pass that only copies.
type chain[T vec.Float] struct {
	dst, only []T
	many      bool
	combine   vec.Binary[T]
}

func newChain[T vec.Float](dst []T, combine vec.Binary[T]) chain[T] {
	return chain[T]{dst: dst, combine: combine}
}

func (c *chain[T]) with(x []T) {
	switch {
	case c.many:
		c.combine(c.dst, c.dst, x)
	case c.only != nil:
		c.combine(c.dst, c.only, x)
		c.many = true
	default:
		c.only = x
	}
}

func (c *chain[T]) finish() {
	if !c.many && c.only != nil {
		copy(c.dst, c.only)
	}
}

// scatter adds one row of gradients to what its windows cover in the plane dx.
func (n *Plan[T]) scatter(r *windowRow[T], oh int, dx, dy []T) {
	for _, phase := range r.phases {
		clear(phase)
	}
	for kw := range n.spec.KW {
		tap := n.tap(r, kw)
		n.t.Add(tap, tap, dy)
	}
	r.join(n.t)
	image := n.image(r)
	for kh := range n.spec.KH {
		if h := oh*n.spec.StrideH - n.spec.PadTop + kh*n.spec.DilationH; h >= 0 && h < n.spec.H {
			row := dx[h*n.spec.W:][:len(image)]
			n.t.Add(row, row, image)
		}
	}
}

// locate computes where in the plane x the maxima y of one row of windows lie.
// It takes the elements of the windows last to first, so that the first of equal
// ones remains.
func (n *Plan[T]) locate(r *windowRow[T], oh int, index []int32, y, x []T) {
	s := &n.spec
	lowest := T(math.Inf(-1))
	h0 := oh*s.StrideH - s.PadTop
	for i := range r.padded {
		r.padded[i] = lowest
	}
	for kh := s.KH - 1; kh >= 0; kh-- {
		h := h0 + kh*s.DilationH
		if h < 0 || h >= s.H {
			continue
		}
		copy(n.image(r), x[h*s.W:][:s.W])
		r.split(n.t)
		for kw := s.KW - 1; kw >= 0; kw-- {
			n.t.Match(r.found, n.tap(r, kw), y, T(kh*s.KW+kw))
		}
	}
	for ow, m := range y {
		w0 := ow*s.StrideW - s.PadLeft
		if m == lowest { // which is what padding has
			index[ow] = first(s, x, m, h0, w0)
		} else {
			index[ow] = int32(h0*s.W+w0) + n.offset[int(r.found[ow])]
		}
	}
}

// first is the index of the first element of the window at (h0, w0) that is m;
// -1 if there is none.
func first[T vec.Float](s *Spec, x []T, m T, h0, w0 int) int32 {
	for kh := range s.KH {
		for kw := range s.KW {
			h, w := h0+kh*s.DilationH, w0+kw*s.DilationW
			if h >= 0 && h < s.H && w >= 0 && w < s.W && x[h*s.W+w] == m {
				return int32(h*s.W + w)
			}
		}
	}
	return -1
}

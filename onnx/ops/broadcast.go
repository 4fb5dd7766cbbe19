package ops

import (
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// broadcastShape is numpy's rule: shapes align at the right, and a dimension of
// 1 stretches.
func broadcastShape(n *Node, shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
		for _, s := range shapes {
			j := i - (rank - len(s))
			if j < 0 || s[j] == 1 {
				continue
			}
			if out[i] != 1 && out[i] != s[j] {
				return nil, n.Errorf("shapes %v do not broadcast", shapes)
			}
			out[i] = s[j]
		}
	}
	return out, nil
}

// strides of shape as seen from out: 0 along stretched dimensions.
func broadcastStrides(shape, out []int) []int {
	s := make([]int, len(out))
	own := tensor.Strides(shape)
	for i, d := range shape {
		if d != 1 {
			s[len(out)-len(shape)+i] = own[i]
		}
	}
	return s
}

// walk describes the loop over a broadcast of operands: rows of inner elements,
// with each operand's stride inside a row (0 or 1) and its offset by row.
type walk struct {
	rows, inner int
	dims        []int
	strides     [][]int // by operand, along dims
	step        []int   // by operand, inside a row
}

// newWalk merges dimensions that are contiguous for every operand.
func newWalk(out []int, shapes ...[]int) *walk {
	w := &walk{rows: 1, inner: 1}
	all := make([][]int, len(shapes))
	for i, s := range shapes {
		all[i] = broadcastStrides(s, out)
	}
	var dims []int
	strides := make([][]int, len(shapes))
	for d := len(out) - 1; d >= 0; d-- {
		if out[d] == 1 {
			continue
		}
		k := len(dims) - 1
		merge := k >= 0
		for i := range shapes {
			merge = merge && all[i][d] == strides[i][k]*dims[k]
		}
		if merge {
			dims[k] *= out[d]
			continue
		}
		dims = append(dims, out[d])
		for i := range shapes {
			strides[i] = append(strides[i], all[i][d])
		}
	}
	w.step = make([]int, len(shapes))
	if len(dims) > 0 {
		w.inner = dims[0]
		for i := range shapes {
			w.step[i] = strides[i][0]
			strides[i] = strides[i][1:]
		}
		w.dims = dims[1:]
		for _, d := range w.dims {
			w.rows *= d
		}
	}
	w.strides = strides
	return w
}

// offset is where row r of operand i begins.
func (w *walk) offset(i, r int) int {
	at, last := 0, len(w.dims)-1
	for d, size := range w.dims {
		if d == last {
			return at + r*w.strides[i][d]
		}
		at += r % size * w.strides[i][d]
		r /= size
	}
	return at
}

// loop calls row(lo, hi elements of the result, offsets of a and b) for pieces
// of rows, in parallel chunks that depend on the shape alone.
func (w *walk) loop(p *parallel.Pool, row func(lo, n, a, b int)) func() {
	if w.rows*w.inner == 0 {
		return func() {}
	}
	if w.rows == 1 {
		body := func(_, chunk int) {
			lo, hi := parallel.Range(chunk, span, w.inner)
			row(lo, hi-lo, lo*w.step[0], lo*w.step[1])
		}
		return func() { p.For(parallel.Chunks(w.inner, span), body) }
	}
	size := max(1, span/w.inner)
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, size, w.rows)
		for r := lo; r < hi; r++ {
			row(r*w.inner, w.inner, w.offset(0, r), w.offset(1, r))
		}
	}
	return func() { p.For(parallel.Chunks(w.rows, size), body) }
}

// The longest rows for which a number is repeated along them, so that many rows are one vector:
// of any numbers, and of numbers that follow each other, which [vec.Repeat] repeats.
const (
	shortRow  = 32
	shortRows = 256
)

// repeats reports whether operand i, which stretches, does so along short rows.
func (w *walk) repeats(i int) bool {
	return w.inner <= shortRow || w.inner <= shortRows && w.follow(i)
}

// stretches reports whether operand i is one number in each of many rows while the
// other one is as large as the result.
func (w *walk) stretches(i int) bool {
	if w.rows <= 1 || w.inner == 0 || w.step[i] != 0 || w.step[1-i] != 1 {
		return false
	}
	size := w.inner
	for d, n := range w.dims {
		if w.strides[1-i][d] != size {
			return false
		}
		size *= n
	}
	return true
}

// follow reports whether the numbers of operand i for the rows follow each other.
func (w *walk) follow(i int) bool { return len(w.dims) == 1 && w.strides[i][0] == 1 }

// repeat fills dst with the numbers of operand i for the rows from r on, each
// repeated along its row.
func repeat[T tensor.Element](w *walk, i, r int, dst, x []T) {
	if into, ok := any(dst).([]float32); ok && w.follow(i) {
		vec.Repeat(into, any(x[r:r+len(dst)/w.inner]).([]float32), w.inner)
		return
	}
	for ; len(dst) > 0; r++ {
		v, row := x[w.offset(i, r)], dst[:w.inner]
		for k := range row {
			row[k] = v
		}
		dst = dst[w.inner:]
	}
}

// loopRepeated is rowOf for an operand i that repeats.
func loopRepeated[T tensor.Element](e *Env, w *walk, i int, a, b, dst *tensor.Tensor, rows func(dst, a, b []T)) func() {
	const floats = 2048 // of a chunk: they stay in the first level of cache
	size := max(1, floats/w.inner)
	operand := [2]*tensor.Tensor{a, b}
	repeated := make([][]T, e.Pool.Threads())
	for k := range repeated {
		repeated[k] = make([]T, size*w.inner)
	}
	body := func(worker, chunk int) {
		lo, hi := parallel.Range(chunk, size, w.rows)
		from, to := lo*w.inner, hi*w.inner
		var x [2][]T
		x[i], x[1-i] = repeated[worker][:to-from], tensor.Data[T](operand[1-i])[from:to]
		repeat(w, i, lo, x[i], tensor.Data[T](operand[i]))
		rows(tensor.Data[T](dst)[from:to], x[0], x[1])
	}
	return func() { e.Pool.For(parallel.Chunks(w.rows, size), body) }
}

// loopEach is rowOf for an operand i whose numbers follow each other.
func loopEach[T tensor.Element](e *Env, w *walk, i int, a, b, dst *tensor.Tensor, each func(dst, x, a []T, n int)) func() {
	size := max(1, span/w.inner)
	numbers, other := a, b
	if i == 1 {
		numbers, other = b, a
	}
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, size, w.rows)
		from, to := lo*w.inner, hi*w.inner
		each(tensor.Data[T](dst)[from:to], tensor.Data[T](other)[from:to], tensor.Data[T](numbers)[lo:hi], w.inner)
	}
	return func() { e.Pool.For(parallel.Chunks(w.rows, size), body) }
}

// vectors are kernels of an operator: on two rows, on a row and a number, on a number and
// a row, and, where either operand may be the numbers, on rows of n and a number for each.
// Each may be nil.
type vectors[T tensor.Element] struct {
	rows             func(dst, a, b []T)
	scalar, reversed func(dst, x []T, a T)
	each             func(dst, x, a []T, n int)
}

// rowOf applies f along rows whose operands advance by their steps.
func rowOf[A, B, D tensor.Element](e *Env, w *walk, a, b, dst *tensor.Tensor, f func(A, B) D, fast vectors[D]) func() {
	for i := range 2 {
		switch {
		case !w.stretches(i):
		case fast.each != nil && w.follow(i):
			return loopEach(e, w, i, a, b, dst, fast.each)
		case fast.rows != nil && w.repeats(i):
			return loopRepeated(e, w, i, a, b, dst, fast.rows)
		}
	}
	return w.loop(e.Pool, func(lo, n, ia, ib int) {
		y, x, z := tensor.Data[D](dst)[lo:lo+n], tensor.Data[A](a)[ia:], tensor.Data[B](b)[ib:]
		sa, sb := w.step[0], w.step[1]
		switch {
		case fast.rows != nil && sa == 1 && sb == 1:
			fast.rows(y, any(x[:n]).([]D), any(z[:n]).([]D))
		case fast.scalar != nil && sa == 1 && sb == 0:
			fast.scalar(y, any(x[:n]).([]D), any(z[0]).(D))
		case fast.reversed != nil && sa == 0 && sb == 1:
			fast.reversed(y, any(z[:n]).([]D), any(x[0]).(D))
		case sa == 1 && sb == 0:
			v := z[0]
			for i := range y {
				y[i] = f(x[i], v)
			}
		case sa == 0 && sb == 1:
			v := x[0]
			for i := range y {
				y[i] = f(v, z[i])
			}
		default:
			for i := range y {
				y[i] = f(x[i*sa], z[i*sb])
			}
		}
	})
}

// rule builds the gradient of an operand, in the shape of the result.
type rule func(b *Builder, n *Node, dy *Value) *Value

// gradOf is the gradient of an operator with broadcasting, a rule an operand.
func gradOf(rules ...rule) func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	return func(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
		out := make([]*Value, len(n.In))
		for i, v := range n.In {
			if r := rules[min(i, len(rules)-1)]; want[i] && r != nil {
				out[i] = b.SumTo(r(b, n, dy[0]), v.Shape)
			}
		}
		return out, b.Err
	}
}

func pass(_ *Builder, _ *Node, dy *Value) *Value { return dy }

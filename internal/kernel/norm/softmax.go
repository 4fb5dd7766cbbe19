package norm

import (
	"math"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// SoftmaxSpec describes a softmax; see [ref.SoftmaxSpec].
type SoftmaxSpec = ref.SoftmaxSpec

// Softmax is a plan for y = exp(x)/Σ exp(x), or with Log for y = x - ln Σ exp(x),
// over the middle axis of x [Outer,D,Inner]. The maximum is subtracted first. A
// line with a NaN or +Inf, or of -Inf alone, becomes NaN.
type Softmax[T vec.Float] struct {
	spec     SoftmaxSpec
	t        *vec.Table[T]
	pool     *parallel.Pool
	perChunk int // lines of a chunk; of columns where Inner > 1
	scratch  []T // [threads][2][perChunk] where Inner > 1, else [threads][D]

	forward, back func(worker, chunk int)
	softmaxRun[T]
}

// softmaxRun is the arguments of the run in progress.
type softmaxRun[T vec.Float] struct{ y, x, dx, dy []T }

// softmaxChunk is the number of elements of a chunk.
const softmaxChunk = 8192

// softmaxColumns is how many neighbouring lines go together where Inner > 1.
const softmaxColumns = 256

// NewSoftmax plans the softmax.
func NewSoftmax[T vec.Float](p *parallel.Pool, s SoftmaxSpec) *Softmax[T] {
	n := &Softmax[T]{spec: s, t: vec.Of[T](), pool: p, perChunk: max(1, softmaxChunk/max(s.D, 1))}
	n.forward, n.back = n.rowsForward, n.rowsBackward
	switch {
	case s.Inner != 1:
		n.perChunk = min(max(s.Inner, 1), softmaxColumns)
		n.scratch = make([]T, 2*n.perChunk*p.Threads())
		n.forward, n.back = n.columnsForward, n.columnsBackward
	case s.Log:
		n.scratch = make([]T, s.D*p.Threads())
	}
	return n
}

func (n *Softmax[T]) chunks() int {
	if n.spec.Inner == 1 {
		return parallel.Chunks(n.spec.Outer, n.perChunk)
	}
	return n.spec.Outer * parallel.Chunks(n.spec.Inner, n.perChunk)
}

// Forward computes y, which may be x.
func (n *Softmax[T]) Forward(y, x []T) {
	size := n.spec.Outer * n.spec.D * n.spec.Inner
	check.Len("y", y, size)
	check.Len("x", x, size)
	n.softmaxRun = softmaxRun[T]{y: y, x: x}
	n.pool.For(n.chunks(), n.forward)
	n.softmaxRun = softmaxRun[T]{}
}

// Backward computes dx, the gradient of Σ dy·y, from the y of Forward. dx may
// be dy or y.
func (n *Softmax[T]) Backward(dx, dy, y []T) {
	size := n.spec.Outer * n.spec.D * n.spec.Inner
	check.Len("dx", dx, size)
	check.Len("dy", dy, size)
	check.Len("y", y, size)
	n.softmaxRun = softmaxRun[T]{y: y, dx: dx, dy: dy}
	n.pool.For(n.chunks(), n.back)
	n.softmaxRun = softmaxRun[T]{}
}

func (n *Softmax[T]) rowsForward(worker, chunk int) {
	d := n.spec.D
	lo, hi := parallel.Range(chunk, n.perChunk, n.spec.Outer)
	if !n.spec.Log {
		n.t.SoftmaxRows(n.y[lo*d:hi*d], n.x[lo*d:hi*d], d)
		return
	}
	for r := lo; r < hi; r++ {
		y, x := n.y[r*d:][:d], n.x[r*d:][:d]
		m := n.t.MaxOf(x)
		sum := n.t.ExpSum(n.scratch[worker*d:][:d], x, m)
		n.t.AddScalar(y, x, -m)
		n.t.AddScalar(y, y, T(-math.Log(sum)))
	}
}

func (n *Softmax[T]) rowsBackward(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.spec.Outer)
	for r := lo; r < hi; r++ {
		at, d := r*n.spec.D, n.spec.D
		dx, dy, y := n.dx[at:][:d], n.dy[at:][:d], n.y[at:][:d]
		if n.spec.Log {
			n.t.LogSoftmaxGrad(dx, dy, y, T(n.t.Sum(dy)))
		} else {
			n.t.SoftmaxGrad(dx, dy, y, T(n.t.ShortDot(dy, y)))
		}
	}
}

// columns returns where the first elements of a chunk's lines begin, how many
// lines it has, and two vectors of scratch.
func (n *Softmax[T]) columns(worker, chunk int) (at, k int, a, b []T) {
	per := parallel.Chunks(n.spec.Inner, n.perChunk)
	lo, hi := parallel.Range(chunk%per, n.perChunk, n.spec.Inner)
	k = hi - lo
	s := n.scratch[2*n.perChunk*worker:]
	return chunk/per*n.spec.D*n.spec.Inner + lo, k, s[:k], s[n.perChunk:][:k]
}

func (n *Softmax[T]) columnsForward(worker, chunk int) {
	at, k, m, sum := n.columns(worker, chunk)
	copy(m, n.x[at:][:k])
	for i := 1; i < n.spec.D; i++ {
		n.t.Max(m, m, n.x[at+i*n.spec.Inner:][:k])
	}
	clear(sum)
	for i := range n.spec.D {
		y := n.y[at+i*n.spec.Inner:][:k]
		n.t.Sub(y, n.x[at+i*n.spec.Inner:][:k], m)
		if !n.spec.Log {
			n.t.Exp(y, y)
			n.t.Add(sum, sum, y)
		}
	}
	if n.spec.Log {
		for i := range n.spec.D {
			n.t.Exp(m, n.y[at+i*n.spec.Inner:][:k])
			n.t.Add(sum, sum, m)
		}
		n.t.Log(sum, sum)
	} else {
		n.t.Reciprocal(sum, sum)
	}
	for i := range n.spec.D {
		y := n.y[at+i*n.spec.Inner:][:k]
		if n.spec.Log {
			n.t.Sub(y, y, sum)
		} else {
			n.t.Mul(y, y, sum)
		}
	}
}

func (n *Softmax[T]) columnsBackward(worker, chunk int) {
	at, k, sum, tmp := n.columns(worker, chunk)
	clear(sum)
	for i := range n.spec.D {
		dy, y := n.dy[at+i*n.spec.Inner:][:k], n.y[at+i*n.spec.Inner:][:k]
		if n.spec.Log {
			n.t.Add(sum, sum, dy)
		} else {
			n.t.Fma(sum, dy, y, sum)
		}
	}
	n.t.Neg(sum, sum)
	for i := range n.spec.D {
		j := at + i*n.spec.Inner
		dx, dy, y := n.dx[j:][:k], n.dy[j:][:k], n.y[j:][:k]
		if n.spec.Log {
			n.t.Exp(tmp, y)
			n.t.Fma(dx, tmp, sum, dy)
		} else {
			n.t.Add(tmp, dy, sum)
			n.t.Mul(dx, y, tmp)
		}
	}
}

package norm

import (
	"math"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// CrossEntropy is a plan for the loss of x [rows,classes] against soft targets
// of the same shape, the mean over the rows of
//
//	-Σ target·ln softmax(x)
//
// A target of 0 adds nothing even where its x is -Inf.
type CrossEntropy[T vec.Float] struct {
	rows, classes int
	t             *vec.Table[T]
	pool          *parallel.Pool
	perChunk      int
	losses        []float64 // of each row
	body          func(worker, chunk int)
	lossRun[T]
}

// lossRun is the arguments of the run in progress.
type lossRun[T vec.Float] struct{ dx, x, target []T }

// lossChunk is the number of elements of a chunk.
const lossChunk = 8192

// NewCrossEntropy plans the loss.
func NewCrossEntropy[T vec.Float](p *parallel.Pool, rows, classes int) *CrossEntropy[T] {
	l := &CrossEntropy[T]{rows: rows, classes: classes, t: vec.Of[T](), pool: p,
		perChunk: max(1, lossChunk/max(classes, 1)), losses: make([]float64, rows)}
	l.body = l.chunk
	return l
}

// Run returns the loss and computes dx, its gradient with respect to x. dx may
// be x.
func (l *CrossEntropy[T]) Run(dx, x, target []T) float64 {
	check.Len("dx", dx, l.rows*l.classes)
	check.Len("x", x, l.rows*l.classes)
	check.Len("target", target, l.rows*l.classes)
	l.lossRun = lossRun[T]{dx, x, target}
	l.pool.For(parallel.Chunks(l.rows, l.perChunk), l.body)
	l.lossRun = lossRun[T]{}
	sum := 0.0
	for _, v := range l.losses {
		sum += v
	}
	return sum / float64(l.rows)
}

func (l *CrossEntropy[T]) chunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, l.perChunk, l.rows)
	for r := lo; r < hi; r++ {
		at := r * l.classes
		dx, x, target := l.dx[at:][:l.classes], l.x[at:][:l.classes], l.target[at:][:l.classes]
		m := l.t.MaxOf(x)
		picked, total := 0.0, 0.0 // Σ target·(x-m), Σ target
		for k, t := range target {
			if t != 0 {
				picked += float64(t) * (float64(x[k]) - float64(m))
				total += float64(t)
			}
		}
		sum := l.t.ExpSum(dx, x, m)
		l.losses[r] = total*math.Log(sum) - picked
		l.t.MulScalar(dx, dx, T(total/(sum*float64(l.rows))))
		l.t.Axpy(dx, target, T(-1/float64(l.rows)))
	}
}

// MSE is a plan for the loss of x against a target of n elements, the mean over
// all elements of (x-target)².
type MSE[T vec.Float] struct {
	n      int
	t      *vec.Table[T]
	pool   *parallel.Pool
	losses []float64 // of each chunk
	body   func(worker, chunk int)
	lossRun[T]
}

// NewMSE plans the loss.
func NewMSE[T vec.Float](p *parallel.Pool, n int) *MSE[T] {
	l := &MSE[T]{n: n, t: vec.Of[T](), pool: p, losses: make([]float64, parallel.Chunks(n, lossChunk))}
	l.body = l.chunk
	return l
}

// Run returns the loss and computes dx, its gradient with respect to x. dx may
// be x.
func (l *MSE[T]) Run(dx, x, target []T) float64 {
	check.Len("dx", dx, l.n)
	check.Len("x", x, l.n)
	check.Len("target", target, l.n)
	l.lossRun = lossRun[T]{dx, x, target}
	l.pool.For(len(l.losses), l.body)
	l.lossRun = lossRun[T]{}
	sum := 0.0
	for _, v := range l.losses {
		sum += v
	}
	return sum / float64(l.n)
}

func (l *MSE[T]) chunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, lossChunk, l.n)
	dx := l.dx[lo:hi]
	l.t.Sub(dx, l.x[lo:hi], l.target[lo:hi])
	l.losses[chunk] = l.t.SumSq(dx)
	l.t.MulScalar(dx, dx, T(2/float64(l.n)))
}

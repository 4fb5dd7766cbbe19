package pool

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// Global is a plan for reducing each of a number of planes x [planes,size]
// to one value y [planes].
type Global[T vec.Float] struct {
	planes, size int
	t            *vec.Table[T]
	pool         *parallel.Pool
	perChunk     int // planes of a chunk

	avgBody, avgGradBody, maxBody, maxGradBody func(worker, chunk int)
	poolRun[T]
}

// NewGlobal plans the reduction; size is positive.
func NewGlobal[T vec.Float](p *parallel.Pool, planes, size int) *Global[T] {
	n := &Global[T]{planes: planes, size: size, t: vec.Of[T](), pool: p, perChunk: max(1, poolChunk/max(size, 1))}
	n.avgBody, n.avgGradBody, n.maxBody, n.maxGradBody = n.avgChunk, n.avgGradChunk, n.maxChunk, n.maxGradChunk
	return n
}

func (n *Global[T]) run(body func(worker, chunk int), r poolRun[T]) {
	n.poolRun = r
	n.pool.For(parallel.Chunks(n.planes, n.perChunk), body)
	n.poolRun = poolRun[T]{}
}

// Avg computes the averages, summed in float64.
func (n *Global[T]) Avg(y, x []T) {
	check.Len("y", y, n.planes)
	check.Len("x", x, n.planes*n.size)
	n.run(n.avgBody, poolRun[T]{y: y, x: x})
}

// AvgGrad computes dx = dy/size.
func (n *Global[T]) AvgGrad(dx, dy []T) {
	check.Len("dx", dx, n.planes*n.size)
	check.Len("dy", dy, n.planes)
	n.run(n.avgGradBody, poolRun[T]{dx: dx, dy: dy})
}

// Max computes the maxima and, unless index is nil, where in its plane each
// lies: the first of equal ones, a NaN above all.
func (n *Global[T]) Max(y []T, index []int32, x []T) {
	check.Len("y", y, n.planes)
	check.Len("x", x, n.planes*n.size)
	if index != nil {
		check.Len("index", index, n.planes)
	}
	n.run(n.maxBody, poolRun[T]{y: y, index: index, x: x})
}

// MaxGrad computes dx, which is dy at the index of Max and 0 elsewhere.
func (n *Global[T]) MaxGrad(dx, dy []T, index []int32) {
	check.Len("dx", dx, n.planes*n.size)
	check.Len("dy", dy, n.planes)
	check.Len("index", index, n.planes)
	n.run(n.maxGradBody, poolRun[T]{dx: dx, dy: dy, index: index})
}

// shortPlane is the largest plane for which a plain loop takes less time than a
// vector's beginning and end.
const shortPlane = 16

func (n *Global[T]) avgChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.planes)
	if n.size <= shortPlane {
		for p := lo; p < hi; p++ {
			sum := 0.0
			for _, v := range n.x[p*n.size:][:n.size] {
				sum += float64(v)
			}
			n.y[p] = T(sum / float64(n.size))
		}
		return
	}
	for p := lo; p < hi; p++ {
		n.y[p] = T(n.t.Sum(n.x[p*n.size:][:n.size]) / float64(n.size))
	}
}

func (n *Global[T]) avgGradChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.planes)
	for p := lo; p < hi; p++ {
		d, plane := n.dy[p]/T(n.size), n.dx[p*n.size:][:n.size]
		for i := range plane {
			plane[i] = d
		}
	}
}

func (n *Global[T]) maxChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.planes)
	for p := lo; p < hi; p++ {
		plane := n.x[p*n.size:][:n.size]
		at := n.t.ArgMax(plane)
		n.y[p] = plane[at]
		if n.index != nil {
			n.index[p] = int32(at)
		}
	}
}

func (n *Global[T]) maxGradChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.planes)
	clear(n.dx[lo*n.size : hi*n.size])
	for p := lo; p < hi; p++ {
		n.dx[p*n.size+int(n.index[p])] = n.dy[p]
	}
}

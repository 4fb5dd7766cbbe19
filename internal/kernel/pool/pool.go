package pool

import (
	"math"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// Spec describes a pooling in two dimensions; see [ref.PoolSpec].
type Spec = ref.PoolSpec

// Plan is a plan for max or average pooling of x [N,C,H,W] to y [N,C,OutH,OutW].
// Windows are taken apart: first down the columns, whole rows at a time, then
// along the row, see windowRow. A chunk of work is a number of planes.
type Plan[T vec.Float] struct {
	spec     Spec
	t        *vec.Table[T]
	pool     *parallel.Pool
	oh, ow   int
	perChunk int            // planes of a chunk
	rows     []windowRow[T] // of each worker
	// How many elements of the (padded) image the windows of an output row and
	// column cover; at least 1.
	countH, countW []T
	offset         []int32    // of each element of a window from its first, in a plane
	planeMax       *planePool // or nil: of float32; its rows find indices too
	planeAvg       *planePool // or nil: of float32

	maxBody, maxGradBody, avgBody, avgGradBody func(worker, chunk int)
	poolRun[T]
}

// poolRun is the arguments of the run in progress.
type poolRun[T vec.Float] struct {
	y, x, dx, dy []T
	index        []int32
}

// poolChunk is the number of input elements of a chunk.
const poolChunk = 8192

// New plans the pooling. The spec must be valid.
func New[T vec.Float](p *parallel.Pool, s Spec) *Plan[T] {
	n := &Plan[T]{spec: s, t: vec.Of[T](), pool: p, oh: s.OutH(), ow: s.OutW(), perChunk: max(1, poolChunk/(s.H*s.W))}
	n.maxBody, n.maxGradBody, n.avgBody, n.avgGradBody = n.maxChunk, n.maxGradChunk, n.avgChunk, n.avgGradChunk
	n.rows = newWindowRows[T](p, s)
	n.countH, n.countW = make([]T, n.oh), make([]T, n.ow)
	for i := range n.countH {
		n.countH[i] = T(max(s.CountH(i), 1))
	}
	for i := range n.countW {
		n.countW[i] = T(max(s.CountW(i), 1))
	}
	for k := range s.KH * s.KW {
		n.offset = append(n.offset, int32(k/s.KW*s.DilationH*s.W+k%s.KW*s.DilationW))
	}
	if n, ok := any(n).(*Plan[float32]); ok {
		n.planeMax, n.planeAvg = newPlanePool(p, s, nil, nil), newPlanePool(p, s, n.countH, n.countW)
	}
	return n
}

func (n *Plan[T]) run(body func(worker, chunk int), r poolRun[T]) {
	n.poolRun = r
	n.pool.For(parallel.Chunks(n.spec.N*n.spec.C, n.perChunk), body)
	n.poolRun = poolRun[T]{}
}

// planes returns the planes of a chunk.
func (n *Plan[T]) planes(chunk int) (lo, hi int) {
	return parallel.Range(chunk, n.perChunk, n.spec.N*n.spec.C)
}

// in and out return plane p of an array of the input's or the output's shape.
func (n *Plan[T]) in(x []T, p int) []T  { return x[p*n.spec.H*n.spec.W:][:n.spec.H*n.spec.W] }
func (n *Plan[T]) out(y []T, p int) []T { return y[p*n.oh*n.ow:][:n.oh*n.ow] }

// Max computes the maxima y and, unless index is nil, where in its plane of x
// each lies: the first of equal ones, a NaN above all; -1 with y = -Inf where a
// window covers nothing.
func (n *Plan[T]) Max(y []T, index []int32, x []T) {
	nx, ny := n.spec.Lengths()
	check.Len("y", y, ny)
	check.Len("x", x, nx)
	if index != nil {
		check.Len("index", index, ny)
	} else if n.planeMax != nil && ny > 0 {
		n.planeMax.run(any(y[:ny]).([]float32), any(x[:nx]).([]float32))
		return
	}
	n.run(n.maxBody, poolRun[T]{y: y, index: index, x: x})
}

// MaxGrad computes dx, the gradient of Σ dy·y, from the index of Max.
func (n *Plan[T]) MaxGrad(dx, dy []T, index []int32) {
	nx, ny := n.spec.Lengths()
	check.Len("dx", dx, nx)
	check.Len("dy", dy, ny)
	check.Len("index", index, ny)
	n.run(n.maxGradBody, poolRun[T]{dx: dx, dy: dy, index: index})
}

// Avg computes the averages y; 0 where a window covers nothing.
func (n *Plan[T]) Avg(y, x []T) {
	nx, ny := n.spec.Lengths()
	check.Len("y", y, ny)
	check.Len("x", x, nx)
	if n.planeAvg != nil && ny > 0 {
		n.planeAvg.run(any(y[:ny]).([]float32), any(x[:nx]).([]float32))
		return
	}
	n.run(n.avgBody, poolRun[T]{y: y, x: x})
}

// AvgGrad computes dx, the gradient of Σ dy·y.
func (n *Plan[T]) AvgGrad(dx, dy []T) {
	nx, ny := n.spec.Lengths()
	check.Len("dx", dx, nx)
	check.Len("dy", dy, ny)
	n.run(n.avgGradBody, poolRun[T]{dx: dx, dy: dy})
}

func (n *Plan[T]) maxChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	if n.index != nil && n.planeMax != nil && n.planeMax.inPlace != nil && len(n.y) > 0 &&
		n.planeMax.inPlace.locate(any(n.y).([]float32), n.index, any(n.x).([]float32), lo, hi) {
		return
	}
	for p := lo; p < hi; p++ {
		x, y := n.in(n.x, p), n.out(n.y, p)
		for oh := range n.oh {
			row := y[oh*n.ow:][:n.ow]
			n.gather(r, oh, row, x, n.t.Max, T(math.Inf(-1)))
			if n.index != nil {
				n.locate(r, oh, n.index[(p*n.oh+oh)*n.ow:][:n.ow], row, x)
			}
		}
	}
}

func (n *Plan[T]) avgChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		x, y := n.in(n.x, p), n.out(n.y, p)
		for oh := range n.oh {
			row := y[oh*n.ow:][:n.ow]
			n.gather(r, oh, row, x, n.t.Add, 0)
			n.t.MulScalar(r.divisor, n.countW, n.countH[oh])
			n.t.Div(row, row, r.divisor)
		}
	}
}

func (n *Plan[T]) maxGradChunk(_, chunk int) {
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		dx, dy := n.in(n.dx, p), n.out(n.dy, p)
		clear(dx)
		for i, at := range n.index[p*n.oh*n.ow:][:n.oh*n.ow] {
			if at >= 0 {
				dx[at] += dy[i]
			}
		}
	}
}

func (n *Plan[T]) avgGradChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		dx, dy := n.in(n.dx, p), n.out(n.dy, p)
		clear(dx)
		for oh := range n.oh {
			n.t.MulScalar(r.divisor, n.countW, n.countH[oh])
			n.t.Div(r.divisor, dy[oh*n.ow:][:n.ow], r.divisor)
			n.scatter(r, oh, dx, r.divisor)
		}
	}
}

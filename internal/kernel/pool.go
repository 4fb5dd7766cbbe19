package kernel

import (
	"math"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// PoolSpec describes a pooling in two dimensions; see [ref.PoolSpec].
type PoolSpec = ref.PoolSpec

// Pool is a plan for max or average pooling of x [N,C,H,W] to y [N,C,OutH,OutW].
// Windows are taken apart: first down the columns, whole rows at a time, then
// along the row, see poolRow. A chunk of work is a number of planes.
type Pool[T Float] struct {
	spec   PoolSpec
	t      *table[T]
	pool   *parallel.Pool
	oh, ow int
	block  int          // planes of a chunk
	rows   []poolRow[T] // of each worker
	// How many elements of the (padded) image the windows of an output row and
	// column cover; at least 1.
	countH, countW []T
	offset         []int32   // of each element of a window from its first, in a plane
	flatMax        *flatPool // or nil: of float32, without indices
	flatAvg        *flatPool // or nil: of float32

	maxBody, maxGradBody, avgBody, avgGradBody func(worker, chunk int)
	y, x, dx, dy                               []T
	index                                      []int32
}

// poolChunk is the number of input elements of a chunk.
const poolChunk = 8192

// NewPool plans the pooling. The spec must be valid.
func NewPool[T Float](p *parallel.Pool, s PoolSpec) *Pool[T] {
	n := &Pool[T]{spec: s, t: of[T](), pool: p, oh: s.OutH(), ow: s.OutW(), block: max(1, poolChunk/(s.H*s.W))}
	n.maxBody, n.maxGradBody, n.avgBody, n.avgGradBody = n.maxChunk, n.maxGradChunk, n.avgChunk, n.avgGradChunk
	for range p.Threads() {
		n.rows = append(n.rows, newPoolRow[T](s))
	}
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
	if n, ok := any(n).(*Pool[float32]); ok {
		n.flatMax, n.flatAvg = newFlatPool(p, s, nil, nil), newFlatPool(p, s, n.countH, n.countW)
	}
	return n
}

func (n *Pool[T]) run(body func(worker, chunk int)) {
	n.pool.For(parallel.Chunks(n.spec.N*n.spec.C, n.block), body)
	n.y, n.x, n.dx, n.dy, n.index = nil, nil, nil, nil, nil
}

// planes returns the planes of a chunk.
func (n *Pool[T]) planes(chunk int) (lo, hi int) {
	return parallel.Range(chunk, n.block, n.spec.N*n.spec.C)
}

// in and out return plane p of an array of the input's or the output's shape.
func (n *Pool[T]) in(x []T, p int) []T  { return x[p*n.spec.H*n.spec.W:][:n.spec.H*n.spec.W] }
func (n *Pool[T]) out(y []T, p int) []T { return y[p*n.oh*n.ow:][:n.oh*n.ow] }

// Max computes the maxima y and, unless index is nil, where in its plane of x
// each lies: the first of equal ones, a NaN above all; -1 with y = -Inf where a
// window covers nothing.
func (n *Pool[T]) Max(y []T, index []int32, x []T) {
	nx, ny := n.spec.Lengths()
	need("y", y, ny)
	need("x", x, nx)
	if index != nil {
		need("index", index, ny)
	} else if n.flatMax != nil && ny > 0 {
		n.flatMax.run(any(y[:ny]).([]float32), any(x[:nx]).([]float32))
		return
	}
	n.y, n.index, n.x = y, index, x
	n.run(n.maxBody)
}

// MaxGrad computes dx, the gradient of Σ dy·y, from the index of Max.
func (n *Pool[T]) MaxGrad(dx, dy []T, index []int32) {
	nx, ny := n.spec.Lengths()
	need("dx", dx, nx)
	need("dy", dy, ny)
	need("index", index, ny)
	n.dx, n.dy, n.index = dx, dy, index
	n.run(n.maxGradBody)
}

// Avg computes the averages y; 0 where a window covers nothing.
func (n *Pool[T]) Avg(y, x []T) {
	nx, ny := n.spec.Lengths()
	need("y", y, ny)
	need("x", x, nx)
	if n.flatAvg != nil && ny > 0 {
		n.flatAvg.run(any(y[:ny]).([]float32), any(x[:nx]).([]float32))
		return
	}
	n.y, n.x = y, x
	n.run(n.avgBody)
}

// AvgGrad computes dx, the gradient of Σ dy·y.
func (n *Pool[T]) AvgGrad(dx, dy []T) {
	nx, ny := n.spec.Lengths()
	need("dx", dx, nx)
	need("dy", dy, ny)
	n.dx, n.dy = dx, dy
	n.run(n.avgGradBody)
}

func (n *Pool[T]) maxChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		x, y := n.in(n.x, p), n.out(n.y, p)
		for oh := range n.oh {
			row := y[oh*n.ow:][:n.ow]
			n.gather(r, oh, row, x, n.t.max, T(math.Inf(-1)))
			if n.index != nil {
				n.locate(r, oh, n.index[(p*n.oh+oh)*n.ow:][:n.ow], row, x)
			}
		}
	}
}

func (n *Pool[T]) avgChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		x, y := n.in(n.x, p), n.out(n.y, p)
		for oh := range n.oh {
			row := y[oh*n.ow:][:n.ow]
			n.gather(r, oh, row, x, n.t.add, 0)
			n.t.mulScalar(r.divisor, n.countW, n.countH[oh])
			n.t.div(row, row, r.divisor)
		}
	}
}

func (n *Pool[T]) maxGradChunk(_, chunk int) {
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

func (n *Pool[T]) avgGradChunk(worker, chunk int) {
	r := &n.rows[worker]
	lo, hi := n.planes(chunk)
	for p := lo; p < hi; p++ {
		dx, dy := n.in(n.dx, p), n.out(n.dy, p)
		clear(dx)
		for oh := range n.oh {
			n.t.mulScalar(r.divisor, n.countW, n.countH[oh])
			n.t.div(r.divisor, dy[oh*n.ow:][:n.ow], r.divisor)
			n.scatter(r, oh, dx, r.divisor)
		}
	}
}

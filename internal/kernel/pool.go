package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// PoolSpec describes a pooling in two dimensions; see [ref.PoolSpec].
type PoolSpec = ref.PoolSpec

// Pool is a plan for max or average pooling of x [N,C,H,W] to y [N,C,OutH,OutW].
// A chunk of work is a number of planes.
type Pool[T Float] struct {
	spec, plane PoolSpec // plane is spec for one plane
	pool        *parallel.Pool
	block       int // planes of a chunk

	maxBody, maxGradBody, avgBody, avgGradBody func(worker, chunk int)
	y, x, dx, dy                               []T
	index                                      []int32
}

// poolChunk is the number of input elements of a chunk.
const poolChunk = 8192

// NewPool plans the pooling. The spec must be valid.
func NewPool[T Float](p *parallel.Pool, s PoolSpec) *Pool[T] {
	n := &Pool[T]{spec: s, plane: s, pool: p, block: max(1, poolChunk/(s.H*s.W))}
	n.plane.N, n.plane.C = 1, 1
	n.maxBody, n.maxGradBody, n.avgBody, n.avgGradBody = n.maxChunk, n.maxGradChunk, n.avgChunk, n.avgGradChunk
	return n
}

func (n *Pool[T]) run(body func(worker, chunk int)) {
	n.pool.For(parallel.Chunks(n.spec.N*n.spec.C, n.block), body)
	n.y, n.x, n.dx, n.dy, n.index = nil, nil, nil, nil, nil
}

// each calls f for the planes of a chunk: plane p has the elements [x0,x1) of
// the input and [y0,y1) of the output.
func (n *Pool[T]) each(chunk int, f func(x0, x1, y0, y1 int)) {
	lo, hi := parallel.Range(chunk, n.block, n.spec.N*n.spec.C)
	in, out := n.plane.Lengths()
	for p := lo; p < hi; p++ {
		f(p*in, (p+1)*in, p*out, (p+1)*out)
	}
}

// Max computes the maxima y and, unless index is nil, where in its plane of x
// each lies: the first of equal ones, a NaN above all; -1 with y = -Inf where a
// window covers nothing.
func (n *Pool[T]) Max(y []T, index []int32, x []T) {
	nx, ny := n.spec.Lengths()
	need("y", y, ny)
	need("x", x, nx)
	if index != nil {
		need("index", index, ny)
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

func (n *Pool[T]) maxChunk(_, chunk int) {
	n.each(chunk, func(x0, x1, y0, y1 int) {
		var index []int32
		if n.index != nil {
			index = n.index[y0:y1]
		}
		ref.MaxPool(n.plane, n.y[y0:y1], index, n.x[x0:x1])
	})
}

func (n *Pool[T]) maxGradChunk(_, chunk int) {
	n.each(chunk, func(x0, x1, y0, y1 int) {
		ref.MaxPoolGrad(n.plane, n.dx[x0:x1], n.dy[y0:y1], n.index[y0:y1])
	})
}

func (n *Pool[T]) avgChunk(_, chunk int) {
	n.each(chunk, func(x0, x1, y0, y1 int) { ref.AvgPool(n.plane, n.y[y0:y1], n.x[x0:x1]) })
}

func (n *Pool[T]) avgGradChunk(_, chunk int) {
	n.each(chunk, func(x0, x1, y0, y1 int) { ref.AvgPoolGrad(n.plane, n.dx[x0:x1], n.dy[y0:y1]) })
}

package norm

import (
	"math"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// LayerSpec describes a layer normalisation; see [ref.LayerNormSpec].
type LayerSpec = ref.LayerNormSpec

// Layer is a plan for the normalisation of each of Rows rows x [D],
//
//	y = (x - mean)·invstd·scale + bias,  invstd = 1/√(var + Eps)
//
// with scale and bias [D]; with RMS set mean is 0 and var the mean square. mean
// and invstd are [Rows]. References: Ba, Kiros and Hinton 2016; Zhang and
// Sennrich 2019.
type Layer[T vec.Float] struct {
	spec     LayerSpec
	t        *vec.Table[T]
	pool     *parallel.Pool
	perChunk int         // rows of a chunk
	zeros    []T         // stands for an absent bias
	partial  []T         // [chunks][2][D]: dscale and dbias of each chunk
	sums     [][]float64 // two of each worker
	shift    [][]T       // of the row that a worker sums

	forward, back func(worker, chunk int)
	args          layerArgs[T]
}

type layerArgs[T vec.Float] struct {
	y, x, scale, bias, mean, invstd []T
	dx, dy                          []T
}

// Rows of a chunk make about layerChunk elements, but no more than
// layerChunks chunks, each of which has gradients [2][D] of its own.
const (
	layerChunk  = 8192
	layerChunks = 256
)

// NewLayer plans the normalisation.
func NewLayer[T vec.Float](p *parallel.Pool, s LayerSpec) *Layer[T] {
	n := &Layer[T]{spec: s, t: vec.Of[T](), pool: p, zeros: make([]T, s.D),
		sums: parallel.Apart[float64](p, 2), shift: parallel.Apart[T](p, 1)}
	n.perChunk = max(1, layerChunk/max(s.D, 1), parallel.Chunks(s.Rows, layerChunks))
	n.forward, n.back = n.forwardChunk, n.backwardChunk
	return n
}

// Forward computes y, mean and invstd; sums are those of [Batch]. bias may be nil, y
// may be x.
func (n *Layer[T]) Forward(y, x, scale, bias, mean, invstd []T) {
	if bias == nil {
		bias = n.zeros
	}
	n.check(y, x, scale, mean, invstd)
	check.Len("bias", bias, n.spec.D)
	n.args = layerArgs[T]{y: y, x: x, scale: scale, bias: bias, mean: mean, invstd: invstd}
	n.pool.For(parallel.Chunks(n.spec.Rows, n.perChunk), n.forward)
	n.args = layerArgs[T]{}
}

// Backward computes the gradients of Σ dy·y from what Forward read and returned;
// sums over a row and over rows are in the precision of T, by lanes and chunks.
// dbias may be nil, dx may be dy or x.
func (n *Layer[T]) Backward(dx, dscale, dbias, dy, x, scale, mean, invstd []T) {
	n.check(dx, x, scale, mean, invstd)
	check.Len("dy", dy, n.spec.Rows*n.spec.D)
	check.Len("dscale", dscale, n.spec.D)
	if dbias != nil {
		check.Len("dbias", dbias, n.spec.D)
	}
	chunks := parallel.Chunks(n.spec.Rows, n.perChunk)
	if n.partial == nil {
		n.partial = make([]T, max(chunks, 1)*2*n.spec.D)
	}
	clear(n.partial)
	n.args = layerArgs[T]{x: x, scale: scale, mean: mean, invstd: invstd, dx: dx, dy: dy}
	n.pool.For(chunks, n.back)
	n.args = layerArgs[T]{}
	size := 2 * n.spec.D
	for step := 1; step < chunks; step *= 2 {
		for i := 0; i+step < chunks; i += 2 * step {
			to := n.partial[i*size:][:size]
			n.t.Add(to, to, n.partial[(i+step)*size:][:size])
		}
	}
	copy(dscale[:n.spec.D], n.partial)
	if dbias != nil {
		copy(dbias[:n.spec.D], n.partial[n.spec.D:])
	}
}

func (n *Layer[T]) check(y, x, scale, mean, invstd []T) {
	check.Len("y", y, n.spec.Rows*n.spec.D)
	check.Len("x", x, n.spec.Rows*n.spec.D)
	check.Len("scale", scale, n.spec.D)
	check.Len("mean", mean, n.spec.Rows)
	check.Len("invstd", invstd, n.spec.Rows)
}

func (n *Layer[T]) forwardChunk(worker, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.spec.Rows)
	g, d, sums, shift := &n.args, n.spec.D, n.sums[worker], n.shift[worker]
	for r := lo; r < hi; r++ {
		x := g.x[r*d:][:d]
		m, v := 0.0, 0.0
		if n.spec.RMS {
			v = n.t.SumSq(x) / float64(d)
		} else {
			clear(sums)
			shift[0] = average(x[:min(d, rowShift)])
			n.t.Moments(sums[:1], sums[1:], x, shift, d)
			m = sums[0] / float64(d)
			v = max(sums[1]/float64(d)-m*m, 0)
			m += float64(shift[0])
		}
		g.mean[r], g.invstd[r] = T(m), T(1/math.Sqrt(v+n.spec.Eps))
		n.t.RowNorm(g.y[r*d:][:d], x, g.scale, g.bias, g.mean[r], g.invstd[r])
	}
}

// backwardChunk computes dx = invstd·(g - mean(g) - z·mean(g·z)) of its rows,
// with g = dy·scale and z = (x-mean)·invstd.
func (n *Layer[T]) backwardChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.perChunk, n.spec.Rows)
	g, d := &n.args, n.spec.D
	dscale, dbias := n.partial[2*chunk*d:][:d], n.partial[(2*chunk+1)*d:][:d]
	for r := lo; r < hi; r++ {
		dy, x := g.dy[r*d:][:d], g.x[r*d:][:d]
		sum, dot := n.t.RowNormGradSums(dy, x, g.scale, g.mean[r], g.invstd[r])
		if n.spec.RMS {
			sum = 0
		}
		n.t.RowNormGrad(g.dx[r*d:][:d], dscale, dbias, dy, x, g.scale, g.mean[r], g.invstd[r],
			T(sum/float64(d)), T(dot/float64(d)))
	}
}

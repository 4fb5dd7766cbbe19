package norm

import (
	"math"

	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// BatchSpec describes a batch normalisation; see [ref.BatchNormSpec].
type BatchSpec = ref.BatchNormSpec

// Batch is a plan for batch normalisation of x [N,C,S] fused with the
// addition of a residual and ReLU, as the spec says:
//
//	y = act((x - mean)·invstd·scale + bias [+ residual]),  invstd = 1/√(var + Eps)
//
// Everything per channel is [C]. One thread walks the memory from its begin to its end, which is
// faster than groups of channels whose planes would stay in the cache. Several threads take
// images, as they do in the convolutions around: what another core wrote is slower to read
// than the third level of cache. Images have sums of their own, which are added in their order,
// so that the bits are the same either way. Where their planes are small, threads take channels.
// Sums are of float32s for up to 1024 elements, and of float64s from there on; elements are summed
// less the average of some, so that neither a large mean nor a lone large element takes figures from
// the variance.
// Reference: Ioffe and Szegedy 2015.
type Batch[T vec.Float] struct {
	spec  BatchSpec
	t     *vec.Table[T]
	pool  *parallel.Pool
	group int // channels of a chunk

	sum, dot   []float64
	a, p, q, r []T // per channel, see statistics and coefficients
	shift      []T // of each channel, near its mean if that is large beside the deviation

	images     int       // of a chunk; 0 where chunks are of channels
	sums, dots []float64 // of images, [N,C]

	forward, back bodies
	infer         func(worker, chunk int)
	args          batchArgs[T]
}

// pass is what a normalisation does: it adds to sums over the channels [lo,hi) of image i, then
// makes of all sums what belongs to a channel, then the result for the channels of an image.
type pass struct {
	sums     func(sum, dot []float64, i, lo, hi int)
	channels func(lo, hi int)
	result   func(i, lo, hi int)
}

// bodies are the loops of a pass, one after the other: one alone where chunks are of channels.
type bodies [3]func(worker, chunk int)

type batchArgs[T vec.Float] struct {
	y, x, residual, scale, bias, mean, variance, invstd []T
	dx, dres, dscale, dbias, dy                         []T
}

// groupOf is the number of channels of a chunk: all on one thread, else long runs of memory, but
// chunks enough for the threads to share, and no cache line in two of them.
func groupOf(p *parallel.Pool, s BatchSpec) int {
	const run, line = 8192, 64 // elements
	if p.Threads() == 1 {
		return max(1, s.C)
	}
	return max(1, min(run/max(s.S, 1), s.C/p.Want()), parallel.Chunks(line, max(s.S, 1)))
}

// fewElements is the least elements of a channel of an image for which images have sums.
const fewElements = 16

// channelsOfChunk is how many channels' sums over the images a chunk adds.
const channelsOfChunk = 64

// NewBatch plans the normalisation.
func NewBatch[T vec.Float](p *parallel.Pool, s BatchSpec) *Batch[T] {
	n := &Batch[T]{spec: s, t: vec.Of[T](), pool: p, group: groupOf(p, s)}
	n.sum, n.dot = make([]float64, s.C), make([]float64, s.C)
	for _, v := range []*[]T{&n.a, &n.p, &n.q, &n.r, &n.shift} {
		*v = make([]T, s.C)
	}
	if threads := p.Threads(); threads > 1 && s.N >= threads && s.S >= fewElements {
		n.images, _ = parallel.Evenly(s.N, p.Want())
		n.sums, n.dots = make([]float64, s.N*s.C), make([]float64, s.N*s.C)
	}
	n.forward = n.bodies(pass{n.moments, n.statistics, n.normalize})
	n.back = n.bodies(pass{n.gradSums, n.coefficients, n.gradients})
	n.infer = n.inferChunk
	return n
}

func (n *Batch[T]) bodies(p pass) bodies {
	if n.images == 0 {
		return bodies{n.ofChannels(p)}
	}
	return bodies{
		n.ofImages(func(i int) {
			lo, hi := i*n.spec.C, (i+1)*n.spec.C
			clear(n.sums[lo:hi])
			clear(n.dots[lo:hi])
			p.sums(n.sums[lo:hi], n.dots[lo:hi], i, 0, n.spec.C)
		}),
		func(_, chunk int) {
			lo, hi := parallel.Range(chunk, channelsOfChunk, n.spec.C)
			n.total(lo, hi)
			p.channels(lo, hi)
		},
		n.ofImages(func(i int) { p.result(i, 0, n.spec.C) }),
	}
}

// ofChannels does all of a pass for a group of channels.
func (n *Batch[T]) ofChannels(p pass) func(worker, chunk int) {
	return func(_, chunk int) {
		lo, hi := parallel.Range(chunk, n.group, n.spec.C)
		n.clear(lo, hi)
		for i := range n.spec.N {
			p.sums(n.sum[lo:hi], n.dot[lo:hi], i, lo, hi)
		}
		p.channels(lo, hi)
		for i := range n.spec.N {
			p.result(i, lo, hi)
		}
	}
}

// ofImages does something for each image of a chunk.
func (n *Batch[T]) ofImages(do func(i int)) func(worker, chunk int) {
	return func(_, chunk int) {
		first, last := parallel.Range(chunk, n.images, n.spec.N)
		for i := first; i < last; i++ {
			do(i)
		}
	}
}

// total adds the sums of the images, in their order, for the channels [lo,hi).
func (n *Batch[T]) total(lo, hi int) {
	n.clear(lo, hi)
	for i := range n.spec.N {
		at := i * n.spec.C
		for c := lo; c < hi; c++ {
			n.sum[c] += n.sums[at+c]
			n.dot[c] += n.dots[at+c]
		}
	}
}

func (n *Batch[T]) clear(lo, hi int) {
	clear(n.sum[lo:hi])
	clear(n.dot[lo:hi])
}

// run runs the loops of a pass.
func (n *Batch[T]) run(b *bodies) {
	if n.images == 0 {
		n.pool.For(parallel.Chunks(n.spec.C, n.group), b[0])
	} else {
		images := parallel.Chunks(n.spec.N, n.images)
		n.pool.For(images, b[0])
		n.pool.For(parallel.Chunks(n.spec.C, channelsOfChunk), b[1])
		n.pool.For(images, b[2])
	}
	n.args = batchArgs[T]{}
}

// Forward computes y from the statistics of x, and the statistics: the mean, the
// biased variance and invstd of each channel, summed as [Batch] says. residual is
// read where the spec has one. y may be x or residual.
func (n *Batch[T]) Forward(y, x, residual, scale, bias, mean, variance, invstd []T) {
	n.check(y, x, residual)
	check.Len("scale", scale, n.spec.C)
	check.Len("bias", bias, n.spec.C)
	check.Len("mean", mean, n.spec.C)
	check.Len("variance", variance, n.spec.C)
	check.Len("invstd", invstd, n.spec.C)
	n.args = batchArgs[T]{y: y, x: x, residual: residual, scale: scale, bias: bias,
		mean: mean, variance: variance, invstd: invstd}
	for c := range n.shift {
		if n.spec.N > 0 {
			n.shift[c] = average(x[c*n.spec.S:][:min(n.spec.S, batchShift)])
		}
	}
	n.run(&n.forward)
}

// Infer computes y from given statistics. y may be x or residual.
func (n *Batch[T]) Infer(y, x, residual, scale, bias, mean, variance []T) {
	n.check(y, x, residual)
	check.Len("scale", scale, n.spec.C)
	check.Len("bias", bias, n.spec.C)
	check.Len("mean", mean, n.spec.C)
	check.Len("variance", variance, n.spec.C)
	n.args = batchArgs[T]{y: y, x: x, residual: residual, scale: scale, bias: bias,
		mean: mean, variance: variance}
	n.pool.For(parallel.Chunks(n.spec.C, n.group), n.infer)
	n.args = batchArgs[T]{}
}

// Backward computes the gradients of Σ dy·y through Forward: dx, dscale, dbias
// and, where the spec has a residual, dres, which is dy where y > 0 if the spec
// has Relu and dy otherwise. y is read only where the spec has both Relu and a
// residual; without a residual the sign of y is computed again from x. dx may
// be dy or x, dres may be dy.
func (n *Batch[T]) Backward(dx, dres, dscale, dbias, dy, x, y, scale, bias, mean, invstd []T) {
	size := n.spec.N * n.spec.C * n.spec.S
	check.Len("dx", dx, size)
	check.Len("dy", dy, size)
	check.Len("x", x, size)
	if n.spec.Residual {
		check.Len("dres", dres, size)
		if n.spec.Relu {
			check.Len("y", y, size)
		}
	}
	for _, v := range [...]struct {
		name string
		s    []T
	}{{"dscale", dscale}, {"dbias", dbias}, {"scale", scale}, {"bias", bias}, {"mean", mean}, {"invstd", invstd}} {
		check.Len(v.name, v.s, n.spec.C)
	}
	n.args = batchArgs[T]{y: y, x: x, scale: scale, bias: bias, mean: mean, invstd: invstd,
		dx: dx, dres: dres, dscale: dscale, dbias: dbias, dy: dy}
	for c := range n.a {
		n.a[c] = scale[c] * invstd[c]
	}
	n.run(&n.back)
}

func (n *Batch[T]) check(y, x, residual []T) {
	size := n.spec.N * n.spec.C * n.spec.S
	check.Len("y", y, size)
	check.Len("x", x, size)
	if n.spec.Residual {
		check.Len("residual", residual, size)
	}
}

// span returns the elements of image i that channels [lo,hi) have.
func (n *Batch[T]) span(i, lo, hi int) (from, to int) {
	return (i*n.spec.C + lo) * n.spec.S, (i*n.spec.C + hi) * n.spec.S
}

// moments adds Σ(x-shift) and Σ(x-shift)² of the channels [lo,hi) of image i to sum and dot.
func (n *Batch[T]) moments(sum, dot []float64, i, lo, hi int) {
	from, to := n.span(i, lo, hi)
	n.t.Moments(sum, dot, n.args.x[from:to], n.shift[lo:hi], n.spec.S)
}

// How many elements the shift of a channel of a batch, and of a row, is the average of. Where one
// of n elements is so large that it makes up the variance, what n elements lose to a shift of k of
// them is n/k² of their rounding.
const (
	batchShift = 64
	rowShift   = 16
)

// average is the mean of x, 0 of none.
func average[T vec.Float](x []T) T {
	sum := 0.0
	for _, e := range x {
		sum += float64(e)
	}
	return T(sum / float64(max(1, len(x))))
}

// statistics makes of the sums of the channels [lo,hi) their mean, variance, invstd and factor.
func (n *Batch[T]) statistics(lo, hi int) {
	g, count := &n.args, float64(n.spec.N*n.spec.S)
	for c := lo; c < hi; c++ {
		m := n.sum[c] / count // of what is shifted
		v := max(n.dot[c]/count-m*m, 0)
		g.mean[c], g.variance[c], g.invstd[c] = T(float64(n.shift[c])+m), T(v), T(1/math.Sqrt(v+n.spec.Eps))
		n.a[c] = g.scale[c] * g.invstd[c]
	}
}

func (n *Batch[T]) inferChunk(_, chunk int) {
	lo, hi := parallel.Range(chunk, n.group, n.spec.C)
	g := &n.args
	for c := lo; c < hi; c++ {
		n.a[c] = T(float64(g.scale[c]) / math.Sqrt(float64(g.variance[c])+n.spec.Eps))
	}
	for i := range n.spec.N {
		n.normalize(i, lo, hi)
	}
}

// normalize computes y = act(a·(x-mean) + bias [+ residual]) of the channels [lo,hi) of image i.
func (n *Batch[T]) normalize(i, lo, hi int) {
	g, s := &n.args, n.spec.S
	mean, a, bias := g.mean[lo:hi], n.a[lo:hi], g.bias[lo:hi]
	from, to := n.span(i, lo, hi)
	y, x := g.y[from:to], g.x[from:to]
	switch {
	case n.spec.Residual && n.spec.Relu:
		n.t.NormalizeAddRelu(y, x, g.residual[from:to], mean, a, bias, s)
	case n.spec.Residual:
		n.t.NormalizeAdd(y, x, g.residual[from:to], mean, a, bias, s)
	case n.spec.Relu:
		n.t.NormalizeRelu(y, x, mean, a, bias, s)
	default:
		n.t.Normalize(y, x, mean, a, bias, s)
	}
}

// gradSums takes dy through ReLU as d, adds Σd and Σd·(x-mean) of the channels [lo,hi) of image i
// to sum and dot, and sets dres = d.
func (n *Batch[T]) gradSums(sum, dot []float64, i, lo, hi int) {
	g, s := &n.args, n.spec.S
	from, to := n.span(i, lo, hi)
	d, x := g.dy[from:to], g.x[from:to]
	if n.spec.Relu && !n.spec.Residual {
		n.t.GatedGradMoments(sum, dot, d, x, g.mean[lo:hi], n.a[lo:hi], g.bias[lo:hi], s)
		return
	}
	if n.spec.Residual && n.spec.Relu {
		n.t.ReluGradMoments(sum, dot, g.dres[from:to], d, g.y[from:to], x, g.mean[lo:hi], s)
		return
	}
	if n.spec.Residual {
		copy(g.dres[from:to], d)
	}
	n.t.GradMoments(sum, dot, d, x, g.mean[lo:hi], s)
}

// coefficients computes of the sums of the channels [lo,hi), with z = (x-mean)·invstd, dbias = Σd,
// dscale = Σd·z and the p, q and r of gradients.
func (n *Batch[T]) coefficients(lo, hi int) {
	g, count := &n.args, float64(n.spec.N*n.spec.S)
	for c := lo; c < hi; c++ {
		inv := float64(g.invstd[c])
		dbias, dscale := n.sum[c], inv*n.dot[c]
		p := float64(g.scale[c]) * inv
		n.p[c], n.q[c], n.r[c] = T(p), T(-p*inv*dscale/count), T(-p*dbias/count)
		g.dscale[c], g.dbias[c] = T(dscale), T(dbias)
	}
}

// gradients computes dx = scale·invstd·(d - dbias/count - z·dscale/count) = p·d + q·(x-mean) + r
// of the channels [lo,hi) of image i.
func (n *Batch[T]) gradients(i, lo, hi int) {
	g := &n.args
	mean, a, bias := g.mean[lo:hi], n.a[lo:hi], g.bias[lo:hi]
	p, q, r := n.p[lo:hi], n.q[lo:hi], n.r[lo:hi]
	d := g.dy
	if n.spec.Residual {
		d = g.dres
	}
	from, to := n.span(i, lo, hi)
	if n.spec.Relu && !n.spec.Residual {
		n.t.GatedNormGrad(g.dx[from:to], d[from:to], g.x[from:to], mean, a, bias, p, q, r, n.spec.S)
	} else {
		n.t.NormalizeGrad(g.dx[from:to], d[from:to], g.x[from:to], mean, p, q, r, n.spec.S)
	}
}

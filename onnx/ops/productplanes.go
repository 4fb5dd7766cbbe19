package ops

import (
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// planesRun is a bound Product whose result is planes: C [images,N,M] of A [images·M,K], as
// where the channels of a pixel lie side by side in A and are to be planes again. The product
// is computed with its channels side by side, so that no part of a vector is wasted on planes
// of few pixels, and then turned.
type planesRun struct {
	*Product
	images   int
	gemm     *gemm.Plan
	pool     *parallel.Pool
	a, c     *tensor.Tensor
	bias     *tensor.Tensor
	residual *tensor.Tensor // added as the product is turned; or nil
	packedB  []float32
	scratch  func() []float32 // the product [images,M,N], the turned block of each worker, the plan's
	body     func(worker, chunk int)
}

// turnedChannels is how many channels of an image are turned at a time.
const turnedChannels = 32

// isPlanes reports whether a planesRun can compute the product p of n, and should: vectors of
// pixels would be an eighth longer than the planes, which takes longer than turning.
func isPlanes(n *Node, p *Product) bool {
	b := n.In[1]
	if 8*parallel.Chunks(p.M, tile.NR)*tile.NR < 9*p.M {
		return false
	}
	if b.Const == nil || b.Param || len(p.Batch) > 1 || p.C.Row != 1 || p.C.Col != p.M || p.A.Row != p.K || p.A.Col != 1 {
		return false
	}
	return len(p.Batch) == 0 || p.B.Batch[0] == 0 && p.A.Batch[0] == p.M*p.K && p.C.Batch[0] == p.M*p.N
}

func newPlanesRun(n *Node, e *Env, p *Product) (*planesRun, error) {
	r := &planesRun{Product: p, images: tensor.Len(p.Batch), pool: e.Pool, a: e.In[0], c: e.Out[0], bias: &tensor.Tensor{}}
	s := gemm.Spec{M: r.images * p.M, N: p.N, K: p.K, Alpha: p.Alpha, BiasCol: n.Input(2) != nil}
	s.LDB, s.TransB = p.B.layout()
	if s.BiasCol {
		r.bias = e.In[2]
	}
	if n.Input(3) != nil {
		r.residual = e.In[3]
	} else if p.Clamp != nil {
		s.Act, s.Lo, s.Hi = tile.ActClip, p.Clamp[0], p.Clamp[1]
	}
	r.gemm = gemm.New(e.Pool, s)
	if err := n.packs(r.gemm.PackedLenB()); err != nil {
		return nil, err
	}
	r.packedB = e.constants(r.gemm.PackedLenB(), func(to []float32) { r.gemm.PackB(to, e.In[1].F32()[p.B.Offset:], e.packed) })
	r.scratch = e.Scratch(s.M*s.N + e.Pool.Threads()*r.blockLen() + r.gemm.Scratch())
	r.body = r.turn
	return r, nil
}

func (r *planesRun) blockLen() int { return turnedChannels * r.M }

func (r *planesRun) run() {
	scratch := r.scratch()
	size := r.images * r.M * r.N
	r.gemm.RunPackedB(scratch[:size], r.a.F32()[r.A.Offset:], r.packedB, r.bias.F32(),
		scratch[size+r.pool.Threads()*r.blockLen():])
	r.pool.For(r.images*parallel.Chunks(r.N, turnedChannels), r.body)
}

// turn brings some channels of an image from the product to their planes.
func (r *planesRun) turn(worker, chunk int) {
	t, parts, size := vec.Of[float32](), parallel.Chunks(r.N, turnedChannels), r.images*r.M*r.N
	image := chunk / parts
	lo, hi := parallel.Range(chunk%parts, turnedChannels, r.N)
	scratch := r.scratch()
	rows, planes := scratch[image*r.M*r.N+lo:size], r.c.F32()[r.C.Offset+(image*r.N+lo)*r.M:][:(hi-lo)*r.M]
	if r.residual == nil {
		t.Transpose(planes, rows, r.M, hi-lo, r.M, r.N)
		return
	}
	block := scratch[size+worker*r.blockLen():][:len(planes)]
	t.Transpose(block, rows, r.M, hi-lo, r.M, r.N)
	t.Add(planes, block, r.residual.F32()[(image*r.N+lo)*r.M:][:len(planes)])
	if r.Clamp != nil {
		t.Clip(planes, planes, r.Clamp[0], r.Clamp[1])
	}
}

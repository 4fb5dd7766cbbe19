package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// strips is a pointwise convolution of stride 1 that reads and writes the planes where they
// lie: strips of 64 pixels, the same of every channel, are the columns of its tiles. Nothing
// is packed, and the pixels of a strip stay in the first-level cache while the weights pass
// by. A chunk of the work is some strips of an image. It sums in the order in which
// [pointwise] does, to the same bits.
type strips struct {
	spec       Spec
	pool       *parallel.Pool
	weights    tile.Side
	plane      int
	per, parts int // strips in a chunk, chunks of an image

	body func(worker, chunk int)
	method.Operands
}

// suitsStrips reports whether strips can compute s.
func suitsStrips(s Spec) bool { return tile.HasQuads() && s.C <= stripDepth }

// stripDepth is the most channels whose products are one sum, as in a matrix product.
const stripDepth = 256

// newStrips makes the forward pass of s, or with flipped weights the data gradient of
// another.
func newStrips(p *parallel.Pool, s Spec, flipped bool) *strips {
	t := &strips{spec: s, pool: p, plane: s.H * s.W, weights: tile.Side{N: s.M, Width: tile.MR, LD: s.C, KInner: true}}
	if flipped {
		t.weights.LD, t.weights.KInner = s.M, false
	}
	all := parallel.Chunks(t.plane, ref.QuadNR)
	flops := 2 * s.N * t.plane * s.C * s.M
	want := min(p.Want(), flops/parallel.ChunkFlops)
	t.per, t.parts = parallel.Evenly(all, max(1, min(all, parallel.Chunks(want, s.N))))
	t.body = t.chunk
	return t
}

func (t *strips) Name() string { return "gemm-strips" }

func (t *strips) PackedLen() int { return t.weights.Panels() * tile.MR * t.spec.C }

func (t *strips) Pack(packed, w []float32) {
	t.weights.Pack(packed, w, 0, t.weights.Panels(), 0, t.spec.C)
}

func (t *strips) Scratch() int { return 0 }

func (t *strips) Run(o method.Operands, _ []float32) {
	t.Operands = o
	t.pool.For(t.spec.N*t.parts, t.body)
	t.Operands = method.Operands{}
}

func (t *strips) chunk(_, i int) {
	s := &t.spec
	q := ref.Quad{K: s.C, A: tile.At(t.Packed, 0), LDB: t.plane, LDC: t.plane, NextStep: 4 * t.plane}
	q.Lo, q.Hi, q.Clamp = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		q.Bias = tile.At(t.Bias, 0)
	}
	n := i / t.parts
	p0, p1 := parallel.Range(i%t.parts, t.per, parallel.Chunks(t.plane, ref.QuadNR))
	for p := p0; p < p1; p++ {
		at := p * ref.QuadNR
		q.N, q.NextRows = min(ref.QuadNR, t.plane-at), 0
		q.B, q.C = tile.At(t.X, n*s.C*t.plane+at), tile.At(t.Y, n*s.M*t.plane+at)
		if s.Residual {
			q.Residual = tile.At(t.Residual, n*s.M*t.plane+at)
		}
		if p+1 < p1 {
			q.Next, q.NextRows = tile.At(t.X, n*s.C*t.plane+at+ref.QuadNR), s.C
		}
		tile.RunQuad(&q, s.M)
	}
}

// Cycles per float of what is left over once the products are counted, see [placeCycles].
const (
	stripCycles  = 0.25 // stored in its plane
	streamCycles = 0.2  // of a plane, read
	narrowStrip  = 0.4  // of a whole strip's products: those of a strip of 16 pixels or fewer
)

// Cycles estimates those of a run on one thread.
func (t *strips) Cycles() float64 {
	s := &t.spec
	rows := s.M / tile.MR * tile.MR
	if rest := s.M - rows; rest > 0 {
		rows += max(rest, 2) // sums wait for each other in tiles of fewer
	}
	all := float64(s.N) * float64(t.plane/ref.QuadNR)
	switch rest := t.plane % ref.QuadNR; {
	case rest > tile.NR:
		all += float64(s.N)
	case rest > 0: // one vector of four
		all += narrowStrip * float64(s.N)
	}
	products := method.TileCycles / tile.MR * float64(ref.QuadNR/tile.NR*rows*s.C) * all
	return products + method.StreamCycles(s.C*s.M, s.N*parallel.Chunks(t.plane, ref.QuadNR)) +
		stripCycles*float64(s.N*t.plane*s.M) + streamCycles*float64(s.N*t.plane*s.C)
}

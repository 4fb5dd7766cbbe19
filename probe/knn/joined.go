package knn

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync/atomic"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

// Normalize brings x to norm 1; zeros stay.
func Normalize(x []float32) {
	if n := math.Sqrt(vec.Dot(x, x)); n > 0 {
		for i, v := range x {
			x[i] = float32(float64(v) / n)
		}
	}
}

// Images of bytes are searched by these also where each has features beside it, both scaled to
// norm 1. Of an image u and features f, the integers of a row are
//
//	u   and   ṽ = round(|u|·f/|f|)
//
// so that the products of both kinds add up to |q|·|b|·(cos of the images + cos of the features),
// but for what is rounded.

const (
	// mostJoined elements, of norm 255·√2¹⁴ < 32767, leave ṽ within int16 and sums within int32.
	mostJoined = 1 << 14
	// leastNorm of an image keeps what is rounded of its features small.
	leastNorm = 256
)

// Joined are N rows of an image, of D elements, and of features beside it.
type Joined struct {
	Images   Rows
	Features []float32 // [N,E]
	N, D, E  int
}

// SearchJoined finds the k nearest rows of a bank to each of the queries, k in [1,N], by the
// Euclidean distance of rows of which both halves are scaled to norm 1, as [Normalize] does. images
// is an index of the bank's images, whose bytes it shares, or nil. It returns nil where it cannot: on
// processors that multiply bytes slowly, of images that are no bytes or too dark, of features that
// are all zero, or if ctx is done. [Index.OrderAlone] of images holds here too.
func SearchJoined(ctx context.Context, pool *parallel.Pool, images *Index, bank, queries Joined, k int) *Neighbors {
	if bytesOf(bank.N, bank.D+bank.E) > memory.Left()/2 {
		runtime.GC() // what is in use may be garbage
	}
	return searchJoined(ctx, pool, images, bank, queries, k, memory.Left()/2)
}

// searchJoined is SearchJoined by an index that takes at most so many bytes.
func searchJoined(ctx context.Context, pool *parallel.Pool, images *Index, bank, queries Joined, k int, most int64) *Neighbors {
	if !nearest.FastI8() || bank.D > mostJoined || bank.E > mostJoined {
		return nil
	}
	if images == nil || !images.bytes {
		images = &Index{pool: pool, metric: Cosine, n: bank.N, d: bank.D, bank: bank.Images, most: rowsWithin(most, bank.N, bank.D)}
		if images.bytes = images.surveyBytes(); !images.bytes || images.complete(ctx, nil) != nil {
			return nil
		}
	}
	b, q := newHalves(pool, bank), newHalves(pool, queries)
	if b == nil || q == nil {
		return nil
	}
	b.images = images
	x := &Index{pool: pool, metric: Euclidean, n: b.N, d: b.D + b.E, bank: b, bytes: true, halves: b, scale: 1}
	x.most = rowsWithin(most, x.n, x.d)
	s := &search{Index: x, queries: q, halves: q, square: make([]float64, q.N), bars: lowestBars(q.N)}
	if x.complete(ctx, nil) != nil {
		return nil
	}
	s.found = newNeighbors(q.N, k, images.orderAlone && x.ready != nil)
	if x.pass(ctx, s, nil) != nil {
		return nil
	}
	return s.found
}

// halves are joined rows with their norms, as rows of which both halves are of norm 1.
type halves struct {
	Joined
	images *Index    // of the images, if they are a bank
	norm   []float64 // of the images
	units  []float32 // the features, of norm 1
	zeros  []float64 // as many as features
}

// newHalves returns nil where the rows cannot be searched by bytes.
func newHalves(pool *parallel.Pool, j Joined) *halves {
	h := &halves{Joined: j, norm: make([]float64, j.N), units: append([]float32(nil), j.Features...),
		zeros: make([]float64, j.E)}
	var others atomic.Bool
	const rows = 64
	pool.For(parallel.Chunks(j.N, rows), func(_, chunk int) {
		scratch := make([]float32, j.D)
		lo, hi := parallel.Range(chunk, rows, j.N)
		for i := lo; i < hi && !others.Load(); i++ {
			image, unit := j.Images.Row(scratch, i), h.unit(i)
			Normalize(unit)
			h.norm[i] = math.Sqrt(vec.Dot(image, image))
			dark := !(h.norm[i] >= leastNorm/255.)
			if dark || !(vec.Dot(unit, unit) > 0.5) || asBytes(j.Images, i) == nil && !areBytes(image) {
				others.Store(true)
			}
		}
	})
	if others.Load() {
		return nil
	}
	return h
}

// unit are the features of row i, of norm 1.
func (h *halves) unit(i int) []float32 { return h.units[i*h.E : (i+1)*h.E] }

// Row writes row i with both halves of norm 1. The elements of an image are among 256 numbers,
// which are divided in place of all of them.
func (h *halves) Row(dst []float32, i int) []float32 {
	var scaled [256]float32
	for u, v := range fractions {
		scaled[u] = float32(float64(v) / h.norm[i])
	}
	dst = dst[:h.D+h.E]
	if bytes := asBytes(h.Images, i); bytes != nil {
		to := dst[:len(bytes)]
		for ; len(bytes) >= 4 && len(to) >= 4; bytes, to = bytes[4:], to[4:] { // in two thirds of the time
			to[0], to[1], to[2], to[3] = scaled[bytes[0]], scaled[bytes[1]], scaled[bytes[2]], scaled[bytes[3]]
		}
		for j, u := range bytes {
			to[j] = scaled[u]
		}
	} else {
		for j, v := range h.Images.Row(dst[:h.D], i) {
			dst[j] = scaled[byteOf(v)]
		}
	}
	copy(dst[h.D:], h.unit(i))
	return dst
}

func (h *halves) Fetch(i int) {
	if f, ok := h.Images.(fetcher); ok {
		f.Fetch(i)
	}
}

// pack stores the integers ṽ of row i, whose image has this norm |u|, as the vector of a strip with
// which dst begins. It returns |ṽ − |u|·f/|f||.
func (h *halves) pack(dst []int16, i int, norm float64) float64 {
	_, residual := nearest.RoundCentred(dst, strip, h.unit(i), h.zeros, 1, norm)
	return math.Sqrt(residual)
}

// prepare makes the rows from lo to hi ready: the score of a query is
// (Σ (q−128)·b + 128·Σ b + Σ ṽ·ṽ)/|b|, of which all but the last sum is what the images alone have.
func (h *halves) prepare(pool *parallel.Pool, lo, hi int) *part {
	images := h.images.ready
	if images == nil {
		images = h.images.prepare(lo, hi)
	}
	p := *images
	p.blocks, p.besidePairs = slices.Clone(p.blocks), parallel.Chunks(h.E, 2)
	p.beside = memory.Uncleared[int16](len(p.blocks) * blockRows * p.besidePairs * 2)
	pool.For(len(p.blocks), func(_, b int) {
		clearPartners(stripsOf(p.beside, p.besidePairs, b), p.besidePairs)
		first, last := parallel.Range(b, blockRows, p.n)
		for i := first; i < last; i++ {
			w := float64(p.weight[i])
			residual := h.pack(vectors(p.beside, p.besidePairs, i), lo+i, 1/w)
			p.blocks[b].residual = max(p.blocks[b].residual, residual*w)
		}
	})
	return &p
}

// lineOfHalves is that of query i of a chunk and block b, whose scores are |q| times the sum of
// both cosines. The sum of the features' products differs from |q|·|b|·cos by what [searcher.line]
// says; the distance that finally ranks is that of elements that are rounded to float32.
func (w *searcher) lineOfHalves(i, b int) line {
	q, rows := &w.rounded[i], &w.part.blocks[b]
	rounded := q.norm + q.residual // no less than |ṽ|
	e := 1.001*(rounded*rows.residual+q.residual) + w.roundings(i, b)
	return line{nearest.Line{A: 1, B: 1}, float32(e + 1e-30)}
}

// roundings is the slack of [searcher.lineOfHalves] but for what is rounded to integers.
func (w *searcher) roundings(i, b int) float64 {
	q := &w.rounded[i]
	return float32s*1.001*(q.whole+w.part.blocks[b].bias+2*(q.norm+q.residual)+5*q.norm) + 8*w.search.float64s()*q.norm
}

// refine narrows the bounds of the candidates of query i of a chunk: it puts the product of the
// features in the place of that of their integers.
func (w *searcher) refine(i int) {
	p, q := w.part, &w.rounded[i]
	of, bank := w.search.halves, w.search.Index.halves
	asked, found := vectors(w.beside, p.besidePairs, i), w.lists[i].found
	for j, c := range found {
		row, integers := int(c.index)-p.lo, int64(0)
		other := vectors(p.beside, p.besidePairs, row)
		for at := 0; at < p.besidePairs*2*strip; at += 2 * strip {
			integers += int64(asked[at])*int64(other[at]) + int64(asked[at+1])*int64(other[at+1])
		}
		score := (float64(c.low)+float64(c.high))/2 - float64(integers)*float64(p.weight[row]) +
			q.norm*vec.Dot(of.unit(w.lo+i), bank.unit(int(c.index)))
		e := w.roundings(i, row/blockRows) + 1e-30
		found[j].low, found[j].high = float32(score-e), float32(score+e)
	}
}

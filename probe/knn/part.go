package knn

import (
	"math"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

// part is a stretch of the bank that is ready to be searched.
type part struct {
	lo, n  int     // its first row, and their number
	pairs  int     // elements of a quantised row, in pairs; of bytes, in fours
	packed []int16 // strips of rows: [pairs][strip][2]

	besidePairs int     // of features beside images; 0: none
	beside      []int16 // their strips

	// The score of row j is dot·weight[j] + bias[j], in units of the index's scale and of the
	// query's integers. Rows beyond n score −Inf.
	weight, bias []float32
	whole        []float32 // |ṽ|·weight
	residual     []float32 // |unit·v − ṽ|·weight
	blocks       []block
}

// block bounds blockRows rows.
type block struct {
	residual float64 // max of the norm of the rounding residual
	norm     float64 // max norm
	bias     float64 // max |bias|
}

// prepare makes the rows from lo to hi ready.
func (x *Index) prepare(lo, hi int) *part {
	if x.halves != nil {
		return x.halves.prepare(x.pool, lo, hi)
	}
	p := x.newPart(lo, hi)
	x.fill(p)
	return p
}

func (x *Index) newPart(lo, hi int) *part {
	p := &part{lo: lo, n: hi - lo, pairs: parallel.Chunks(x.d, 2)}
	if x.bytes {
		p.pairs = parallel.Chunks(x.d, 4)
	}
	blocks := parallel.Chunks(p.n, blockRows)
	p.packed = memory.Uncleared[int16](blocks * blockRows * p.pairs * 2)
	for _, v := range []*[]float32{&p.weight, &p.bias, &p.whole, &p.residual} {
		*v = make([]float32, blocks*blockRows)
	}
	p.blocks = make([]block, blocks)
	return p
}

// fill writes all of a new part, but for the integers of rows that weigh 0: those of norm 0 and
// those beyond the last.
func (x *Index) fill(p *part) {
	x.pool.For(len(p.blocks), func(_, b int) {
		lo, hi := parallel.Range(b, blockRows, p.n)
		if !x.bytes && x.d%2 != 0 {
			clearPartners(p.strips(b), p.pairs)
		}
		prepare := x.preparation()
		for i := lo; i < hi; i++ {
			prepare(p, i, &p.blocks[b])
		}
		for i := hi; i < lo+blockRows; i++ {
			p.bias[i] = float32(math.Inf(-1))
		}
	})
}

// preparation returns what makes row i of a part ready and has its block bound it.
func (x *Index) preparation() func(p *part, i int, b *block) {
	if x.bytes {
		r := newByteReader(x.bank, x.d)
		return func(p *part, i int, b *block) { x.prepareBytes(p, i, r, b) }
	}
	scratch := x.scratch()
	return func(p *part, i int, b *block) { x.prepareRow(p, i, x.bank.Row(scratch, p.lo+i), b) }
}

// clearPartners clears the last pair of all rows of strips, of which the second element is none
// where there is an odd number of them.
func clearPartners(strips []int16, pairs int) {
	const pair = 2 * strip // of all vectors of a strip
	for ; len(strips) > 0; strips = strips[pairs*pair:] {
		clear(strips[(pairs-1)*pair : pairs*pair])
	}
}

// prepareRow makes row i of a part ready and has its block bound it.
func (x *Index) prepareRow(p *part, i int, row []float32, b *block) {
	q := x.quantiseRow(vectors(p.packed, p.pairs, i), row, x.square[p.lo+i], 0)
	w := 0.0
	if q.unit > 0 {
		w = x.scale / q.unit
	}
	bias := q.bias * x.scale * x.scale
	p.weight[i], p.bias[i] = float32(w), float32(bias)
	p.whole[i], p.residual[i] = float32(q.whole*w), float32(q.residual*w)
	b.residual = max(b.residual, q.residual*w)
	b.norm = max(b.norm, q.norm*x.scale)
	b.bias = max(b.bias, math.Abs(bias))
}

// strips are those of block b.
func (p *part) strips(b int) []int16 { return stripsOf(p.packed, p.pairs, b) }

func stripsOf(packed []int16, pairs, b int) []int16 {
	return packed[b*blockRows*pairs*2 : (b+1)*blockRows*pairs*2]
}

// vectors begins at vector i in the strip that holds it.
func vectors(packed []int16, pairs, i int) []int16 {
	return packed[i/strip*pairs*strip*2+i%strip*2:]
}

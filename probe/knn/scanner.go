package knn

import (
	"math"

	"memprobe/internal/kernel/nearest"
)

// scanner has some vectors meet a block of a part at a time.
type scanner struct {
	ranker
	dots   []int32 // [vectors][blockRows]
	hits   []int32 // that a row of dots has, and their scores
	scores []float32
	peaks  []float32 // [vectors][blockRows], of a sample
	first  []int16   // strips of bytes less 128
}

func newScanner(x *Index, k, vectors int) scanner {
	return scanner{ranker: newRanker(x, k), dots: make([]int32, vectors*blockRows),
		hits: make([]int32, blockRows), scores: make([]float32, blockRows)}
}

const tilePairs = 128 // pairs of a strip that stay in the first-level cache

// products computes the dot products of the first so many vectors of packed strips, and of what is
// beside them, with those of block b.
func (s *scanner) products(packed, beside []int16, vectors int, p *part, b int) {
	if s.bytes {
		s.multiply(nearest.TileI8, packed, vectors, p.strips(b), p.pairs, false)
	} else {
		s.multiply(nearest.TileI16, packed, vectors, p.strips(b), p.pairs, false)
	}
	if p.besidePairs > 0 {
		s.multiply(nearest.TileI16, beside, vectors, stripsOf(p.beside, p.besidePairs, b), p.besidePairs, true)
	}
}

// multiply multiplies vectors by those of a block, of so many pairs, with accumulate adding to the
// products that are there.
func (s *scanner) multiply(product func(c []int32, ldc int, a, b []int16, pairs int, accumulate bool),
	packed []int16, vectors int, block []int16, pairs int, accumulate bool) {
	for k := 0; k < pairs; k += tilePairs {
		n := min(tilePairs, pairs-k)
		for j := range blockRows / strip {
			bs := block[(j*pairs+k)*strip*2:]
			for i := 0; i < vectors; i += nearest.Rows {
				as := packed[(i/strip*pairs+k)*strip*2+i%strip*2:]
				product(s.dots[i*blockRows+j*strip:], blockRows, as, bs, n, accumulate || k > 0)
			}
		}
	}
}

// line says how the scores of a vector with the rows of a block are made of their products, and
// bounds |computed score − true score|.
type line struct {
	nearest.Line
	slack float32
}

// above finds the rows of block b whose score with vector i may reach the lower of two bars:
// their places in the block and the upper bounds of their scores.
func (s *scanner) above(i int, p *part, b int, l line, bars []float32, bar float32) (rows []int32, high []float32) {
	l.C += l.slack
	n := nearest.Above(s.hits, s.scores, s.dots[i*blockRows:(i+1)*blockRows],
		p.weight[b*blockRows:], p.bias[b*blockRows:], bars, l.Line, bar)
	return s.hits[:n], s.scores[:n]
}

// Before a bank is searched, a sample of its blocks gives each vector a bar: of the greatest lower
// bounds in each column of the blocks, the k-th. They are of different rows, so that k rows are as
// near; and few rows of the sample itself come above. Of a bank that is so many times as large as
// the sample, so many times as few then come onto the shortlist.
const (
	sampleBlocks = 8
	sampleK      = blockRows / 2 // with more neighbours the k-th column tells little
	sampleDim    = 1024          // with more elements products cost more than candidates
)

// samples says whether it pays to look at a sample of a part first.
func (s *scanner) samples(p *part) bool {
	return len(p.blocks) >= 2*sampleBlocks && s.k <= sampleK && s.d <= sampleDim
}

// sample raises the bars of vectors by the sample of block(0), block(1), …
func (s *scanner) sample(packed, beside []int16, vectors int, p *part, block func(i int) int,
	line func(i, b int) line, bars []float32) {
	if s.peaks == nil {
		s.peaks = make([]float32, len(s.dots))
	}
	for i := range s.peaks {
		s.peaks[i] = lowest
	}
	peaks := func(i int) []float32 { return s.peaks[i*blockRows : (i+1)*blockRows] }
	for t := range sampleBlocks {
		b := block(t)
		s.products(packed, beside, vectors, p, b)
		for i := range vectors {
			l := line(i, b)
			l.C -= l.slack
			nearest.Peaks(peaks(i), s.dots[i*blockRows:(i+1)*blockRows], p.weight[b*blockRows:], p.bias[b*blockRows:], l.Line)
		}
	}
	for i := range vectors {
		bars[i] = s.reached(peaks(i), bars[i])
	}
}

// lowest is the bar of a vector that has seen fewer than k rows.
const lowest = -math.MaxFloat32

// lowestBars returns n bars.
func lowestBars(n int) []float32 {
	bars := make([]float32, n)
	for i := range bars {
		bars[i] = lowest
	}
	return bars
}

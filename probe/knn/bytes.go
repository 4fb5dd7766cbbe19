package knn

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// Images are rows of u/255 for whole numbers u from 0 to 255. Under cosine such rows are searched
// by their bytes u, which take half the memory and half the time of int16, and whose products are
// exact. The instruction for them multiplies bytes from −128 to 127 with those from 0 to 255, so
//
//	q·b = Σ (q−128)·b + 128·Σ b
//
// of which the second term belongs to the bank's row, as its β does.

// maxBytes is the most elements of a row of which |Σ (q−128)·b| ≤ 128·255·d stays below 2³¹.
const maxBytes = 1 << 16

// fractions are the float32s u/255.
var fractions = func() (f [256]float32) {
	for u := range f {
		f[u] = float32(u) / 255
	}
	return f
}()

// byteOf is the u of which v, from 0 to 1, may be u/255.
func byteOf(v float32) uint8 { return uint8(v*255 + 0.5) }

// areBytes reports whether all elements are u/255 for whole numbers u from 0 to 255.
func areBytes(x []float32) bool {
	for _, v := range x {
		if !(v >= 0 && v <= 1) || fractions[byteOf(v)] != v {
			return false
		}
	}
	return true
}

// surveyBytes reads the bank once and reports whether it can be searched by bytes. If so, the
// survey is complete.
func (x *Index) surveyBytes() bool {
	if x.metric != Cosine || x.d > maxBytes || !nearest.FastI8() {
		return false
	}
	first := x.bank.Row(x.scratch(), 0)
	if !areBytes(first) {
		return false
	}
	const rows = 64
	square := make([]float64, x.n)
	var others, differ atomic.Bool
	x.pool.For(parallel.Chunks(x.n, rows), func(_, chunk int) {
		if others.Load() {
			return
		}
		scratch, equal := x.scratch(), true
		lo, hi := parallel.Range(chunk, rows, x.n)
		for i := lo; i < hi; i++ {
			row := x.bank.Row(scratch, i)
			if asBytes(x.bank, i) == nil && !areBytes(row) {
				others.Store(true)
				return
			}
			square[i] = vec.Dot(row, row)
			equal = equal && slices.Equal(row, first)
		}
		if !equal {
			differ.Store(true)
		}
	})
	if others.Load() {
		return false
	}
	x.square, x.flat, x.scale = square, !differ.Load(), 1
	return true
}

// suited is the index for queries: the bank's bytes find neighbours of bytes alone, others those
// of an index of int16.
func (x *Index) suited(ctx context.Context, queries Rows, m int) (*Index, error) {
	if !x.bytes {
		return x, nil
	}
	const rows = 64
	var others atomic.Bool
	x.pool.For(parallel.Chunks(m, rows), func(_, chunk int) {
		scratch := make([]float32, x.d)
		lo, hi := parallel.Range(chunk, rows, m)
		for i := lo; i < hi && !others.Load(); i++ {
			if asBytes(queries, i) == nil && !areBytes(queries.Row(scratch, i)) {
				others.Store(true)
			}
		}
	})
	if !others.Load() {
		return x, nil
	}
	x.whole.Lock()
	defer x.whole.Unlock()
	if x.integers == nil {
		y := &Index{Progress: x.Progress, pool: x.pool, metric: x.metric, n: x.n, d: x.d, bank: x.bank, most: x.most, orderAlone: x.orderAlone}
		if err := y.complete(ctx, y.survey()); err != nil {
			return nil, err
		}
		x.integers = y
	}
	return x.integers, nil
}

// byter is implemented by rows that may lie in memory as bytes.
type byter interface {
	// Bytes returns the bytes u of which row i is u/255, or nil. They do not change.
	Bytes(i int) []uint8
}

// asBytes are those of row i, if it lies in memory so; else nil.
func asBytes(rows Rows, i int) []uint8 {
	if b, ok := rows.(byter); ok {
		return b.Bytes(i)
	}
	return nil
}

// byteReader reads rows that are bytes.
type byteReader struct {
	rows  Rows
	row   []float32
	bytes []uint8
}

func newByteReader(rows Rows, d int) *byteReader {
	return &byteReader{rows, make([]float32, d), make([]uint8, d)}
}

// read returns the bytes of row i until the next call.
func (r *byteReader) read(i int) []uint8 {
	if u := asBytes(r.rows, i); u != nil {
		return u
	}
	for j, v := range r.rows.Row(r.row, i) {
		r.bytes[j] = byteOf(v)
	}
	return r.bytes
}

// packBytes stores the bytes of a row as the vector of a strip with which dst begins, four in the
// place of a pair and zeros beyond the last, each with the bits of flip turned over. unit is 1,
// whole the norm of the bytes less 128, and bias 128·Σu.
func packBytes(dst []int16, u []uint8, flip uint8) quantised {
	sum, square := 0, 0
	put := func(dst []int16, word uint32) {
		a, b, c, d := int(word&0xff), int(word>>8&0xff), int(word>>16&0xff), int(word>>24)
		sum += a + b + c + d
		square += a*a + b*b + c*c + d*d
		word ^= 0x01010101 * uint32(flip)
		dst[0], dst[1] = int16(word), int16(word>>16)
	}
	fours := len(u) / 4
	for i := range fours {
		put(dst[i*2*strip:][:2], binary.LittleEndian.Uint32(u[4*i:]))
	}
	if rest := u[4*fours:]; len(rest) > 0 {
		var four [4]uint8
		copy(four[:], rest)
		put(dst[fours*2*strip:][:2], binary.LittleEndian.Uint32(four[:]))
	}
	return quantised{norm: math.Sqrt(float64(square)), unit: 1, bias: float64(128 * sum),
		whole: math.Sqrt(float64(square - 256*sum + 128*128*len(u)))}
}

// signBit turns a byte u into that of u−128.
const signBit = 0x80

// prepareBytes makes row i of a part ready and has its block bound it: the score of a query is
// (Σ (q−128)·b + 128·Σ b)/|b|.
func (x *Index) prepareBytes(p *part, i int, r *byteReader, b *block) {
	q := packBytes(vectors(p.packed, p.pairs, i), r.read(p.lo+i), 0)
	w := 0.0
	if q.norm > 0 {
		w = 1 / q.norm
	}
	p.weight[i], p.bias[i], p.whole[i] = float32(w), float32(q.bias*w), float32(q.whole*w)
	b.bias = max(b.bias, q.bias*w)
}

// signed are the strips of a block as the first operand of products.
func (s *scanner) signed(strips []int16) []int16 {
	if !s.bytes {
		return strips
	}
	if s.first == nil {
		s.first = make([]int16, len(strips))
	}
	const both = signBit<<8 | signBit
	for i, v := range strips {
		s.first[i] = int16(uint16(v) ^ both)
	}
	return s.first
}

// The slack of scores of bytes, in which each of the sums is rounded to float32 at most five times,
// and so is each element of the rows, from which the distance is computed that finally ranks.

// lineOfBytes is that of query i of a chunk and block b, whose scores are |q| times the cosine.
func (w *searcher) lineOfBytes(i, b int) line {
	q := &w.rounded[i]
	e := float32s*1.001*(q.whole+w.part.blocks[b].bias+q.norm) + w.search.float64s()*q.norm
	return line{nearest.Line{A: 1, B: 1}, float32(e + 1e-30)}
}

// lineOfBytes is that of row i of a's part and a block, whose scores are the cosine.
func (m *matcher) lineOfBytes(i int, b *block) line {
	p := m.a.part
	w := p.weight[i]
	e := float32s*1.001*(float64(p.whole[i])+float64(w)*b.bias+1) + m.float64s()
	// Rows beyond the last have a bias of −Inf, and 0·Inf is none.
	return line{nearest.Line{A: w, B: max(w, 0x1p-100)}, float32(e + 1e-30)}
}

package knn

import (
	"context"
	"fmt"
	"math"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/parallel"
)

// Neighbors are the k nearest rows of the bank to each query, nearest first.
type Neighbors struct {
	Queries, K int
	Index      []int32   // [Queries,K], rows of the bank
	Distance   []float64 // [Queries,K], or nil: see [Index.OrderAlone]
}

// Row returns the neighbours of query i and their distances, if they are known.
func (nb *Neighbors) Row(i int) ([]int32, []float64) {
	lo, hi := i*nb.K, (i+1)*nb.K
	if nb.Distance == nil {
		return nb.Index[lo:hi], nil
	}
	return nb.Index[lo:hi], nb.Distance[lo:hi]
}

// Search finds the k nearest rows of the bank to each of m queries [m,d]. It
// fails if there are no queries, if k is not in [1,n], if a query holds a NaN or
// an infinity, or when ctx is done.
func (x *Index) Search(ctx context.Context, queries []float32, m, k int) (*Neighbors, error) {
	if err := x.checkQueries(queries, m); err != nil {
		return nil, err
	}
	return x.SearchOf(ctx, matrix{queries, x.d}, m, k)
}

// checkQueries reports queries that are no m rows of the bank's length.
func (x *Index) checkQueries(queries []float32, m int) error {
	if m >= 1 && len(queries) != m*x.d {
		return fmt.Errorf("knn: queries have %d elements, want %d x %d", len(queries), m, x.d)
	}
	return nil
}

// SearchOf is Search for m rows that need not be in memory.
func (x *Index) SearchOf(ctx context.Context, queries Rows, m, k int) (*Neighbors, error) {
	x, err := x.suited(ctx, queries, m)
	if err != nil {
		return nil, err
	}
	of, err := x.newSearch(queries, m, k)
	if err == nil {
		err = x.pass(ctx, of, nil)
	}
	if err != nil {
		return nil, err
	}
	return of.found, nil
}

// LeaveOneOut finds the k nearest other rows to each row of the bank. It fails if k is not in
// [1,n-1], or when ctx is done.
func (x *Index) LeaveOneOut(ctx context.Context, k int) (*Neighbors, error) {
	own, err := x.newLeaveOneOut(k)
	if err == nil {
		err = x.pass(ctx, nil, own)
	}
	if err != nil {
		return nil, err
	}
	return own.found, nil
}

// Both is Search for the k nearest rows to m queries and LeaveOneOut for as many as own, in one
// pass over a bank that is made ready in parts.
func (x *Index) Both(ctx context.Context, queries []float32, m, k, own int) (of, left *Neighbors, err error) {
	if err := x.checkQueries(queries, m); err != nil {
		return nil, nil, err
	}
	return x.BothOf(ctx, matrix{queries, x.d}, m, k, own)
}

// BothOf is Both for m rows that need not be in memory.
func (x *Index) BothOf(ctx context.Context, queries Rows, m, k, own int) (of, left *Neighbors, err error) {
	y, err := x.suited(ctx, queries, m)
	if err != nil {
		return nil, nil, err
	}
	s, err := y.newSearch(queries, m, k)
	if err != nil {
		return nil, nil, err
	}
	l, err := x.newLeaveOneOut(own)
	switch {
	case err != nil:
	case y == x:
		err = x.pass(ctx, s, l)
	default:
		if err = y.pass(ctx, s, nil); err == nil {
			err = x.pass(ctx, nil, l)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	return s.found, l.found, nil
}

// pass makes the parts of the bank ready one after the other, for queries, for its own rows or
// for both; nil are none. Of its own rows, those of two parts meet.
func (x *Index) pass(ctx context.Context, of *search, own *leaveOneOut) error {
	if x.flat {
		x.firstRows(of, own)
		return ctx.Err()
	}
	meter := x.newMeter(of, own)
	size := x.most
	if own != nil && x.ready == nil {
		size = wholeBlocks(size / 2)
	}
	part := func(i int) *part {
		if x.ready != nil {
			return x.ready
		}
		lo, hi := parallel.Range(i, size, x.n)
		return x.prepare(lo, hi)
	}
	parts := parallel.Chunks(x.n, size)
	for i := range parts {
		a := part(i)
		if of != nil {
			if err := of.in(ctx, a, meter); err != nil {
				return err
			}
		}
		if own == nil {
			continue
		}
		if err := own.within(ctx, a, meter); err != nil {
			return err
		}
		for j := i + 1; j < parts; j++ {
			if err := own.between(ctx, a, part(j), meter); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstRows finds neighbours in a bank of which every row is as near as another.
func (x *Index) firstRows(of *search, own *leaveOneOut) {
	scratch, another := x.scratch(), x.scratch()
	if of != nil {
		for i := range of.square {
			index, distance := of.found.Row(i)
			for j := range index {
				index[j], distance[j] = int32(j), x.distance(of.asked(i, another), j, scratch)
			}
		}
	}
	if own != nil {
		for i := range x.n {
			index, distance := own.found.Row(i)
			for j := range index {
				row := j
				if j >= i {
					row++
				}
				index[j], distance[j] = int32(row), x.distance(query{x.bank.Row(another, i), x.square[i]}, row, scratch)
			}
		}
	}
}

// search is one for the neighbours of queries.
type search struct {
	*Index
	queries Rows
	halves  *halves // the queries, if they are joined
	square  []float64
	bars    []float32
	found   *Neighbors
}

func (x *Index) newSearch(queries Rows, m, k int) (*search, error) {
	switch {
	case m < 1:
		return nil, fmt.Errorf("knn: %d queries, want at least one", m)
	case k < 1 || k > x.n:
		return nil, fmt.Errorf("knn: k is %d, want between 1 and the bank's %d rows", k, x.n)
	}
	square, err := squares(x.pool, queries, m, x.d)
	if err != nil {
		return nil, err
	}
	return &search{Index: x, queries: queries, square: square, bars: lowestBars(m), found: newNeighbors(m, k, x.undistanced())}, nil
}

// asked is query i, which may lie in scratch.
func (s *search) asked(i int, scratch []float32) query {
	return query{s.queries.Row(scratch, i), s.square[i]}
}

const (
	maxRows   = 192 // queries of a chunk: its integers stay in the second-level cache
	manyParts = 16  // chunks that few queries are cut into
)

// in searches a part of the bank.
func (s *search) in(ctx context.Context, p *part, meter *meter) error {
	m := len(s.square)
	rows := min(parallel.Chunks(parallel.Chunks(m, manyParts), nearest.Rows)*nearest.Rows, maxRows)
	workers := make([]*searcher, s.pool.Threads())
	s.pool.For(parallel.Chunks(m, rows), func(id, chunk int) {
		if ctx.Err() != nil {
			return
		}
		if workers[id] == nil {
			workers[id] = s.newSearcher(p, rows)
		}
		lo, hi := parallel.Range(chunk, rows, m)
		workers[id].chunk(ctx, lo, hi)
		meter.add((hi - lo) * p.n)
	})
	return ctx.Err()
}

// searcher searches a part for one chunk of queries at a time.
type searcher struct {
	scanner
	*search
	part    *part
	packed  []int16 // strips of queries
	beside  []int16 // of the features beside them
	rounded []quantised
	lo      int       // the first query of the chunk
	row     []float32 // room for a query
	bytes   *byteReader
	lists   []shortlist
	never   []float32 // bars of the bank's rows, which look for nothing
}

func (s *search) newSearcher(p *part, rows int) *searcher {
	never := make([]float32, blockRows)
	for i := range never {
		never[i] = math.MaxFloat32
	}
	w := &searcher{scanner: newScanner(s.Index, s.found.K, rows), search: s, part: p,
		packed:  make([]int16, parallel.Chunks(rows, strip)*strip*p.pairs*2),
		beside:  make([]int16, parallel.Chunks(rows, strip)*strip*p.besidePairs*2),
		rounded: make([]quantised, rows), row: make([]float32, s.d), never: never,
		lists: shortlists(make([]candidate, rows*firstRoom(s.found.K)), rows, s.found.K)}
	switch {
	case s.halves != nil:
		w.bytes = newByteReader(s.halves.Images, s.halves.D)
	case s.Index.bytes:
		w.bytes = newByteReader(s.queries, s.d)
	}
	return w
}

// chunk searches for the queries from lo to hi.
func (w *searcher) chunk(ctx context.Context, lo, hi int) {
	x, n, bars := w.search.Index, hi-lo, w.bars[lo:hi]
	w.lo = lo
	// Near the mean a query's own norm would blow the bias up beyond the
	// precision of the scores.
	floor := 0x1p-10 / x.scale
	for i := range n {
		to := vectors(w.packed, w.part.pairs, i)
		switch halves := w.search.halves; {
		case halves != nil:
			w.rounded[i] = packBytes(to, w.bytes.read(lo+i), signBit)
			w.rounded[i].residual = halves.pack(vectors(w.beside, w.part.besidePairs, i), lo+i, w.rounded[i].norm)
		case x.bytes:
			w.rounded[i] = packBytes(to, w.bytes.read(lo+i), signBit)
		default:
			q := w.query(i)
			w.rounded[i] = x.quantiseRow(to, q.row, q.square, floor)
		}
		w.lists[i].found = w.lists[i].found[:0]
	}
	blocks := len(w.part.blocks)
	if bars[0] == lowest && w.samples(w.part) {
		w.sample(w.packed, w.beside, n, w.part, func(t int) int { return t * blocks / sampleBlocks }, w.line, bars)
	}
	for b := range blocks {
		if ctx.Err() != nil {
			return
		}
		w.products(w.packed, w.beside, n, w.part, b)
		for i := range n {
			w.collect(i, b, &bars[i])
		}
	}
	for i := range n {
		if w.search.halves != nil && w.found.Distance == nil {
			w.thin(&w.lists[i], bars[i])
			w.refine(i)
		}
		w.finish(w.found, lo+i, &w.lists[i], func() query { return w.query(i) }, bars[i])
	}
}

// query is that of a chunk, until the next one.
func (w *searcher) query(i int) query { return w.asked(w.lo+i, w.row) }

// collect adds to query i of a chunk the rows of block b that may be among its neighbours.
func (w *searcher) collect(i, b int, bar *float32) {
	list, l := &w.lists[i], w.line(i, b)
	rows, highs := w.above(i, w.part, b, l, w.never, *bar)
	for h, high := range highs {
		if high < *bar {
			continue
		}
		if list.add(candidate{high - 2*l.slack, high, int32(w.part.lo+b*blockRows) + rows[h]}) {
			*bar = w.makeRoom(list, func() query { return w.query(i) }, *bar)
		}
	}
}

// float32s is the relative error of 8 roundings to float32.
const float32s = 0x1p-21

// float64s is the relative error of what finally ranks, in float64.
func (x *Index) float64s() float64 { return float64(4*x.d+32) * 0x1p-53 }

// mostSlack is more than any score, and finite in float32.
const mostSlack = 1e37

// line is that of query i of a chunk and block b, in units of the query's integers and the index's
// scale: dot·weight + unit·bias. The slack bounds the error of the score and the rounding of the
// distance that finally ranks. With q = (q̃+δ)/s and b = (b̃+ε)·w the score s·q·b differs from q̃·b̃·w
// by q̃·ε·w + s·δ'·b. Then come the roundings of float32, and those of float64 where they are
// relative to more than the score.
func (w *searcher) line(i, b int) line {
	switch {
	case w.search.halves != nil:
		return w.lineOfHalves(i, b)
	case w.search.bytes:
		return w.lineOfBytes(i, b)
	}
	x, q, rows := w.search.Index, &w.rounded[i], &w.part.blocks[b]
	unit := q.unit / x.scale
	e := 1.001*(q.whole*rows.residual+q.residual*rows.norm) +
		float32s*(q.whole*(rows.norm+rows.residual)+unit*rows.bias)
	far := x.scale
	if x.metric == Euclidean {
		far = q.norm*x.scale + rows.norm
	}
	e += x.float64s() * unit * far * far
	return line{nearest.Line{A: 1, B: float32(unit)}, float32(min(e+1e-30, mostSlack))}
}

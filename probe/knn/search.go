package knn

import (
	"context"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// Neighbors are the k nearest rows of the bank to each query, nearest first.
type Neighbors struct {
	Queries, K int
	Index      []int32   // [Queries,K], rows of the bank
	Distance   []float64 // [Queries,K]
}

// Row returns the neighbours of query i and their distances.
func (nb *Neighbors) Row(i int) ([]int32, []float64) {
	lo, hi := i*nb.K, (i+1)*nb.K
	return nb.Index[lo:hi], nb.Distance[lo:hi]
}

// Search finds the k nearest rows of the bank to each of m queries [m,d]. It
// fails if there are no queries, if k is not in [1,n], if a query holds a NaN or
// an infinity, or when ctx is done.
func (x *Index) Search(ctx context.Context, queries []float32, m, k int) (*Neighbors, error) {
	switch {
	case m < 1:
		return nil, fmt.Errorf("knn: %d queries, want at least one", m)
	case len(queries) != m*x.d:
		return nil, fmt.Errorf("knn: queries have %d elements, want %d x %d", len(queries), m, x.d)
	case k < 1 || k > x.n:
		return nil, fmt.Errorf("knn: k is %d, want between 1 and the bank's %d rows", k, x.n)
	}
	square, err := squares(x.pool, "query", queries, m, x.d)
	if err != nil {
		return nil, err
	}
	return x.search(ctx, queries, square, k, noSelf)
}

// LeaveOneOut finds the k nearest other rows to each row of the bank.
func (x *Index) LeaveOneOut(ctx context.Context, k int) (*Neighbors, error) {
	if k < 1 || k > x.n-1 {
		return nil, fmt.Errorf("knn: k is %d, want between 1 and %d, the bank without the row itself", k, x.n-1)
	}
	return x.search(ctx, x.bank, x.square, k, 0)
}

// noSelf is the row of the bank that the first query is where none is any.
const noSelf = math.MinInt

const (
	maxRows   = 32 * tileRows // queries of a chunk: its integers stay in the second-level cache
	manyParts = 16            // chunks that few queries are cut into
	partPairs = 256           // pairs of a strip that stay in the first-level cache
)

// search finds the neighbours of queries of which the first is row self of the bank, the
// next one self+1, …
func (x *Index) search(ctx context.Context, queries []float32, square []float64, k int, self int) (*Neighbors, error) {
	if x.part > 0 {
		return x.searchParts(ctx, queries, square, k, self)
	}
	m := len(square)
	nb := &Neighbors{Queries: m, K: k, Index: make([]int32, m*k), Distance: make([]float64, m*k)}
	rows := min(parallel.Chunks(parallel.Chunks(m, manyParts), tileRows)*tileRows, maxRows)
	workers := make([]*worker, x.pool.Threads())
	x.pool.For(parallel.Chunks(m, rows), func(id, chunk int) {
		if ctx.Err() != nil {
			return
		}
		if workers[id] == nil {
			workers[id] = x.newWorker(rows, k)
		}
		w := workers[id]
		lo, hi := parallel.Range(chunk, rows, m)
		w.load(queries[lo*x.d:hi*x.d], square[lo:hi], self+lo)
		if !w.scan(ctx) {
			return
		}
		for i := range hi - lo {
			at := (lo + i) * k
			w.finish(i, nb.Index[at:at+k], nb.Distance[at:at+k])
		}
	})
	return nb, ctx.Err()
}

// worker searches for one chunk of queries at a time.
type worker struct {
	*Index
	k, rows int
	strips  []int16 // of tileRows queries: [pairs][tileRows][2]
	dots    []int32 // [rows][blockCols]
	hits    []int32
	queries []query
	ranked  []ranked
}

// query is one query of a chunk and the rows of the bank that are still among
// its possible neighbours.
type query struct {
	row    []float32
	square float64
	self   int32 // row of the bank that is not its own neighbour, or -1
	q      quantised
	unit   float64   // integers a unit of the index's scale
	low    []float32 // heap of the k greatest lower bounds, smallest first
	found  []candidate
}

type candidate struct {
	low, high float32 // bounds of the score
	index     int32
}

type ranked struct {
	distance float64
	index    int32
}

func (x *Index) newWorker(rows, k int) *worker {
	w := &worker{Index: x, k: k, rows: rows,
		strips: make([]int16, rows*x.pairs*2),
		dots:   make([]int32, rows*blockCols),
		hits:   make([]int32, blockCols)}
	return w
}

// load rounds the queries of a chunk, of which the first is row self of the bank.
func (w *worker) load(queries []float32, square []float64, self int) {
	if w.queries == nil {
		w.queries = make([]query, w.rows)
	}
	w.queries = w.queries[:len(square)]
	// Near the mean a query's own norm would blow the bias up beyond the
	// precision of the scores.
	floor := 0x1p-10 / w.scale
	for i := range w.queries {
		q := &w.queries[i]
		q.row, q.square, q.self = queries[i*w.d:(i+1)*w.d], square[i], -1
		if row := self + i; row >= 0 && row < w.n {
			q.self = int32(row)
		}
		strip := w.strips[i/tileRows*w.pairs*tileRows*2:]
		q.q = w.quantiseRow(strip[2*(i%tileRows):], tileRows, q.row, q.square, floor)
		q.unit = q.q.unit / w.scale
		q.low, q.found = q.low[:0], q.found[:0]
	}
}

// scan collects the candidates of every query; it reports whether it was let to
// the end.
func (w *worker) scan(ctx context.Context) bool {
	if w.flat {
		w.firstRows()
		return true
	}
	for b := range w.blocks {
		if ctx.Err() != nil {
			return false
		}
		w.products(b)
		for i := range w.queries {
			w.collect(i, b)
		}
	}
	return true
}

// firstRows takes the first rows as candidates: every row is as near as another.
func (w *worker) firstRows() {
	for i := range w.queries {
		q := &w.queries[i]
		for j := range int32(min(w.k+1, w.n)) {
			if j != q.self {
				q.found = append(q.found, candidate{index: j})
			}
		}
	}
}

// products computes the dot products of the chunk with one block of the bank.
func (w *worker) products(b int) {
	strips := parallel.Chunks(len(w.queries), tileRows)
	for p := 0; p < w.pairs; p += partPairs {
		n := min(partPairs, w.pairs-p)
		for j := range blockCols / tileCols {
			bs := w.packed[((b*blockCols/tileCols+j)*w.pairs+p)*tileCols*2:]
			for i := range strips {
				as := w.strips[(i*w.pairs+p)*tileRows*2:]
				nearest.TileI16(w.dots[i*tileRows*blockCols+j*tileCols:], blockCols, as, bs, n, p > 0)
			}
		}
	}
}

// collect adds to query i the rows of block b that may be among its neighbours.
func (w *worker) collect(i, b int) {
	q := &w.queries[i]
	slack := float32(w.slack(q, w.blocks[b]))
	scale := float32(q.unit)
	threshold := float32(-math.MaxFloat32)
	if len(q.low) == w.k {
		threshold = q.low[0] - slack
	}
	first := b * blockCols
	dots := w.dots[i*blockCols : (i+1)*blockCols]
	weight, bias := w.weight[first:first+blockCols], w.bias[first:first+blockCols]
	for _, j := range w.hits[:nearest.Above(w.hits, dots, weight, bias, scale, threshold)] {
		score := float32(float32(dots[j])*weight[j]) + float32(scale*bias[j])
		index := int32(first) + j
		if index == q.self || len(q.low) == w.k && score+slack < q.low[0] {
			continue
		}
		q.raise(score-slack, w.k)
		q.found = append(q.found, candidate{score - slack, score + slack, index})
	}
	if len(q.found) > w.limit() {
		q.prune(w.k)
		if len(q.found) > w.limit()/2 {
			w.settle(q)
		}
	}
}

// limit is the number of candidates above which a query's are thinned out.
func (w *worker) limit() int { return max(4096, 4*w.k) }

// slack bounds |computed score − true score| and the rounding of the distance
// that finally ranks, in units of the score, for the rows of a block. With
// q = (q̃+δ)/s and b = (b̃+ε)·w the score s·q·b differs from q̃·b̃·w by
// q̃·ε·w + s·δ'·b. Then come the roundings of float32, and those of float64 where
// they are relative to more than the score.
func (w *worker) slack(q *query, b block) float64 {
	const float32s = 0x1p-21 // 8 roundings
	e := 1.001*(q.q.whole*b.residual+q.q.residual*b.norm) +
		float32s*(q.q.whole*(b.norm+b.residual)+q.unit*b.bias)
	float64s := float64(4*w.d+32) * 0x1p-53 * q.unit
	if w.metric == Cosine {
		e += float64s * w.scale * w.scale
	} else {
		far := q.q.norm*w.scale + b.norm
		e += float64s * far * far
	}
	return min(e+1e-30, 1e37) // more than any score, and finite in float32
}

// raise puts a lower bound among the k greatest.
func (q *query) raise(low float32, k int) {
	h := q.low
	if len(h) < k {
		h = append(h, low)
		for i := len(h) - 1; i > 0 && h[(i-1)/2] > h[i]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
		q.low = h
		return
	}
	if low <= h[0] {
		return
	}
	h[0] = low
	for i := 0; ; {
		c := 2*i + 1
		if c >= k {
			return
		}
		if c+1 < k && h[c+1] < h[c] {
			c++
		}
		if h[i] <= h[c] {
			return
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
}

// prune drops the candidates that k others are certainly nearer than.
func (q *query) prune(k int) {
	if len(q.low) < k {
		return
	}
	bar := q.low[0]
	q.found = slices.DeleteFunc(q.found, func(c candidate) bool { return c.high < bar })
}

// settle ranks a query's candidates by distance and keeps the k nearest.
func (w *worker) settle(q *query) {
	w.rank(q)
	bounds := make(map[int32]candidate, w.k)
	for _, c := range q.found {
		bounds[c.index] = c
	}
	q.found = q.found[:0]
	for _, r := range w.ranked[:min(w.k, len(w.ranked))] {
		q.found = append(q.found, bounds[r.index])
	}
}

// rank fills w.ranked with a query's candidates, nearest first.
func (w *worker) rank(q *query) {
	w.ranked = w.ranked[:0]
	for _, c := range q.found {
		w.ranked = append(w.ranked, ranked{w.distance(q, int(c.index)), c.index})
	}
	slices.SortFunc(w.ranked, func(a, b ranked) int {
		switch {
		case a.distance < b.distance:
			return -1
		case a.distance > b.distance:
			return 1
		}
		return int(a.index) - int(b.index)
	})
}

// distance is that of query q to row j of the bank.
func (w *worker) distance(q *query, j int) float64 {
	row := w.bank[j*w.d : (j+1)*w.d]
	if w.metric == Euclidean {
		return math.Sqrt(nearest.SquaredDistance(q.row, row))
	}
	s := q.square * w.square[j]
	if s == 0 {
		return 1
	}
	return min(max(1-vec.Dot(q.row, row)/math.Sqrt(s), 0), 2)
}

// finish writes the k nearest rows to query i.
func (w *worker) finish(i int, index []int32, distance []float64) {
	q := &w.queries[i]
	q.prune(w.k)
	w.rank(q)
	for j, r := range w.ranked[:w.k] {
		index[j], distance[j] = r.index, r.distance
	}
}

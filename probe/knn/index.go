package knn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"memprobe/internal/fault"
	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/suggest"
)

// Metric is a distance between feature vectors.
type Metric uint8

// The metrics.
const (
	Cosine Metric = iota
	Euclidean
)

func (m Metric) String() string {
	if m == Euclidean {
		return "euclidean"
	}
	return "cosine"
}

// ParseMetric reads the name of a metric.
func ParseMetric(name string) (Metric, error) {
	switch name {
	case "cosine":
		return Cosine, nil
	case "euclidean":
		return Euclidean, nil
	}
	return 0, fmt.Errorf("%q, want cosine or euclidean%s", name, suggest.DidYouMean(name, []string{"cosine", "euclidean"}))
}

// UnmarshalText is ParseMetric.
func (m *Metric) UnmarshalText(text []byte) (err error) {
	*m, err = ParseMetric(string(text))
	return err
}

const (
	strip     = nearest.Strip
	blockRows = 128 // bank rows whose dot products are held at once
	fullNorm  = math.MaxInt16
	// maxDim keeps |q̃|·|b̃| within int32 with the rounding of every element:
	// (32767 + √d/2)² < 2³¹ for d ≤ 2²⁶.
	maxDim = 1 << 26
)

// Index is a bank of vectors, ready to be searched. Searches may run at once.
type Index struct {
	// Progress, if not nil, is told how many of the rows that look for neighbours, queries and
	// the bank's own, have as good as met the bank. It is called by one goroutine at a time.
	Progress func(done, total int)

	pool   *parallel.Pool
	metric Metric
	n, d   int
	bank   Rows
	square []float64 // Σx² of each row

	mean   []float64 // of the rows, normalised under cosine; nil of bytes
	scale  float64   // makes the centred rows' root mean square norm about 1
	flat   bool      // all rows are the same vector
	bytes  bool      // rows are searched by their bytes
	halves *halves   // the rows, if they are joined of bytes and features; else nil

	whole    sync.Mutex
	integers *Index // by int16, for queries that are no bytes; nil until there are some

	orderAlone bool // see [Index.OrderAlone]

	ready *part // all rows, or nil
	most  int   // rows at a time that are made ready, in each search anew
}

// New builds the index of a bank [n,d], which it keeps and which must not change
// while the index is in use. A nil pool runs on the caller. It fails if the bank
// is empty or holds a NaN or an infinity.
//
// An index takes half the memory of its bank, which may be a mapped file, of bytes a quarter. Where the
// process may not take as much, each search makes the bank ready part by part: the
// neighbours are the same.
func New(ctx context.Context, pool *parallel.Pool, bank []float32, n, d int, metric Metric) (*Index, error) {
	if n >= 1 && d >= 1 && len(bank) != n*d {
		return nil, fmt.Errorf("knn: bank has %d elements, want %d x %d", len(bank), n, d)
	}
	return NewOf(ctx, pool, matrix{bank, d}, n, d, metric)
}

// NewOf is New of n rows of d elements that need not be in memory: each is read twice, and again
// whenever it may be among the neighbours of a query.
func NewOf(ctx context.Context, pool *parallel.Pool, bank Rows, n, d int, metric Metric) (*Index, error) {
	if bytesOf(n, d) > memory.Left()/2 {
		runtime.GC() // what is in use may be garbage
	}
	return build(ctx, pool, bank, n, d, metric, memory.Left()/2)
}

// OrderAlone has the searches that begin later find neighbours and their order, but not their distances,
// where that takes less time: of bytes, where the bounds of most scores say which row is nearer.
func (x *Index) OrderAlone() { x.orderAlone = true }

// undistanced says whether neighbours are found without their distances. Where a bank is not ready as a
// whole, what is found in one part meets what is found in others by distance.
func (x *Index) undistanced() bool { return x.orderAlone && x.bytes && x.ready != nil && !x.flat }

// bytesOf is what an index of that many rows takes.
func bytesOf(rows, d int) int64 { return int64(rows) * (2*int64(d) + rowBytes) }

// rowBytes is what an index takes for a row beside its integers: its numbers in [part] and
// its square.
const rowBytes = 24

// wholeBlocks are the rows of as many blocks as have so many, at least of one.
func wholeBlocks(rows int) int { return max(1, rows/blockRows) * blockRows }

// rowsWithin are as many of n rows, in whole blocks, as take at most so many bytes.
func rowsWithin(most int64, n, d int) int {
	if bytesOf(n, d) <= most {
		return n
	}
	return wholeBlocks(int(most / bytesOf(1, d)))
}

// build builds an index that takes at most so many bytes, if need be in parts.
func build(ctx context.Context, pool *parallel.Pool, bank Rows, n, d int, metric Metric,
	most int64) (*Index, error) {
	switch {
	case n < 1 || d < 1:
		return nil, fmt.Errorf("knn: bank is [%d,%d], want at least one row and one column", n, d)
	case d > maxDim || n > math.MaxInt32:
		return nil, fmt.Errorf("knn: bank is [%d,%d], want at most %d rows of %d", n, d, math.MaxInt32, maxDim)
	case metric > Euclidean:
		return nil, fmt.Errorf("knn: unknown metric %d", metric)
	}
	x := &Index{pool: pool, metric: metric, n: n, d: d, bank: bank, most: rowsWithin(most, n, d)}
	var err error
	if x.bytes = x.surveyBytes(); !x.bytes {
		err = x.survey()
	}
	if err := x.complete(ctx, err); err != nil {
		return nil, err
	}
	return x, nil
}

// complete makes the bank ready after a survey with an error or none, if it is to be at once.
func (x *Index) complete(ctx context.Context, err error) error {
	if err == nil {
		err = ctx.Err()
	}
	if err == nil && x.most >= x.n {
		x.ready = x.prepare(0, x.n)
		err = ctx.Err()
	}
	return err
}

// squares returns Σx² of each query, or an error that names the first that has a NaN or an
// infinity.
func squares(pool *parallel.Pool, queries Rows, m, d int) ([]float64, error) {
	s := make([]float64, m)
	const rows = 64
	pool.For(parallel.Chunks(m, rows), func(_, chunk int) {
		lo, hi := parallel.Range(chunk, rows, m)
		scratch := make([]float32, d)
		for i := lo; i < hi; i++ {
			row := queries.Row(scratch, i)
			s[i] = vec.Dot(row, row)
		}
	})
	return s, finite("query", queries, make([]float32, d), s)
}

// finite returns an error that names the first row of which the sum of squares is none, since
// the row has a NaN or an infinity. A sum of squares of float32s is finite in float64.
func finite(what string, x Rows, scratch []float32, square []float64) error {
	for i, v := range square {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			continue
		}
		for j, e := range x.Row(scratch, i) {
			if e-e != 0 {
				return fault.Errorf("knn", "%s row %d has %v in column %d, want finite features", what, i, e, j)
			}
		}
	}
	return nil
}

// factor is what a row is multiplied by before it is centred.
func (x *Index) factor(square float64) float64 {
	switch {
	case x.metric == Euclidean:
		return 1
	case square == 0:
		return 0
	}
	return 1 / math.Sqrt(square)
}

// survey reads the bank once, for the squares, mean and scale of its rows. The mean and the
// scale only condition the numbers: any would do that leave them finite in float32.
func (x *Index) survey() error {
	const chunks = 32
	rows := (x.n + chunks - 1) / chunks
	x.square = make([]float64, x.n)
	first := x.bank.Row(x.scratch(), 0)
	factor := x.factor(vec.Dot(first, first))
	x.mean = make([]float64, x.d)
	for j, v := range first {
		x.mean[j] = factor * float64(v)
	}
	// Differences from the first row are summed: equal rows have exactly their mean, and the
	// variance is that of rows that lie far from the origin.
	type sums struct {
		rows   []float64
		square float64
		flat   bool
	}
	parts := make([]sums, parallel.Chunks(x.n, rows))
	x.pool.For(len(parts), func(_, chunk int) {
		s, scratch := sums{rows: make([]float64, x.d), flat: true}, x.scratch()
		lo, hi := parallel.Range(chunk, rows, x.n)
		for i := lo; i < hi; i++ {
			row := x.bank.Row(scratch, i)
			x.square[i] = vec.Dot(row, row)
			f := x.factor(x.square[i])
			nearest.AddCentred(s.rows, row, x.mean, f)
			square, _ := nearest.CentredSums(row, x.mean, f)
			s.square += square
			s.flat = s.flat && slices.Equal(row, first)
		}
		parts[chunk] = s
	})
	if err := finite("bank", x.bank, x.scratch(), x.square); err != nil {
		return err
	}
	x.flat = true
	away, square := make([]float64, x.d), 0.0
	for _, s := range parts {
		x.flat = x.flat && s.flat
		square += s.square / float64(x.n)
		for j, v := range s.rows {
			away[j] += v / float64(x.n)
		}
	}
	shift := 0.0
	for j, v := range away {
		x.mean[j] += v
		shift += v * v
	}
	x.scale = 1
	// What the difference has lost is no more than the second term.
	if variance := max(square-shift, 0x1p-40*square); variance > 0 {
		_, e := math.Frexp(math.Sqrt(variance))
		x.scale = math.Ldexp(1, -e)
	}
	return nil
}

// quantised describes a row v after normalising and centring, and its
// rounding ṽ = round(unit·v) to integers.
type quantised struct {
	norm     float64 // |v|
	unit     float64 // integers a unit of v; 0 for a zero row
	whole    float64 // |ṽ|
	residual float64 // |unit·v − ṽ|
	bias     float64 // β of a bank's row
}

// quantiseRow rounds a row to integers of norm 32767 and stores it as the vector of a strip
// with which dst begins. Rows shorter than floor are scaled as if they had that norm.
func (x *Index) quantiseRow(dst []int16, row []float32, square, floor float64) quantised {
	f := x.factor(square)
	norm, along := nearest.CentredSums(row, x.mean, f)
	q := quantised{norm: math.Sqrt(norm), bias: along}
	if x.metric == Euclidean {
		q.bias = -norm / 2
	}
	if q.norm == 0 && floor == 0 {
		return q
	}
	q.unit = fullNorm / max(q.norm, floor)
	whole, residual := nearest.RoundCentred(dst, strip, row, x.mean, f, q.unit)
	q.whole, q.residual = math.Sqrt(whole), math.Sqrt(residual)
	return q
}

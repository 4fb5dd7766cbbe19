package knn

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"

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
	tileRows  = nearest.Rows
	tileCols  = nearest.Cols
	blockCols = 128 // bank rows whose dot products are held at once
	fullNorm  = math.MaxInt16
	// maxDim keeps |q̃|·|b̃| within int32 with the rounding of every element:
	// (32767 + √d/2)² < 2³¹ for d ≤ 2²⁶.
	maxDim = 1 << 26
)

// Index is a bank of vectors, ready to be searched. Searches may run at once.
type Index struct {
	pool   *parallel.Pool
	metric Metric
	n, d   int
	bank   []float32
	square []float64 // Σx² of each row

	pairs  int       // elements of a quantised row, in pairs
	packed []int16   // strips of tileCols rows: [pairs][tileCols][2]
	mean   []float64 // of the rows, normalised under cosine
	scale  float64   // makes the centred rows' root mean square norm about 1

	// The score of column j is float32(dot)·weight[j] + s·bias[j] with the
	// query's s. Columns beyond n score −Inf.
	weight, bias []float32
	blocks       []block
	flat         bool // all rows are the same vector

	part int // rows at a time that are made ready, in each search anew; 0: all, once
}

// block bounds the rows of blockCols columns.
type block struct {
	residual float64 // max of the norm of the rounding residual
	norm     float64 // max norm
	bias     float64 // max |bias|
}

// New builds the index of a bank [n,d], which it keeps and which must not change
// while the index is in use. A nil pool runs on the caller. It fails if the bank
// is empty or holds a NaN or an infinity.
//
// An index takes half the memory of its bank, which may be a mapped file. Where the
// process may not take as much, each search makes the bank ready part by part: the
// neighbours are the same.
func New(ctx context.Context, pool *parallel.Pool, bank []float32, n, d int, metric Metric) (*Index, error) {
	if bytesOf(n, d) > memory.Left()/2 {
		runtime.GC() // what is in use may be garbage
	}
	return build(ctx, pool, bank, n, d, metric, memory.Left()/2)
}

// bytesOf is what an index of that many rows takes.
func bytesOf(rows, d int) int64 { return int64(rows) * (2*int64(d) + rowBytes) }

// rowBytes is what an index takes for a row beside its integers: weight, bias, square
// and, while it is built, quantised.
const rowBytes = 64

// build builds an index that takes at most so many bytes, if need be in parts.
func build(ctx context.Context, pool *parallel.Pool, bank []float32, n, d int, metric Metric,
	most int64) (*Index, error) {
	switch {
	case n < 1 || d < 1:
		return nil, fmt.Errorf("knn: bank is [%d,%d], want at least one row and one column", n, d)
	case d > maxDim || n > math.MaxInt32:
		return nil, fmt.Errorf("knn: bank is [%d,%d], want at most %d rows of %d", n, d, math.MaxInt32, maxDim)
	case len(bank) != n*d:
		return nil, fmt.Errorf("knn: bank has %d elements, want %d x %d", len(bank), n, d)
	case metric > Euclidean:
		return nil, fmt.Errorf("knn: unknown metric %d", metric)
	}
	x := &Index{pool: pool, metric: metric, n: n, d: d, bank: bank, pairs: (d + 1) / 2}
	var err error
	if x.square, err = squares(pool, "bank", bank, n, d); err != nil {
		return nil, err
	}
	if bytesOf(n, d) > most {
		x.part = int(max(1, most/bytesOf(1, d)))
		return x, ctx.Err()
	}
	x.mean = x.centre()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.quantise()
	return x, ctx.Err()
}

// squares returns Σx² of each row, or an error that names the first row that
// has a NaN or an infinity. A sum of squares of float32s is finite in float64.
func squares(pool *parallel.Pool, what string, x []float32, n, d int) ([]float64, error) {
	s := make([]float64, n)
	const rows = 64
	pool.For(parallel.Chunks(n, rows), func(_, chunk int) {
		lo, hi := parallel.Range(chunk, rows, n)
		for i := lo; i < hi; i++ {
			s[i] = vec.Dot(x[i*d:(i+1)*d], x[i*d:(i+1)*d])
		}
	})
	for i, v := range s {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			continue
		}
		for j, e := range x[i*d : (i+1)*d] {
			if e-e != 0 {
				return nil, fault.Errorf("knn", "%s row %d has %v in column %d, want finite features", what, i, e, j)
			}
		}
	}
	return s, nil
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

// centre returns the mean of the bank's rows. It only conditions the numbers:
// any vector would do. Differences from the first row are summed, so that equal
// rows have exactly their mean.
func (x *Index) centre() []float64 {
	const parts = 32
	rows := (x.n + parts - 1) / parts
	mean := make([]float64, x.d)
	for j, v := range x.bank[:x.d] {
		mean[j] = x.factor(x.square[0]) * float64(v)
	}
	sums := make([][]float64, parallel.Chunks(x.n, rows))
	x.pool.For(len(sums), func(_, chunk int) {
		sum := make([]float64, x.d)
		lo, hi := parallel.Range(chunk, rows, x.n)
		for i := lo; i < hi; i++ {
			nearest.AddCentred(sum, x.bank[i*x.d:(i+1)*x.d], mean, x.factor(x.square[i]))
		}
		sums[chunk] = sum
	})
	for _, s := range sums {
		for j, v := range s {
			mean[j] += v / float64(x.n)
		}
	}
	return mean
}

// quantise fills the packed strips, weights, biases and bounds.
func (x *Index) quantise() {
	strips := parallel.Chunks(x.n, blockCols) * blockCols / tileCols
	x.packed = make([]int16, strips*x.pairs*tileCols*2)
	rows := make([]quantised, x.n)
	x.pool.For(strips, func(_, strip int) {
		lo, hi := parallel.Range(strip, tileCols, x.n)
		to := x.packed[strip*x.pairs*tileCols*2:]
		for i := lo; i < hi; i++ {
			rows[i] = x.quantiseRow(to[2*(i-lo):], tileCols, x.bank[i*x.d:(i+1)*x.d], x.square[i], 0)
		}
	})
	x.rescale(rows)
	x.weight = make([]float32, strips*tileCols)
	x.bias = make([]float32, strips*tileCols)
	x.blocks = make([]block, strips*tileCols/blockCols)
	for j := range x.weight {
		if j >= x.n {
			x.bias[j] = float32(math.Inf(-1))
			continue
		}
		q, b := rows[j], &x.blocks[j/blockCols]
		w := 0.0
		if q.unit > 0 {
			w = x.scale / q.unit
		}
		bias := q.bias * x.scale * x.scale
		x.weight[j], x.bias[j] = float32(w), float32(bias)
		b.residual = max(b.residual, q.residual*w)
		b.norm = max(b.norm, q.norm*x.scale)
		b.bias = max(b.bias, math.Abs(bias))
	}
}

// rescale chooses the power of two that brings the root mean square norm of the
// centred rows into [½,1).
func (x *Index) rescale(rows []quantised) {
	sum := 0.0
	for _, q := range rows {
		sum += q.norm * q.norm
	}
	x.scale = 1
	if sum == 0 {
		differs := func(s float64) bool { return s != x.square[0] }
		x.flat = !slices.ContainsFunc(x.square, differs)
		return
	}
	_, e := math.Frexp(math.Sqrt(sum / float64(x.n)))
	x.scale = math.Ldexp(1, -e)
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

// quantiseRow rounds a row to integers of norm 32767 and stores it in pairs that
// are width pairs apart. Rows shorter than floor are scaled as if they had that
// norm.
func (x *Index) quantiseRow(dst []int16, width int, row []float32, square, floor float64) quantised {
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
	whole, residual := nearest.RoundCentred(dst, width, row, x.mean, f, q.unit)
	q.whole, q.residual = math.Sqrt(whole), math.Sqrt(residual)
	return q
}

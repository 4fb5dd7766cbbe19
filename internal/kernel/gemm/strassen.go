package gemm

import (
	"memprobe/internal/kernel/check"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Halved describes C = act(A·B + bias + residual) for a B that stays the same from run to
// run, by seven products of halves instead of eight (Strassen 1969):
//
//	M0 = (A11+A22)·(B11+B22)   M1 = (A21+A22)·B11   M2 = A11·(B12−B22)   M3 = A22·(B21−B11)
//	M4 = (A11+A12)·B22         M5 = (A21−A11)·(B11+B12)   M6 = (A12−A22)·(B21+B22)
//
// and C as [ref.Quarters] says. The rows of A and of C are Outer times Len times Inner, and
// the halves of A are those of Len, so that only rows of the same outer and the same inner
// place are added: where these are the images of a batch, none of them touches another.
// The middle row of an odd Len has no other, and is added to zeros.
type Halved struct {
	Outer, Len, Inner int
	K                 int // even
	N                 int // see HalvesColumns
	A, C              Places
	LDB               int // of B [K,N], or [N,K] where TransB is set
	TransB            bool
	Bias              bool // [N]
	Residual          bool // laid out as C
	Act               ref.Activation
	Lo, Hi            float32 // bounds of ActClip
}

// Places says where the elements of rows lie: that of outer place o, row r of the Len·Inner
// and column j at o·Outer + r·Row + j·Col. Row or Col is 1; where Row is, Inner must be.
type Places struct{ Outer, Row, Col int }

// HalvesColumns reports whether n columns of B can be halved: half of them are whole panels.
func HalvesColumns(n int) bool { return n%(2*tile.NR) == 0 }

// Strassen is a plan for a product by halves.
//
// A chunk of the work is a block of rows of the halves, and some of the panels of half of B. For
// some panels at a time it makes the seven products, each of the sums of rows for a step of k
// and of sums of columns, and joins them:
//
//	rows [k][row] or [row][k]   ·   columns [panel][5 or 7][k][16]   →   products [panel][7][row][16]   →   C
type Strassen struct {
	spec            Halved
	pool            *parallel.Pool
	half            int // of Len, the first one; the second one may be one shorter
	k, n            int // halves of K and of N
	weights         tile.Side
	panels          int // of 16 columns of half of N
	step            int // of k
	outers, groups  int // outer places of a block, and blocks along them
	band, bands     int // of a half of Len, and blocks along it
	sums            int // of rows that a worker makes at a time: those of one product, or of all seven
	held            int // panels for which it makes them once
	group           int // panels that it multiplies by each in turn
	kept            int // panels whose products it keeps
	perChunk, parts int // panels of a chunk, and chunks along them
	packedFactors   int // of B, see factors
	zeros           []float32
	pieces          [][]ref.Piece // that are fetched, of each worker

	packBody, chunkBody func(worker, chunk int)
	strassenRun
}

// strassenRun is the run in progress.
type strassenRun struct{ c, a, b, packed, bias, residual, scratch []float32 }

const (
	strassenRows = 200 // of a block
	strassenHeld = 32  // panels at a time, for which a sum of rows is made once
	strassenFew  = 8   // panels whose products stay in the second-level cache
	strassenStep = 384 // of k: longer ones would leave the second-level cache
)

// NewStrassen plans s.
func NewStrassen(p *parallel.Pool, s Halved) *Strassen {
	t := &Strassen{spec: s, pool: p, half: parallel.Chunks(s.Len, 2), k: s.K / 2, n: s.N / 2}
	t.weights = tile.Side{N: t.n, Width: tile.NR, LD: s.LDB, KInner: s.TransB}
	t.panels = t.weights.Panels()
	if t.packedFactors = topSum; s.C.Row == 1 {
		t.packedFactors = factors
	}
	t.step, _ = parallel.Evenly(t.k, parallel.Chunks(t.k, strassenStep))
	t.divide()
	t.zeros = make([]float32, max(t.step, t.band*s.Inner))
	t.pieces = parallel.Apart[ref.Piece](p, 1+2*(2+2*t.outers)) // of sums of rows; of two panels: of B, of products, of C and the residual
	t.packBody, t.chunkBody = t.packPanel, t.chunk
	return t
}

// divide chooses the blocks, then parts of the panels while there are too few chunks. Each part makes
// the sums of rows anew, so they are no finer than the threads need to end together.
func (t *Strassen) divide() {
	s := &t.spec
	rows := t.half * s.Inner
	t.outers = max(1, min(s.Outer, strassenRows/rows))
	t.groups = parallel.Chunks(s.Outer, t.outers)
	t.band, t.bands = parallel.Evenly(t.half, min(t.half, parallel.Chunks(rows, strassenRows)))
	for parts := 1; ; parts *= 2 {
		t.perChunk, t.parts = parallel.Evenly(t.panels, parts)
		t.perChunk += t.perChunk % 2 // pairs
		t.parts = parallel.Chunks(t.panels, t.perChunk)
		chunks, threads := t.groups*t.bands*t.parts, t.pool.Threads()
		even := chunks >= threads && (chunks%threads == 0 || chunks >= 4*threads)
		if t.perChunk <= 4 || even {
			break
		}
	}
	t.sums, t.held = 1, min(t.perChunk, strassenHeld)
	t.group, t.kept = t.held, t.held
	if s.A.Row > 1 { // the sums are read well from the third level of cache, row by row, but not column by column
		t.sums, t.group = len(rowTerms), min(t.held, strassenFew)
		if t.step >= t.k {
			t.held, t.kept = t.perChunk, t.group
		}
	}
}

// The second factors, in the order of the products. The last two are sums of others. Of convolutions, whose
// planes are short in deep layers and whose weights are few, they are packed too. Of products in rows they are made anew
// in each block: such weights may be nearly all that a model is, and memory for them counts.
const (
	diagonalSum = iota
	topLeft
	rightDifference
	leftDifference
	bottomRight
	topSum
	bottomSum
	factors
)

// columnTerms are the packed factors that topSum and bottomSum are sums of.
var columnTerms = [factors][2]int{topSum: {diagonalSum, rightDifference}, bottomSum: {diagonalSum, leftDifference}}

// PackedLen is the number of floats of a packed B: a quarter or three quarters more than B has.
func (t *Strassen) PackedLen() int { return t.packedFactors * t.panels * tile.NR * t.k }

// at is where the rows from k on of a factor of a packed panel begin.
func (t *Strassen) at(panel, factor, k int) int {
	return ((t.packedFactors*panel+factor)*t.k + k) * tile.NR
}

// Pack writes B to packed in the order of a run, [panel][factor][k][16].
func (t *Strassen) Pack(packed, b []float32) {
	t.strassenRun = strassenRun{b: b, packed: packed}
	t.pool.For(t.panels, t.packBody)
	t.strassenRun = strassenRun{}
}

func (t *Strassen) packPanel(_, q int) {
	down, right := t.k*t.weights.LD, t.n
	if t.weights.KInner {
		down, right = t.k, t.n*t.weights.LD
	}
	for _, f := range [4]struct{ factor, from int }{{topLeft, 0}, {rightDifference, right}, {leftDifference, down}, {bottomRight, down + right}} {
		t.weights.Pack(t.packed[t.at(q, f.factor, 0):], t.b[f.from:], q, q+1, 0, t.k)
	}
	add := func(to, a, b int, minus bool) {
		tile.SumRows(&ref.RowSums{Dst: tile.At(t.packed, t.at(q, to, 0)), A: tile.At(t.packed, t.at(q, a, 0)),
			B: tile.At(t.packed, t.at(q, b, 0)), Rows: 1, N: t.k * tile.NR, Minus: minus})
	}
	add(diagonalSum, topLeft, bottomRight, false)
	add(rightDifference, rightDifference, bottomRight, true)
	add(leftDifference, leftDifference, topLeft, true)
	for m := topSum; m < t.packedFactors; m++ {
		add(m, columnTerms[m][0], columnTerms[m][1], false)
	}
}

// Scratch is the number of float32s of workspace of a run.
func (t *Strassen) Scratch() int { return t.pool.Threads() * t.perWorker() }

// Run computes c from a and a B that Pack wrote. bias and residual are read where the spec has
// them; residual may be the memory of c where that lies in rows.
func (t *Strassen) Run(c, a, packed, bias, residual, scratch []float32) {
	s := &t.spec
	last := func(p Places, columns int) int {
		return (s.Outer-1)*p.Outer + (s.Len*s.Inner-1)*p.Row + (columns-1)*p.Col + 1
	}
	check.Len("a", a, last(s.A, s.K))
	check.Len("c", c, last(s.C, s.N))
	check.Len("packed", packed, t.PackedLen())
	check.Len("scratch", scratch, t.Scratch())
	if s.Bias {
		check.Len("bias", bias, s.N)
	}
	if s.Residual {
		check.Len("residual", residual, last(s.C, s.N))
	}
	t.strassenRun = strassenRun{c: c, a: a, packed: packed, bias: bias, residual: residual, scratch: scratch}
	t.pool.For(t.groups*t.bands*t.parts, t.chunkBody)
	t.strassenRun = strassenRun{}
}

// Cycles of the parts of a run on one thread beside the seven products, per float, in the unit
// of a tile's: twice what was measured with kernels of 512 bits.
const (
	rowTileCycles  = 1.0 // of a row of a tile of 16 columns, a step of k
	rowSumCycles   = 0.4
	panelSumCycles = 1.2 // of B, read from the third level of cache
	joinCycles     = 0.6
	streamCycles   = 0.1 // of a packed B, beyond those of one that is not halved
)

// HalvesAtMost is the part of the cycles of one product that those of seven may take to be
// preferred, for their rounding errors are twice as large.
const HalvesAtMost = 0.96

// Worthwhile reports whether the product is to be preferred by halves.
func (s Halved) Worthwhile() bool {
	rows := s.Outer * s.Len * s.Inner
	return NewStrassen(nil, s).Cycles() < HalvesAtMost*rowTileCycles*float64(rows*s.K*parallel.Chunks(s.N, tile.NR))
}

// Cycles estimates those of a run on one thread.
func (t *Strassen) Cycles() float64 {
	rows, columns := t.spec.Outer*t.half*t.spec.Inner, t.panels*tile.NR
	weights := float64(t.packedFactors-4)*streamCycles + float64(factors-t.packedFactors)*panelSumCycles
	return 7*rowTileCycles*float64(rows*t.k*t.panels) + 7*joinCycles*float64(rows*columns) +
		7*rowSumCycles*float64(rows*t.k*parallel.Chunks(t.panels, strassenHeld)) +
		weights*float64(t.k*columns*t.groups*t.bands)
}

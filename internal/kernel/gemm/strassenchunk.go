package gemm

import (
	"math"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// block is rows of the halves: [l0, l1) of the first half of Len, of the outer places [o0, o1),
// and those of the second half that are added to them.
type block struct{ o0, o1, l0, l1 int }

// per is the number of rows of an outer place, of which the first both have one in the
// second half, too.
func (t *Strassen) per(b *block) (per, both int) {
	inner := t.spec.Inner
	return (b.l1 - b.l0) * inner, max(0, min(b.l1, t.spec.Len-t.half)-b.l0) * inner
}

// workspace is what a worker needs.
type workspace struct {
	rows     []float32 // sums of rows
	columns  []float32 // sums of two panels
	products []float32 // [panel][7][row][16]
	nowhere  []float32 // takes rows of C that are none
}

func (t *Strassen) lengths() (rows, columns, products, nowhere int) {
	most := t.outers * t.band * t.spec.Inner
	rows = most * t.rowLD()
	if t.spec.A.Row == 1 {
		rows = t.step * most
	}
	return rows, 2 * t.step * tile.NR, 7 * t.held * t.productLen(), tile.NR
}

// rowLD is the distance of sums of rows that lie row by row: none that would have rows
// share a set of the first-level cache.
func (t *Strassen) rowLD() int { return (parallel.Chunks(t.step, tile.NR) + 1) * tile.NR }

// productLen is the number of floats of a product for a panel.
func (t *Strassen) productLen() int { return t.outers * t.band * t.spec.Inner * tile.NR }

func (t *Strassen) perWorker() int {
	a, b, c, d := t.lengths()
	return a + b + c + d
}

func (t *Strassen) workspace(worker int) (w workspace) {
	n := t.perWorker()
	s := t.scratch[worker*n:][:n]
	a, b, c, _ := t.lengths()
	w.rows, w.columns, w.products, w.nowhere = s[:a], s[a:][:b], s[a+b:][:c], s[a+b+c:]
	return w
}

func (t *Strassen) chunk(worker, i int) {
	part, i := i%t.parts, i/t.parts
	var b block
	b.l0, b.l1 = parallel.Range(i%t.bands, t.band, t.half)
	b.o0, b.o1 = parallel.Range(i/t.bands, t.outers, t.spec.Outer)
	p0, p1 := parallel.Range(part, t.perChunk, t.panels)
	w := t.workspace(worker)
	for q := p0; q < p1; q += t.held {
		next := min(q+t.held, p1)
		for m := range 7 {
			for k := 0; k < t.k; k += t.step {
				t.sumRows(&w, &b, m, k)
				t.multiply(&w, &b, m, k, q, next)
			}
		}
		t.join(&w, &b, q, next)
	}
}

// quarter is one of A: its half of the rows and of k. A factor of one quarter has none besides.
type quarter struct{ row, k int }

var none = quarter{-1, -1}

// rowTerms are the first factors of the products, a+b or, with minus, a−b.
var rowTerms = [7]struct {
	a, b  quarter
	minus bool
}{
	{a: quarter{0, 0}, b: quarter{1, 1}}, {a: quarter{1, 0}, b: quarter{1, 1}},
	{a: quarter{0, 0}, b: none, minus: true}, {a: quarter{1, 1}, b: none, minus: true}, // x−0 is x, x+0 not where x is −0
	{a: quarter{0, 0}, b: quarter{0, 1}}, {a: quarter{1, 0}, b: quarter{0, 0}, minus: true},
	{a: quarter{0, 1}, b: quarter{1, 1}, minus: true},
}

// columnTerms are the packed factors that the second factors are sums of; the second one is -1 where they
// are the first alone.
var columnTerms = [7][2]int{{diagonalSum, -1}, {topLeft, -1}, {rightDifference, -1}, {leftDifference, -1}, {bottomRight, -1},
	{diagonalSum, rightDifference}, {diagonalSum, leftDifference}}

// sumRows makes the first factor of product m, for the step of k from k on.
func (t *Strassen) sumRows(w *workspace, b *block, m, k int) {
	per, both := t.per(b)
	for o := b.o0; o < b.o1; o++ {
		to, r := (o-b.o0)*per, b.l0*t.spec.Inner
		t.addRows(w, m, k, o, r, to, both, false)
		t.addRows(w, m, k, o, r+both, to+both, per-both, true)
	}
}

// addRows makes the sums of n rows, from row r of an outer place on. The second half has none of
// them where they are lone: they count as zeros.
func (t *Strassen) addRows(w *workspace, m, k, o, r, to, n int, lone bool) {
	if n == 0 {
		return
	}
	a, terms, steps := &t.spec.A, &rowTerms[m], min(t.step, t.k-k)
	var sum ref.RowSums
	ld := a.Row
	if a.Row == 1 {
		sum = ref.RowSums{Rows: steps, N: n, LDD: t.productLen() / tile.NR, Dst: &w.rows[to]}
		ld = a.Col
	} else {
		sum = ref.RowSums{Rows: n, N: steps, LDD: t.rowLD(), Dst: &w.rows[to*t.rowLD()]}
	}
	sum.Minus = terms.minus
	at := func(q quarter) (*float32, int) {
		if q == none || lone && q.row == 1 {
			return &t.zeros[0], 0
		}
		return tile.At(t.a, o*a.Outer+(r+q.row*t.half*t.spec.Inner)*a.Row+(k+q.k*t.k)*a.Col), ld
	}
	sum.A, sum.LDA = at(terms.a)
	sum.B, sum.LDB = at(terms.b)
	tile.SumRows(&sum)
}

// multiply adds a step of product m for the panels [q0, q1).
func (t *Strassen) multiply(w *workspace, b *block, m, k, q0, q1 int) {
	terms, steps := columnTerms[m], min(t.step, t.k-k)
	per, _ := t.per(b)
	rows := (b.o1 - b.o0) * per
	both := ref.Tile{A: tile.At(w.rows, 0), K: steps, RowA: t.rowLD(), StepA: 1, LDC: tile.NR, N0: tile.VL, N1: tile.VL, Accumulate: k > 0}
	if t.spec.A.Row == 1 {
		both.RowA, both.StepA = 1, t.productLen()/tile.NR
	}
	aim := func(u *ref.Tile, q, i int) {
		c := (7*(q-q0) + m) * t.productLen()
		u.C0, u.C1 = tile.At(w.products, c), tile.At(w.products, c+tile.VL)
		u.B0 = tile.At(t.packed, t.at(q, terms[0], k))
		if terms[1] >= 0 {
			sum := ref.RowSums{A: u.B0, B: tile.At(t.packed, t.at(q, terms[1], k)), Rows: 1, N: steps * tile.NR}
			u.B0 = tile.At(w.columns, i*t.step*tile.NR)
			sum.Dst = u.B0
			tile.SumRows(&sum)
		}
	}
	for q := q0; q < q1; q += 2 {
		one, other := both, both
		aim(&one, q, 0)
		if q+1 == q1 {
			tile.RunPair(tile.Strided, &one, nil, rows)
			continue
		}
		aim(&other, q+1, 1)
		tile.RunPair(tile.Strided, &one, &other, rows)
	}
}

// join makes C of the products of the panels [q0, q1).
func (t *Strassen) join(w *workspace, b *block, q0, q1 int) {
	per, both := t.per(b)
	for q := q0; q < q1; q++ {
		products := w.products[7*(q-q0)*t.productLen():][:7*t.productLen()]
		if t.spec.C.Row == 1 {
			t.joinPlanes(products, b, q)
			continue
		}
		for o := b.o0; o < b.o1; o++ {
			from, r := (o-b.o0)*per, b.l0*t.spec.Inner
			t.joinRows(w, products[from*tile.NR:], o, r, both, q, false)
			t.joinRows(w, products[min(from+both, from+per-1)*tile.NR:], o, r+both, per-both, q, true)
		}
	}
}

// joinRows stores n rows of C, from row r of an outer place on; of lone ones the second half has
// none.
func (t *Strassen) joinRows(w *workspace, products []float32, o, r, n, panel int, lone bool) {
	if n == 0 {
		return
	}
	s := &t.spec
	left, right := panel*tile.NR, t.n+panel*tile.NR
	upper := o*s.C.Outer + r*s.C.Row
	lower := upper + t.half*s.Inner*s.C.Row
	j := ref.Quarters{M: &products[0], LDM: t.productLen(), Rows: n, LD1: s.C.Row, LD2: s.C.Row,
		C11: tile.At(t.c, upper+left), C12: tile.At(t.c, upper+right)}
	j.Lo, j.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	if s.Bias {
		j.Bias1, j.Bias2 = tile.At(t.bias, left), tile.At(t.bias, right)
	}
	if s.Residual {
		j.R11, j.R12 = tile.At(t.residual, upper+left), tile.At(t.residual, upper+right)
	}
	if lone {
		nowhere := &w.nowhere[0]
		j.C21, j.C22, j.LD2 = nowhere, nowhere, 0
		if s.Residual {
			j.R21, j.R22 = nowhere, nowhere
		}
	} else {
		j.C21, j.C22 = tile.At(t.c, lower+left), tile.At(t.c, lower+right)
		if s.Residual {
			j.R21, j.R22 = tile.At(t.residual, lower+left), tile.At(t.residual, lower+right)
		}
	}
	tile.JoinQuarters(&j)
}

// joinPlanes joins the products of a panel in their own memory, and turns the sums into planes.
func (t *Strassen) joinPlanes(products []float32, b *block, panel int) {
	s, n := &t.spec, t.productLen()
	per, both := t.per(b)
	quarters := [4]*float32{&products[0], &products[n], &products[2*n], &products[3*n]}
	tile.JoinQuarters(&ref.Quarters{M: &products[0], LDM: n, C11: quarters[0], C12: quarters[1], C21: quarters[2], C22: quarters[3],
		LD1: tile.NR, LD2: tile.NR, Rows: (b.o1 - b.o0) * per, Lo: float32(math.Inf(-1)), Hi: float32(math.Inf(1))})
	p := ref.Planes{LD: s.C.Col, Rows: tile.NR}
	p.Lo, p.Hi, _ = s.Act.Bounds(s.Lo, s.Hi)
	for i := range quarters {
		down, right := i/2, i%2
		if p.N = per; down == 1 {
			p.N = both
		}
		if p.N == 0 {
			continue
		}
		column := right*t.n + panel*tile.NR
		if s.Bias {
			p.Bias = tile.At(t.bias, column)
		}
		for o := b.o0; o < b.o1; o++ {
			to := o*s.C.Outer + b.l0 + down*t.half + column*s.C.Col
			p.Src, p.Dst = tile.At(products, i*n+(o-b.o0)*per*tile.NR), tile.At(t.c, to)
			if s.Residual {
				p.Residual = tile.At(t.residual, to)
			}
			tile.Spread(&p)
		}
	}
}

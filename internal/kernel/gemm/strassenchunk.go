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
	rows     []float32 // sums of rows: one, or [7]
	columns  []float32 // sums of two panels, where they are not packed
	products []float32 // [panel][7][row][16]
	nowhere  []float32 // takes rows of C that are none
	pieces   []ref.Piece
}

func (t *Strassen) lengths() (rows, columns, products, nowhere int) {
	if t.packedFactors < factors {
		columns = 2 * t.step * tile.NR
	}
	return t.sums * t.sumLen(), columns, 7 * t.kept * t.productLen(), tile.NR
}

// sumLen is the number of floats of a sum of rows.
func (t *Strassen) sumLen() int {
	most := t.outers * t.band * t.spec.Inner
	if t.spec.A.Row == 1 {
		return t.step * most
	}
	return most * t.rowLD()
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
	w.pieces = t.pieces[worker]
	return w
}

func (t *Strassen) chunk(worker, i int) {
	part, i := i%t.parts, i/t.parts
	var b block
	b.l0, b.l1 = parallel.Range(i%t.bands, t.band, t.half)
	b.o0, b.o1 = parallel.Range(i/t.bands, t.outers, t.spec.Outer)
	p0, p1 := parallel.Range(part, t.perChunk, t.panels)
	w := t.workspace(worker)
	for q0 := p0; q0 < p1; q0 += t.held {
		q1 := min(q0+t.held, p1)
		for k := 0; k < t.k; k += t.step {
			if t.sums > 1 {
				t.sumRows(&w, &b, 0, t.sums, k)
			}
			for g0 := q0; g0 < q1; g0 += t.group {
				g := group{q0, q1, g0, min(g0+t.group, q1), k}
				t.multiplyGroup(&w, &b, &g)
				if t.lastStep(k) && !t.wholePlanes() {
					t.join(&w, &b, t.keptOf(&w, &g, g0), g0, g.end)
				}
			}
		}
	}
}

// lastStep reports whether the step of k from k on is the last one.
func (t *Strassen) lastStep(k int) bool { return k+t.step >= t.k }

// wholePlanes reports whether blocks make whole planes of C. Panels are then joined as soon as their last product
// is there, and what that reads and writes is fetched meanwhile.
func (t *Strassen) wholePlanes() bool { return t.spec.C.Row == 1 && t.bands == 1 }

// group is the panels [start, end) of those whose sums of rows are made once, [first, last), and the
// step of k from k on.
type group struct{ first, last, start, end, k int }

// keptOf is where the products of panel q of a group are kept: of several steps of k those of all
// panels are, else those of the group.
func (t *Strassen) keptOf(w *workspace, g *group, q int) []float32 {
	i := q - g.start
	if t.kept > t.group {
		i = q - g.first
	}
	return w.products[7*i*t.productLen():]
}

// multiplyGroup adds a step of the seven products of a group, and joins whole planes.
func (t *Strassen) multiplyGroup(w *workspace, b *block, g *group) {
	for m := range 7 {
		if t.sums == 1 {
			t.sumRows(w, b, m, m+1, g.k)
		}
		for q := g.start; q < g.end; q += 2 {
			q1 := min(q+2, g.end)
			t.multiply(w, b, g, m, q, q1)
			if m == factors-1 && t.lastStep(g.k) && t.wholePlanes() {
				t.join(w, b, t.keptOf(w, g, q), q, q1)
			}
		}
	}
}

// fetched lists the pieces of B that come after those of product m and of the panels from q on, before them what these
// panels are joined from and to and their part of the next product's sums of rows, and returns how many pieces they are.
func (t *Strassen) fetched(w *workspace, b *block, g *group, m, q int) int {
	pieces, k := w.pieces[:0], g.k
	if m == factors-1 && t.lastStep(k) && t.wholePlanes() {
		pieces = t.joined(pieces, w, b, g, q, min(q+2, g.end))
	}
	if t.sums > 1 {
		pieces = append(pieces, t.sumsAfter(w, g, m, q))
	}
	q += 2
	if q >= g.end {
		q, m = g.start, m+1
	}
	if m == factors {
		q, m = g.end, 0
	}
	if q >= g.last {
		q, k = g.first, k+t.step
	}
	if k < t.k {
		for end := min(q+2, g.last); q < end; q++ {
			from := t.packedOf(q, m, k)
			pieces = append(pieces, ref.PieceOf(from, min(t.step, t.k-k)*tile.NR))
		}
	}
	return len(pieces)
}

// sumsAfter is the part of the sums of rows of product m+1 that is fetched while the panels from q on multiply by
// those of m: all seven sums are larger than the second level of cache.
func (t *Strassen) sumsAfter(w *workspace, g *group, m, q int) ref.Piece {
	pairs, pair := parallel.Chunks(g.end-g.start, 2), (q-g.start)/2
	lo, hi := pair*t.sumLen()/pairs, (pair+1)*t.sumLen()/pairs
	return ref.PieceOf(&w.rows[(m+1)%factors*t.sumLen()+lo], hi-lo)
}

// packedOf is where second factor m of panel q is packed, from k on, or the first term of its sum.
func (t *Strassen) packedOf(q, m, k int) *float32 {
	if m >= t.packedFactors {
		m = columnTerms[m][0]
	}
	return tile.At(t.packed, t.at(q, m, k))
}

// joined lists what the panels [q, q1) of a group are joined from and to: their other products, which follow each
// other, the residual and C, of which the planes of an image do.
func (t *Strassen) joined(pieces []ref.Piece, w *workspace, b *block, g *group, q, q1 int) []ref.Piece {
	for i := range q1 - q {
		pieces = append(pieces, ref.PieceOf(&t.keptOf(w, g, q+i)[0], (factors-1)*t.productLen()))
	}
	c, floats := &t.spec.C, (q1-q)*tile.NR*t.spec.C.Col
	for o := b.o0; o < b.o1; o++ {
		for right := range 2 {
			at := o*c.Outer + (right*t.n+q*tile.NR)*c.Col
			if t.spec.Residual {
				pieces = append(pieces, ref.PieceOf(&t.residual[at], floats))
			}
			pieces = append(pieces, ref.PieceOf(&t.c[at], floats))
		}
	}
	return pieces
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

// rowsAtOnce is the number of rows of which several sums are made while they are in the first-level
// cache.
const rowsAtOnce = 4

// sumRows makes the first factors of the products [m0, m1), for the step of k from k on.
func (t *Strassen) sumRows(w *workspace, b *block, m0, m1, k int) {
	per, both := t.per(b)
	atOnce := per
	if m1-m0 > 1 {
		atOnce = rowsAtOnce
	}
	for o := b.o0; o < b.o1; o++ {
		to, r := (o-b.o0)*per, b.l0*t.spec.Inner
		for i, n := 0, 0; i < per; i += n {
			lone := i >= both
			if n = min(atOnce, per-i); !lone {
				n = min(n, both-i)
			}
			for m := m0; m < m1; m++ {
				t.addRows(w.rows[(m-m0)*t.sumLen():], m, k, o, r+i, to+i, n, lone)
			}
		}
	}
}

// addRows makes sums of n rows, from row r of an outer place on. The second half has none of
// them where they are lone: they count as zeros.
func (t *Strassen) addRows(sums []float32, m, k, o, r, to, n int, lone bool) {
	a, terms, steps := &t.spec.A, &rowTerms[m], min(t.step, t.k-k)
	var sum ref.RowSums
	ld := a.Row
	if a.Row == 1 {
		sum = ref.RowSums{Rows: steps, N: n, LDD: t.productLen() / tile.NR, Dst: &sums[to]}
		ld = a.Col
	} else {
		sum = ref.RowSums{Rows: n, N: steps, LDD: t.rowLD(), Dst: &sums[to*t.rowLD()]}
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

// multiply adds a step of product m for the panels [q, q1) of a group, one or two.
func (t *Strassen) multiply(w *workspace, b *block, g *group, m, q, q1 int) {
	steps := min(t.step, t.k-g.k)
	per, _ := t.per(b)
	rows := (b.o1 - b.o0) * per
	one := ref.Tile{A: &w.rows[m%t.sums*t.sumLen()], K: steps, RowA: t.rowLD(), StepA: 1, LDC: tile.NR, N0: tile.VL, N1: tile.VL,
		Accumulate: g.k > 0, Fetch: &w.pieces[0], Fetches: t.fetched(w, b, g, m, q)}
	if t.spec.A.Row == 1 {
		one.RowA, one.StepA = 1, t.productLen()/tile.NR
	}
	other := one
	products := t.keptOf(w, g, q)
	aim := func(u *ref.Tile, i int) {
		c := (7*i + m) * t.productLen()
		u.C0, u.C1 = tile.At(products, c), tile.At(products, c+tile.VL)
		if u.B0 = t.packedOf(q+i, m, g.k); m >= t.packedFactors {
			sum := ref.RowSums{A: u.B0, B: t.packedOf(q+i, columnTerms[m][1], g.k), Rows: 1, N: steps * tile.NR,
				Dst: tile.At(w.columns, i*t.step*tile.NR)}
			tile.SumRows(&sum)
			u.B0 = sum.Dst
		}
	}
	aim(&one, 0)
	if q+1 == q1 {
		tile.RunPair(tile.Strided, &one, nil, rows)
		return
	}
	aim(&other, 1)
	tile.RunPair(tile.Strided, &one, &other, rows)
}

// join makes C of the products of the panels [q0, q1).
func (t *Strassen) join(w *workspace, b *block, kept []float32, q0, q1 int) {
	products := func(q int) []float32 { return kept[7*(q-q0)*t.productLen():][:7*t.productLen()] }
	if t.spec.C.Row == 1 {
		for q := q0; q < q1; q++ {
			t.joinPlanes(products(q), b, q)
		}
		return
	}
	per, both := t.per(b)
	for o := b.o0; o < b.o1; o++ {
		from, r := (o-b.o0)*per, b.l0*t.spec.Inner
		for i, n := 0, 0; i < per; i += n {
			if n = min(joinedAtOnce, per-i); i < both {
				n = min(n, both-i)
			}
			for q := q0; q < q1; q++ {
				t.joinRows(w, products(q)[(from+i)*tile.NR:], o, r+i, n, q, i >= both)
			}
		}
	}
}

// joinedAtOnce is the number of rows of a quarter of C that get all of their panels together: they lie on
// as many pages, and what two panels write of them is neighbours.
const joinedAtOnce = 8

// joinRows stores n rows of C, from row r of an outer place on; of lone ones the second half has
// none.
func (t *Strassen) joinRows(w *workspace, products []float32, o, r, n, panel int, lone bool) {
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

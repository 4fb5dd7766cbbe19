package main

import (
	"fmt"
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/ref"
)

// matrix is the L of a change of basis, applied to vectors in registers. Some points
// come in pairs ±p; the rows of L that belong to a pair, or its columns, differ
// in the sign of every second element, so what they share is computed once.
type matrix struct {
	form      ref.Form
	change    ref.Change
	vector    func() reg.VecVirtual // a new register
	l         [][]float64
	points    []float64 // the first of each pair
	pairs     int
	constants map[float64]reg.VecVirtual
	order     []float64 // of the constants
}

func newMatrix(f ref.Form, c ref.Change, vector func() reg.VecVirtual) *matrix {
	x := &matrix{form: f, change: c, vector: vector, l: c.Matrix(f), constants: map[float64]reg.VecVirtual{}}
	for i, p := range f.Points() {
		if p < 0 {
			x.points = append(x.points, f.Points()[i-1])
		}
	}
	x.pairs = len(x.points)
	x.eachConstant()
	return x
}

func (x *matrix) rows() int { return len(x.l) }
func (x *matrix) cols() int { return len(x.l[0]) }

// byRows says that the rows of L belong to points, and not its columns.
func (x *matrix) byRows() bool { return x.rows() >= x.cols() }

// alone lists the rows that belong to no pair.
func (x *matrix) alone() []int {
	rows := []int{0}
	for i := 2*x.pairs + 1; i < x.rows(); i++ {
		rows = append(rows, i)
	}
	return rows
}

// term is a coefficient and the index of the vector that it multiplies.
type term struct {
	c float64
	i int
}

// pairRows splits the rows of pair k: row p is even + factor·odd, the row of −p
// is even − factor·odd.
func (x *matrix) pairRows(k int) (even, odd []term, factor float64) {
	plus, minus := x.l[2*k+1], x.l[2*k+2]
	for i, c := range plus {
		switch {
		case c == 0:
		case c == minus[i]:
			even = append(even, term{c, i})
		default:
			odd = append(odd, term{c, i})
		}
	}
	factor = odd[0].c
	for _, t := range odd {
		if slices.Contains(x.points, t.c) {
			factor = t.c
		}
	}
	for i := range odd {
		odd[i].c /= factor
	}
	return even, odd, factor
}

// row lists the terms of row i. By columns, vectors 2k+1 and 2k+2 are by then
// the sum and the difference of a pair.
func (x *matrix) row(i int) []term {
	var terms []term
	for j, c := range x.l[i] {
		last := 0
		if !x.byRows() {
			last = 2 * x.pairs
		}
		if c == 0 || j <= last && j > 0 {
			continue
		}
		terms = append(terms, term{c, j})
	}
	for k := 0; k < x.pairs && !x.byRows(); k++ {
		j := 2*k + 1
		if c := x.l[i][j]; c == x.l[i][j+1] {
			terms = append(terms, term{c, j})
		} else {
			terms = append(terms, term{c, j + 1})
		}
	}
	return terms
}

// eachConstant collects the constants that have to be in registers.
func (x *matrix) eachConstant() {
	add := func(c float64) {
		if c = math.Abs(c); c != 1 && !slices.Contains(x.order, c) {
			x.order = append(x.order, c)
		}
	}
	terms := func(list []term) {
		for _, t := range list {
			add(t.c)
		}
	}
	if !x.byRows() {
		for i := range x.rows() {
			terms(x.row(i))
		}
		return
	}
	for _, i := range x.alone() {
		terms(x.row(i))
	}
	for k := range x.pairs {
		even, odd, factor := x.pairRows(k)
		terms(even)
		terms(odd)
		add(factor)
	}
}

// pool holds the constants of all matrices, each once.
type pool map[float64]Mem

func (p pool) at(c float64) Mem {
	if _, ok := p[c]; !ok {
		p[c] = ConstData(fmt.Sprintf("winograd%d", len(p)), F32(c))
	}
	return p[c]
}

func (x *matrix) loadConstants(p pool) {
	for _, c := range x.order {
		x.constants[c] = x.vector()
		VBROADCASTSS(p.at(c), x.constants[c])
	}
}

// apply computes L·v and gives each row of the result to store.
func (x *matrix) apply(v []reg.VecVirtual, store func(i int, y reg.VecVirtual)) {
	if !x.byRows() {
		for k := range x.pairs {
			plus, minus, sum := v[2*k+1], v[2*k+2], x.vector()
			VADDPS(minus, plus, sum)
			VSUBPS(minus, plus, minus)
			v[2*k+1] = sum
		}
		for i := range x.rows() {
			store(i, x.combine(x.row(i), v))
		}
		return
	}
	store(0, x.combine(x.row(0), v))
	for k := range x.pairs {
		even, odd, factor := x.pairRows(k)
		e, o := x.combine(even, v), x.combine(odd, v)
		if math.Abs(factor) == 1 {
			sum, difference := x.vector(), x.vector()
			VADDPS(o, e, sum)
			VSUBPS(o, e, difference)
			store(2*k+1, sum)
			store(2*k+2, difference)
			continue
		}
		plus, minus := x.vector(), x.vector()
		VMOVAPS(e, plus)
		VMOVAPS(e, minus)
		VFMADD231PS(o, x.constants[math.Abs(factor)], plus)
		VFNMADD231PS(o, x.constants[math.Abs(factor)], minus)
		if factor < 0 {
			plus, minus = minus, plus
		}
		store(2*k+1, plus)
		store(2*k+2, minus)
	}
	for _, i := range x.alone()[1:] {
		store(i, x.combine(x.row(i), v))
	}
}

// combine computes Σ c·v[i]. The result may be one of v.
func (x *matrix) combine(terms []term, v []reg.VecVirtual) reg.VecVirtual {
	slices.SortStableFunc(terms, func(a, b term) int { return rank(a) - rank(b) })
	first := terms[0]
	if first.c == 1 && len(terms) == 1 {
		return v[first.i]
	}
	sum := x.vector()
	rest := terms[1:]
	switch {
	case first.c == 1 && math.Abs(rest[0].c) == 1:
		if rest[0].c == 1 {
			VADDPS(v[rest[0].i], v[first.i], sum)
		} else {
			VSUBPS(v[rest[0].i], v[first.i], sum)
		}
		rest = rest[1:]
	case first.c == 1:
		VMOVAPS(v[first.i], sum)
	case first.c == -1:
		VXORPS(sum, sum, sum)
		rest = terms
	case first.c > 0:
		VMULPS(x.constants[first.c], v[first.i], sum)
	default:
		VXORPS(sum, sum, sum)
		rest = terms
	}
	for _, t := range rest {
		switch {
		case t.c == 1:
			VADDPS(v[t.i], sum, sum)
		case t.c == -1:
			VSUBPS(v[t.i], sum, sum)
		case t.c > 0:
			VFMADD231PS(v[t.i], x.constants[t.c], sum)
		default:
			VFNMADD231PS(v[t.i], x.constants[-t.c], sum)
		}
	}
	return sum
}

// rank orders terms so that a sum begins with what needs no multiplication.
func rank(t term) int {
	switch {
	case t.c == 1:
		return 0
	case t.c == -1:
		return 1
	case t.c > 0:
		return 2
	}
	return 3
}

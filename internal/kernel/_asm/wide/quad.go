package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// quad is the kernel of tiles of some rows and four vectors of columns, whose B is read in
// place. Six rows have as many sums as a pair of tiles, and load less: 10 times a step of k.
type quad struct {
	rows   int
	n      int        // vectors of a row: four, or one at the end of planes
	offset bool       // the vectors lie anywhere, and so do the rows of B; else they are neighbours
	walk   *emit.Walk // of whole panels, else nil
	raw    *raw       // rows that are fetched
	p      gotypes.Component
}

const (
	quads = 4 // most vectors of a row

	// A ref.Vector in memory.
	vector    = 12
	vectorSrc = 0
	vectorDst = 4
	vectorN   = 8
)

func (q *quad) sum(i, v int) reg.VecPhysical  { return emit.Z(q.n*i + v) }
func (q *quad) b(v int) reg.VecPhysical       { return emit.Z(quads*mr + v) }
func (q *quad) free(i int) reg.VecPhysical    { return emit.Z(quads*(mr+1) + i%quads) }
func (q *quad) mask(v int) reg.OpmaskPhysical { return stored(v/halves, v%halves) }

func (q *quad) generate() {
	kind := ""
	if q.offset {
		kind = "Offset"
	}
	name, narrow := kind, q.n < quads
	if narrow {
		name = "Narrow"
	}
	TEXT(fmt.Sprintf("%sQuad%d", name, q.rows), NOSPLIT, "func(q *Quad)")
	Pragma("noescape")
	count := fmt.Sprint(q.rows)
	if q.rows == mr {
		q.walk = &emit.Walk{Rows: mr}
		count += "*q.Panels"
	}
	doc := fmt.Sprintf("%sQuad%d is ref.%sQuadTile(q, %s), q being left as it is", name, q.rows, kind, count)
	if narrow {
		doc += ", q.N being 16 at most"
	}
	Doc(doc + ".")
	q.p = Dereference(Param("q"))
	q.masks()
	if !narrow {
		q.raw = newRaw(q.p, "NextRows")
	}
	if q.walk != nil {
		q.walk.Begin(q.p)
	}
	for i := range q.rows {
		for v := range q.n {
			VPXORQ(q.sum(i, v), q.sum(i, v), q.sum(i, v))
		}
	}
	if !q.offset {
		q.prefetch()
	}
	q.loop()
	q.finish()
	if q.walk != nil {
		q.walk.Next(q.p)
	}
	VZEROUPPER()
	RET()
}

// masks are those of the columns that are stored.
func (q *quad) masks() {
	ones := GP64()
	MOVQ(I32(-1), ones)
	if q.offset {
		cols, m := emit.Field(q.p, "Cols"), GP64()
		for v := range q.n {
			n := GP64()
			MOVLQSX(Mem{Base: cols, Disp: vector*v + vectorN}, n)
			BZHIQ(n, ones, m)
			KMOVW(m.As32(), q.mask(v))
		}
		return
	}
	BZHIQ(emit.Field(q.p, "N"), ones, ones)
	for v := range q.n {
		KMOVW(ones.As32(), q.mask(v))
		if v < q.n-1 {
			SHRQ(U8(wide/4), ones)
		}
	}
}

// place is where each vector of the rows at p begins: in a matrix of results or, for those of
// B, vectors of operands.
func (q *quad) place(p reg.GPVirtual, field int) (at [quads]Mem) {
	for v := range q.n {
		if !q.offset {
			at[v] = Mem{Base: p, Disp: wide * v}
			continue
		}
		cols, from := emit.Field(q.p, "Cols"), GP64()
		MOVLQSX(Mem{Base: cols, Disp: vector*v + field}, from)
		LEAQ(Mem{Base: p, Index: from, Scale: 4}, from)
		at[v] = Mem{Base: from}
	}
	return at
}

// down moves on to the next rows, step bytes away.
func (q *quad) down(at [quads]Mem, step reg.GPVirtual) {
	for v := range q.n {
		if v == 0 || q.offset {
			ADDQ(step, at[v].Base)
		}
	}
}

// prefetch asks for the rows of the residual, which the sums will need.
func (q *quad) prefetch() {
	residual := emit.Field(q.p, "Residual")
	emit.SkipNil(residual, "fetchedResidual", func() {
		at, ld := q.walk.Place(q.p, "Residual"), emit.Field(q.p, "LDC")
		for i := range q.rows {
			for v := range q.n {
				PREFETCHT1(Mem{Base: at, Disp: wide * v})
			}
			if i < q.rows-1 {
				LEAQ(Mem{Base: at, Index: ld, Scale: 4}, at)
			}
		}
	})
}

// loop accumulates the products over k.
func (q *quad) loop() {
	a, k := GP64(), emit.Field(q.p, "K")
	b := q.place(emit.Field(q.p, "B"), vectorSrc)
	var ld, off reg.GPVirtual
	if q.offset {
		off = emit.Field(q.p, "Off")
	} else {
		ld = emit.Field(q.p, "LDB")
		SHLQ(U8(2), ld)
	}
	if q.walk != nil {
		MOVQ(q.walk.A, a)
	} else {
		Load(q.p.Field("A"), a)
	}
	raw := q.raw.load()
	steps := func(name string, load func(from Mem, to reg.VecPhysical, v int)) {
		for _, n := range []int{unroll, 1} {
			loop, done := emit.Numbered(name+"Loop", n), emit.Numbered(name+"Done", n)
			Label(loop)
			SUBQ(U32(uint32(n)), k)
			JL(LabelRef(done))
			for u := range n {
				if n > 1 && u%2 == 0 { // so that the rows are fetched by the time two panels are done
					raw.fetch(emit.Numbered(name+"Fetched", u))
				}
				if q.offset {
					o := GP64()
					MOVLQSX(Mem{Base: off, Disp: 4 * u}, o)
					for v := range q.n {
						load(Mem{Base: b[v].Base, Index: o, Scale: 1}, q.b(v), v)
					}
				} else {
					for v := range q.n {
						load(b[v], q.b(v), v)
					}
					q.down(b, ld)
				}
				for i := range q.rows {
					VBROADCASTSS(Mem{Base: a, Disp: 4 * (mr*u + i)}, q.free(i))
					for v := range q.n {
						VFMADD231PS(q.free(i), q.b(v), q.sum(i, v))
					}
				}
			}
			ADDQ(U32(uint32(4*mr*n)), a)
			if q.offset {
				ADDQ(U8(4*n), off)
			}
			JMP(LabelRef(loop))
			Label(done)
			if n > 1 {
				ADDQ(U32(uint32(n)), k)
			}
		}
	}
	if !q.offset {
		// On processors of Intel a load under a mask takes a turn of a unit that multiplies: one of 28 in a step.
		CMPQ(emit.Addr(q.p, "N"), U8(wide/4*q.n))
		JGE(LabelRef("whole"))
		steps("part", func(from Mem, to reg.VecPhysical, v int) { VMOVUPS_Z(from, q.mask(v), to) })
		JMP(LabelRef("summed"))
		Label("whole")
	}
	steps("whole", func(from Mem, to reg.VecPhysical, _ int) { VMOVUPS(from, to) })
	if !q.offset {
		Label("summed")
	}
	q.raw.store(raw)
	if q.walk != nil {
		MOVQ(a, q.walk.A) // the next panel follows
	}
}

// finish adds the bias and the residual, clamps and stores.
func (q *quad) finish() {
	c, ld := q.place(q.walk.Place(q.p, "C"), vectorDst), emit.Field(q.p, "LDC")
	SHLQ(U8(2), ld)
	residual := emit.Field(q.p, "Residual")
	emit.SkipNil(residual, "noResidual", func() {
		q.addBias("Residual")
		res := q.place(q.walk.Place(q.p, "Residual"), vectorDst)
		q.each(func(i, v int) {
			VMOVUPS_Z(res[v], q.mask(v), q.free(v))
			VADDPS(q.free(v), q.sum(i, v), q.sum(i, v))
			if v == q.n-1 && i < q.rows-1 {
				q.down(res, ld)
			}
		})
		JMP(LabelRef("clamp"))
	})
	q.addBias("")
	Label("clamp")
	store := func(i, v int) {
		VMOVUPS(q.sum(i, v), q.mask(v), c[v])
		if q.n == quads && !q.offset { // to the right of the tile the next ones will be, unless it is the last
			PREFETCHT1(c[v].Offset(wide * quads))
		}
		if v == q.n-1 && i < q.rows-1 {
			q.down(c, ld)
		}
	}
	CMPB(emit.Addr(q.p, "Clamp"), U8(0))
	JEQ(LabelRef("store"))
	lo, hi := q.b(0), q.b(1)
	VBROADCASTSS(emit.Addr(q.p, "Lo"), lo)
	VBROADCASTSS(emit.Addr(q.p, "Hi"), hi)
	q.each(func(i, v int) {
		// The sum is the operand that the instruction returns when it is NaN.
		VMAXPS(q.sum(i, v), lo, q.sum(i, v))
		VMINPS(q.sum(i, v), hi, q.sum(i, v))
		store(i, v)
	})
	JMP(LabelRef("stored"))
	Label("store")
	q.each(store)
	Label("stored")
}

// addBias adds that of each row, if there is one.
func (q *quad) addBias(name string) {
	bias := emit.Field(q.p, "Bias")
	emit.SkipNil(bias, "noBias"+name, func() {
		if q.walk != nil {
			ADDQ(q.walk.MovedBias, bias)
		}
		q.each(func(i, v int) {
			if v == 0 {
				VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, q.free(i))
			}
			VADDPS(q.free(i), q.sum(i, v), q.sum(i, v))
		})
	})
}

func (q *quad) each(f func(i, v int)) {
	for i := range q.rows {
		for v := range q.n {
			f(i, v)
		}
	}
}

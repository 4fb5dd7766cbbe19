package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// field loads a pointer or an integer of the argument.
func field(p gotypes.Component, name string) reg.GPVirtual {
	r := GP64()
	Load(p.Field(name), r)
	return r
}

// addr is the address of a field of the argument.
func addr(p gotypes.Component, name string) Mem {
	b, err := p.Field(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// prefetchC asks for the rows of C, which are far apart, before the sums need them.
func (t *tile) prefetchC(p gotypes.Component) {
	c, ld := t.place(p, "C0"), field(p, "LDC")
	for i := range t.rows {
		PREFETCHT0(Mem{Base: c})
		PREFETCHT0(Mem{Base: c, Disp: vec*halves - 4})
		if i < t.rows-1 {
			LEAQ(Mem{Base: c, Index: ld, Scale: 4}, c)
		}
	}
}

// loop accumulates the products over k.
func (t *tile) loop(p gotypes.Component) {
	a, b0, k := GP64(), field(p, "B0"), field(p, "K")
	if t.rows == mr {
		MOVQ(t.a, a)
	} else {
		Load(p.Field("A"), a)
	}
	b1, off := b0, b0
	if t.kind == offset {
		b1, off = field(p, "B1"), field(p, "Off")
	}
	var s strides
	if t.kind == strided {
		s = newStrides(p, a)
	}
	for _, n := range []int{unroll, 1} {
		loop, done := label("loop", n), label("done", n)
		Label(loop)
		SUBQ(U32(uint32(n)), k)
		JL(LabelRef(done))
		for line := 0; line < 4*mr*n && n > 1 && t.kind != strided; line += 64 {
			PREFETCHT0(Mem{Base: a, Disp: aheadA + line})
		}
		for u := range n {
			if t.kind == offset {
				o := GP64()
				MOVLQSX(Mem{Base: off, Disp: 4 * u}, o)
				VMOVUPS(Mem{Base: b0, Index: o, Scale: 1}, reg.Y12)
				VMOVUPS(Mem{Base: b1, Index: o, Scale: 1}, reg.Y13)
			} else {
				VMOVUPS(Mem{Base: b0, Disp: vec * halves * u}, reg.Y12)
				VMOVUPS(Mem{Base: b0, Disp: vec*halves*u + vec}, reg.Y13)
			}
			for i := range t.rows {
				x := ymm(14 + i%2)
				if t.kind == strided {
					VBROADCASTSS(s.row(a, i), x)
				} else {
					VBROADCASTSS(Mem{Base: a, Disp: 4 * (mr*u + i)}, x)
				}
				VFMADD231PS(x, reg.Y12, acc(i, 0))
				VFMADD231PS(x, reg.Y13, acc(i, 1))
			}
			if t.kind == strided {
				ADDQ(s.step, a)
				ADDQ(s.step, s.low)
			}
		}
		if t.kind != strided {
			ADDQ(U32(uint32(4*mr*n)), a)
		}
		if t.kind == offset {
			ADDQ(U32(uint32(4*n)), off)
		} else {
			ADDQ(U32(uint32(vec*halves*n)), b0)
		}
		JMP(LabelRef(loop))
		Label(done)
		if n > 1 {
			ADDQ(U32(uint32(n)), k)
		}
	}
	if t.rows == mr && t.kind != strided {
		MOVQ(a, t.a) // the next panel follows
	}
}

// strides address a column of an A that is read in place: rows 0 to 2 from a,
// rows 3 to 5 from low.
type strides struct{ ld, step, low reg.GPVirtual }

func newStrides(p gotypes.Component, a reg.GPVirtual) strides {
	s := strides{ld: field(p, "RowA"), step: field(p, "StepA"), low: GP64()}
	SHLQ(Imm(2), s.ld)
	SHLQ(Imm(2), s.step)
	LEAQ(Mem{Base: a, Index: s.ld, Scale: 2}, s.low)
	ADDQ(s.ld, s.low)
	return s
}

func (s strides) row(a reg.GPVirtual, i int) Mem {
	m := Mem{Base: a}
	if i >= 3 {
		m.Base, i = s.low, i-3
	}
	if i > 0 {
		m.Index, m.Scale = s.ld, uint8(i)
	}
	return m
}

// epilogue finishes the sums and stores them, whole vectors where it can.
func (t *tile) epilogue(p gotypes.Component) {
	t.scale(p)
	n0, n1 := field(p, "N0"), field(p, "N1")
	n := GP64()
	MOVQ(n0, n)
	ADDQ(n1, n)
	CMPQ(n, U32(halves*vec/4))
	JNE(LabelRef("partial"))
	t.finish(p, "whole")
	JMP(LabelRef("finished"))

	Label("partial")
	table := GP64()
	LEAQ(t.masks, table)
	for h, n := range []reg.GPVirtual{n0, n1} {
		NEGQ(n)
		VMOVUPS(Mem{Base: table, Index: n, Scale: 4, Disp: vec}, mask(h))
	}
	t.finish(p, "masked")
	Label("finished")
}

// begin sets the walk over the panels up.
func (t *tile) begin(p gotypes.Component) {
	local := AllocLocal(32)
	t.panels, t.a, t.moved, t.movedBias = local, local.Offset(8), local.Offset(16), local.Offset(24)
	MOVQ(field(p, "Panels"), t.panels)
	MOVQ(field(p, "A"), t.a)
	MOVQ(U32(0), t.moved)
	MOVQ(U32(0), t.movedBias)
}

// next moves on to the panel below and goes back while there is one.
func (t *tile) next(p gotypes.Component) {
	if t.kind == strided {
		ld := field(p, "RowA")
		IMUL3Q(U8(4*mr), ld, ld)
		ADDQ(ld, t.a)
	}
	step := field(p, "LDC")
	IMUL3Q(U8(4*mr), step, step)
	ADDQ(step, t.moved)
	ADDQ(U8(4*mr), t.movedBias)
	DECQ(t.panels)
	JNE(LabelRef("panel"))
}

// place loads the pointer to a column of C or of the residual in this panel.
func (t *tile) place(p gotypes.Component, name string) reg.GPVirtual {
	r := field(p, name)
	if t.rows == mr {
		ADDQ(t.moved, r)
	}
	return r
}

func mask(h int) reg.VecPhysical { return ymm(14 + h) }

// scale multiplies the sums by Alpha.
func (t *tile) scale(p gotypes.Component) {
	skip(addr(p, "Scale"), "unscaled", func() {
		VBROADCASTSS(addr(p, "Alpha"), reg.Y12)
		t.each(func(i, h int) { VMULPS(reg.Y12, acc(i, h), acc(i, h)) })
	})
}

// finish adds what is to be added, clamps and stores.
func (t *tile) finish(p gotypes.Component, kind string) {
	masked := kind == "masked"
	ld := field(p, "LDC")
	SHLQ(Imm(2), ld)
	skip(addr(p, "Accumulate"), kind+"Fresh", func() {
		t.addRows(t.place(p, "C0"), t.place(p, "C1"), ld, masked)
	})
	bias := field(p, "BiasRow")
	skipNil(bias, kind+"NoBiasRow", func() {
		if t.rows == mr {
			ADDQ(t.movedBias, bias)
		}
		for i := range t.rows {
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, reg.Y12)
			for h := range halves {
				VADDPS(reg.Y12, acc(i, h), acc(i, h))
			}
		}
	})
	cols := field(p, "Bias0")
	skipNil(cols, kind+"NoBiasCol", func() {
		for h, b := range []reg.GPVirtual{cols, field(p, "Bias1")} {
			if masked {
				VMASKMOVPS(Mem{Base: b}, mask(h), ymm(12+h))
			} else {
				VMOVUPS(Mem{Base: b}, ymm(12+h))
			}
		}
		t.each(func(i, h int) { VADDPS(ymm(12+h), acc(i, h), acc(i, h)) })
	})
	res := field(p, "Res0")
	skipNil(res, kind+"NoResidual", func() { t.addRows(t.place(p, "Res0"), t.place(p, "Res1"), ld, masked) })
	skip(addr(p, "Clamp"), kind+"NoClamp", func() {
		VBROADCASTSS(addr(p, "Lo"), reg.Y12)
		VBROADCASTSS(addr(p, "Hi"), reg.Y13)
		// The sum is the operand that the instruction returns when it is NaN.
		t.each(func(i, h int) { VMAXPS(acc(i, h), reg.Y12, acc(i, h)) })
		t.each(func(i, h int) { VMINPS(acc(i, h), reg.Y13, acc(i, h)) })
	})
	c := []reg.GPVirtual{t.place(p, "C0"), t.place(p, "C1")}
	for i := range t.rows {
		for h := range halves {
			if masked {
				VMASKMOVPS(acc(i, h), mask(h), Mem{Base: c[h]})
			} else {
				VMOVUPS(acc(i, h), Mem{Base: c[h]})
			}
			if i < t.rows-1 {
				ADDQ(ld, c[h])
			}
		}
	}
}

// addRows adds the rows at the two pointers, ld bytes apart, to the sums.
func (t *tile) addRows(p0, p1, ld reg.GPVirtual, masked bool) {
	p := []reg.GPVirtual{p0, p1}
	for i := range t.rows {
		for h := range halves {
			if masked {
				VMASKMOVPS(Mem{Base: p[h]}, mask(h), reg.Y12)
				VADDPS(reg.Y12, acc(i, h), acc(i, h))
			} else {
				VADDPS(Mem{Base: p[h]}, acc(i, h), acc(i, h))
			}
			if i < t.rows-1 {
				ADDQ(ld, p[h])
			}
		}
	}
}

func (t *tile) each(f func(i, h int)) {
	for i := range t.rows {
		for h := range halves {
			f(i, h)
		}
	}
}

// skip emits body so that it runs where the flag is set.
func skip(flag Mem, name string, body func()) {
	CMPB(flag, Imm(0))
	JEQ(LabelRef(name))
	body()
	Label(name)
}

// skipNil emits body so that it runs where the pointer is not nil.
func skipNil(p reg.GPVirtual, name string, body func()) {
	TESTQ(p, p)
	JEQ(LabelRef(name))
	body()
	Label(name)
}

func label(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }

package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// prefetchC asks for the rows of C, which are far apart, before the sums need them.
func (t *tile) prefetchC(p gotypes.Component) {
	c, ld := t.walk.Place(p, "C0"), emit.Field(p, "LDC")
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
	a, b0, k := GP64(), emit.Field(p, "B0"), emit.Field(p, "K")
	if t.walk != nil {
		MOVQ(t.walk.A, a)
	} else {
		Load(p.Field("A"), a)
	}
	b1, off := b0, b0
	if t.kind == offset {
		b1, off = emit.Field(p, "B1"), emit.Field(p, "Off")
	}
	var s strides
	var next reg.GPVirtual // bytes from the end of a block to the next one
	unrolls := []int{unroll, 1}
	switch t.kind {
	case strided:
		s = newStrides(p, a)
	case turned: // whose k is a multiple of 16
		next, unrolls = emit.Bytes(p, "StepA"), unrolls[:1]
		SUBQ(U8(block), next)
	}
	for _, n := range unrolls {
		loop, done := emit.Numbered("loop", n), emit.Numbered("done", n)
		Label(loop)
		SUBQ(U32(uint32(n)), k)
		JL(LabelRef(done))
		for line := 0; line < 4*mr*n && n > 1 && t.packsA(); line += 64 {
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
				switch t.kind {
				case strided:
					VBROADCASTSS(s.row(a, i), x)
				case turned:
					VBROADCASTSS(Mem{Base: a, Disp: block*i + 4*u}, x)
				default:
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
		switch t.kind {
		case strided:
		case turned:
			ADDQ(U8(uint8(4*n)), a)
		default:
			ADDQ(U32(uint32(4*mr*n)), a)
		}
		if t.kind == offset {
			ADDQ(U32(uint32(4*n)), off)
		} else {
			ADDQ(U32(uint32(vec*halves*n)), b0)
		}
		if t.kind == turned {
			TESTB(U8(block/4-1), k.As8())
			JNE(LabelRef(loop))
			ADDQ(next, a)
		}
		JMP(LabelRef(loop))
		Label(done)
		if n > 1 {
			ADDQ(U32(uint32(n)), k)
		}
	}
	if t.walk != nil && t.packsA() {
		MOVQ(a, t.walk.A) // the next panel follows
	}
}

func (t *tile) packsA() bool { return t.kind == packed || t.kind == offset }

// strides address a column of an A that is read in place: rows 0 to 2 from a,
// rows 3 to 5 from low.
type strides struct{ ld, step, low reg.GPVirtual }

func newStrides(p gotypes.Component, a reg.GPVirtual) strides {
	s := strides{ld: emit.Field(p, "RowA"), step: emit.Field(p, "StepA"), low: GP64()}
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
	n0, n1 := emit.Field(p, "N0"), emit.Field(p, "N1")
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

func mask(h int) reg.VecPhysical { return ymm(14 + h) }

// scale multiplies the sums by Alpha.
func (t *tile) scale(p gotypes.Component) {
	emit.Skip(emit.Addr(p, "Scale"), "unscaled", func() {
		VBROADCASTSS(emit.Addr(p, "Alpha"), reg.Y12)
		t.each(func(i, h int) { VMULPS(reg.Y12, acc(i, h), acc(i, h)) })
	})
}

// finish adds what is to be added, clamps and stores.
func (t *tile) finish(p gotypes.Component, kind string) {
	masked := kind == "masked"
	ld := emit.Field(p, "LDC")
	SHLQ(Imm(2), ld)
	emit.Skip(emit.Addr(p, "Accumulate"), kind+"Fresh", func() {
		t.addRows(t.walk.Place(p, "C0"), t.walk.Place(p, "C1"), ld, masked)
	})
	bias := emit.Field(p, "BiasRow")
	emit.SkipNil(bias, kind+"NoBiasRow", func() {
		if t.walk != nil {
			ADDQ(t.walk.MovedBias, bias)
		}
		for i := range t.rows {
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, reg.Y12)
			for h := range halves {
				VADDPS(reg.Y12, acc(i, h), acc(i, h))
			}
		}
	})
	cols := emit.Field(p, "Bias0")
	emit.SkipNil(cols, kind+"NoBiasCol", func() {
		for h, b := range []reg.GPVirtual{cols, emit.Field(p, "Bias1")} {
			if masked {
				VMASKMOVPS(Mem{Base: b}, mask(h), ymm(12+h))
			} else {
				VMOVUPS(Mem{Base: b}, ymm(12+h))
			}
		}
		t.each(func(i, h int) { VADDPS(ymm(12+h), acc(i, h), acc(i, h)) })
	})
	res := emit.Field(p, "Res0")
	emit.SkipNil(res, kind+"NoResidual", func() { t.addRows(t.walk.Place(p, "Res0"), t.walk.Place(p, "Res1"), ld, masked) })
	emit.Skip(emit.Addr(p, "Clamp"), kind+"NoClamp", func() {
		VBROADCASTSS(emit.Addr(p, "Lo"), reg.Y12)
		VBROADCASTSS(emit.Addr(p, "Hi"), reg.Y13)
		// The sum is the operand that the instruction returns when it is NaN.
		t.each(func(i, h int) { VMAXPS(acc(i, h), reg.Y12, acc(i, h)) })
		t.each(func(i, h int) { VMINPS(acc(i, h), reg.Y13, acc(i, h)) })
	})
	c := []reg.GPVirtual{t.walk.Place(p, "C0"), t.walk.Place(p, "C1")}
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

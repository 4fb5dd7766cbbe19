package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// epilogue finishes the sums and stores them.
func (t *tiles) epilogue(p []gotypes.Component) {
	t.usual(p)
	t.masks(p)
	whole := t.whole(p)
	ld := emit.Field(p[0], "LDC")
	SHLQ(U8(2), ld)
	emit.Skip(emit.Addr(p[0], "Scale"), "unscaled", func() {
		VBROADCASTSS(emit.Addr(p[0], "Alpha"), t.free(0))
		t.each(func(i, j int) { VMULPS(t.free(0), t.sum(i, j), t.sum(i, j)) })
	})
	emit.Skip(emit.Addr(p[0], "Accumulate"), "fresh", func() {
		TESTQ(whole, whole)
		JEQ(LabelRef("addHalves"))
		t.rowsOf(p, "C0", ld, func(i, j int, at Mem) { VADDPS(at, t.sum(i, j), t.sum(i, j)) })
		JMP(LabelRef("fresh"))
		Label("addHalves")
		t.addHalves(p, "C", ld)
	})
	bias := emit.Field(p[0], "BiasRow")
	emit.SkipNil(bias, "noBiasRow", func() {
		if t.walk != nil {
			ADDQ(t.walk.MovedBias, bias)
		}
		for i := range t.rows {
			VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, t.free(0))
			for j := range t.n {
				VADDPS(t.free(0), t.sum(i, j), t.sum(i, j))
			}
		}
	})
	emit.SkipNil(emit.Field(p[0], "Bias0"), "noBiasCol", func() {
		for j := range t.n {
			loadHalves(j, emit.Field(p[j], "Bias0"), emit.Field(p[j], "Bias1"), t.free(j))
		}
		t.each(func(i, j int) { VADDPS(t.free(j), t.sum(i, j), t.sum(i, j)) })
	})
	emit.SkipNil(emit.Field(p[0], "Res0"), "noResidual", func() { t.addHalves(p, "Res", ld) })
	emit.Skip(emit.Addr(p[0], "Clamp"), "noClamp", func() {
		VBROADCASTSS(emit.Addr(p[0], "Lo"), t.free(0))
		VBROADCASTSS(emit.Addr(p[0], "Hi"), t.free(1))
		// The sum is the operand that the instruction returns when it is NaN.
		t.each(func(i, j int) { VMAXPS(t.sum(i, j), t.free(0), t.sum(i, j)) })
		t.each(func(i, j int) { VMINPS(t.sum(i, j), t.free(1), t.sum(i, j)) })
	})
	TESTQ(whole, whole)
	JEQ(LabelRef("storeHalves"))
	t.rowsOf(p, "C0", ld, func(i, j int, at Mem) { VMOVUPS(t.sum(i, j), at) })
	JMP(LabelRef("stored"))
	Label("storeHalves")
	for h := range halves {
		t.rowsOf(p, emit.Numbered("C", h), ld, func(i, j int, at Mem) { VMOVUPS(t.sum(i, j), stored(j, h), at.Offset(-half*h)) })
	}
	Label("stored")
}

// usual finishes and stores whole tiles to whose sums nothing is added but what is there, or a bias of
// the channels, row by row: fewer instructions than the general way, which follows.
func (t *tiles) usual(p []gotypes.Component) {
	if t.walk == nil {
		return
	}
	CMPB(emit.Addr(p[0], "Scale"), U8(0))
	JNE(LabelRef("general"))
	plain := []string{"Bias0", "Res0"}
	if t.turns() {
		plain = []string{"BiasRow", "Res0"}
	}
	for _, pointer := range plain {
		CMPQ(emit.Addr(p[0], pointer), U8(0))
		JNE(LabelRef("general"))
	}
	for j := range t.n {
		c := emit.Field(p[j], "C1")
		SUBQ(emit.Addr(p[j], "C0"), c)
		CMPQ(c, U8(half))
		JNE(LabelRef("general"))
		for h := range halves {
			CMPQ(emit.Addr(p[j], emit.Numbered("N", h)), U8(half/4))
			JNE(LabelRef("general"))
		}
	}
	ld, three := emit.Field(p[0], "LDC"), GP64()
	SHLQ(U8(2), ld)
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, three)
	var at []reg.GPVirtual
	for j := range t.n {
		at = append(at, t.walk.Place(p[j], "C0"))
	}
	row := func(i int, finish func(j int, sum reg.VecPhysical, to Mem)) {
		for j := range t.n {
			to := Mem{Base: at[j], Index: ld, Scale: uint8(i % 4)}
			switch i % 4 {
			case 0:
				to = Mem{Base: at[j]}
			case 3:
				to.Index, to.Scale = three, 1
			}
			finish(j, t.sum(i, j), to)
			VMOVUPS(t.sum(i, j), to)
			if i%4 == 3 && i < t.rows-1 {
				LEAQ(Mem{Base: at[j], Index: ld, Scale: 4}, at[j])
			}
		}
	}
	name := "BiasRow"
	if t.turns() {
		name = "Bias0"
	}
	bias := emit.Field(p[0], name)
	CMPB(emit.Addr(p[0], "Accumulate"), U8(0))
	JNE(LabelRef("accumulate"))
	TESTQ(bias, bias)
	JEQ(LabelRef("noBias"))
	// What is added to row i of tile j, which each row loads, or the first for all.
	b := func(i, j int) reg.VecPhysical { return t.free(2 + i%4) }
	load := func(i int) { VBROADCASTSS(Mem{Base: bias, Disp: 4 * i}, b(i, 0)) }
	if t.turns() {
		b = func(i, j int) reg.VecPhysical { return t.free(2 + j) }
		load = func(i int) {
			for j := 0; j < t.n && i == 0; j++ {
				VMOVUPS(Mem{Base: emit.Field(p[j], "Bias0")}, b(0, j).(reg.VecPhysical).AsY())
				VINSERTF32X8(U8(1), Mem{Base: emit.Field(p[j], "Bias1")}, b(0, j), b(0, j))
			}
		}
	} else {
		ADDQ(t.walk.MovedBias, bias)
	}
	CMPB(emit.Addr(p[0], "Clamp"), U8(0))
	JEQ(LabelRef("noBounds"))
	lo, hi := t.free(0), t.free(1)
	VBROADCASTSS(emit.Addr(p[0], "Lo"), lo)
	VBROADCASTSS(emit.Addr(p[0], "Hi"), hi)
	for i := range t.rows {
		load(i)
		row(i, func(j int, sum reg.VecPhysical, _ Mem) {
			VADDPS(b(i, j), sum, sum)
			VMAXPS(sum, lo, sum)
			VMINPS(sum, hi, sum)
		})
	}
	JMP(LabelRef("stored"))
	Label("noBounds")
	for i := range t.rows {
		load(i)
		row(i, func(j int, sum reg.VecPhysical, _ Mem) { VADDPS(b(i, j), sum, sum) })
	}
	JMP(LabelRef("stored"))
	Label("noBias")
	CMPB(emit.Addr(p[0], "Clamp"), U8(0))
	JNE(LabelRef("general"))
	for i := range t.rows {
		row(i, func(int, reg.VecPhysical, Mem) {})
	}
	JMP(LabelRef("stored"))
	Label("accumulate")
	TESTQ(bias, bias)
	JNE(LabelRef("general"))
	CMPB(emit.Addr(p[0], "Clamp"), U8(0))
	JNE(LabelRef("general"))
	for i := range t.rows {
		row(i, func(_ int, sum reg.VecPhysical, to Mem) { VADDPS(to, sum, sum) })
	}
	JMP(LabelRef("stored"))
	Label("general")
}

// turns reports whether the rows of A are pixels, so that channels, which have a bias, are
// columns.
func (t *tiles) turns() bool { return t.kind == strided || t.kind == turned }

// masks fills the masks of the lanes that are stored.
func (t *tiles) masks(p []gotypes.Component) {
	ones := GP32()
	MOVL(U32(0xff), ones)
	for j := range t.n {
		for h := range halves {
			m, n := GP32(), emit.Field(p[j], emit.Numbered("N", h))
			BZHIL(n.As32(), ones, m)
			if h == 1 {
				SHLL(U8(8), m)
			}
			KMOVW(m, stored(j, h))
		}
	}
}

// whole tells whether all of the tiles is stored, in whole vectors.
func (t *tiles) whole(p []gotypes.Component) reg.GPVirtual {
	whole := GP64()
	XORQ(whole, whole)
	for j := range t.n {
		n, c := emit.Field(p[j], "N0"), emit.Field(p[j], "C1")
		ADDQ(emit.Addr(p[j], "N1"), n)
		CMPQ(n, U8(wide/4))
		JNE(LabelRef("masked"))
		SUBQ(emit.Addr(p[j], "C0"), c)
		CMPQ(c, U8(half))
		JNE(LabelRef("masked"))
	}
	INCQ(whole)
	Label("masked")
	return whole
}

// rowsOf calls f with the address of each row of each tile at the pointer name.
func (t *tiles) rowsOf(p []gotypes.Component, name string, ld reg.GPVirtual, f func(i, j int, at Mem)) {
	for j := range t.n {
		at := t.walk.Place(p[j], name)
		for i := range t.rows {
			f(i, j, Mem{Base: at})
			if i < t.rows-1 {
				ADDQ(ld, at)
			}
		}
	}
}

// addHalves adds the rows at the pointers name0 and name1 to the sums.
func (t *tiles) addHalves(p []gotypes.Component, name string, ld reg.GPVirtual) {
	for j := range t.n {
		p0, p1 := t.walk.Place(p[j], name+"0"), t.walk.Place(p[j], name+"1")
		for i := range t.rows {
			loadHalves(j, p0, p1, t.free(i))
			VADDPS(t.free(i), t.sum(i, j), t.sum(i, j))
			if i < t.rows-1 {
				ADDQ(ld, p0)
				ADDQ(ld, p1)
			}
		}
	}
}

// loadHalves loads what is stored of a row of tile j. Lanes that are masked are
// not touched in memory, so p1 may be read from a half before it.
func loadHalves(j int, p0, p1 reg.GPVirtual, z reg.VecPhysical) {
	VMOVUPS_Z(Mem{Base: p0}, stored(j, 0), z)
	VMOVUPS(Mem{Base: p1, Disp: -half}, stored(j, 1), z)
}

func (t *tiles) each(f func(i, j int)) {
	for i := range t.rows {
		for j := range t.n {
			f(i, j)
		}
	}
}

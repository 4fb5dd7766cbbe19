package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose generates the transposition of 8 rows, 8 columns at a time.
func transpose() {
	text("TransposeRows", "(dst, src []float32, cols, ldd, lds int)")
	dst, src := pointer("dst"), pointer("src")
	cols := Load(Param("cols"), GP64())
	ldd, lds := Load(Param("ldd"), GP64()), Load(Param("lds"), GP64())
	SHLQ(U8(2), ldd)
	SHLQ(U8(2), lds)
	Label("block")
	SUBQ(U8(lanes), cols)
	JL(LabelRef("done"))
	var r []vec
	walk(src, lds, func(at Mem) {
		v := YMM()
		VMOVUPS(at, v)
		r = append(r, v)
	})
	pairs := make([]vec, 8) // pairs[2i], pairs[2i+1]: columns of rows 2i and 2i+1
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VUNPCKLPS(r[i+1], r[i], pairs[i])
		VUNPCKHPS(r[i+1], r[i], pairs[i+1])
	}
	quads := make([]vec, 8) // quads[4h+c]: columns c and c+4 of rows 4h to 4h+3
	for h := range 2 {
		for c := range 4 {
			quads[4*h+c] = YMM()
			a, b := pairs[4*h+c/2], pairs[4*h+2+c/2]
			if c%2 == 0 {
				VSHUFPS(U8(0x44), b, a, quads[4*h+c])
			} else {
				VSHUFPS(U8(0xee), b, a, quads[4*h+c])
			}
		}
	}
	i := 0
	walk(dst, ldd, func(at Mem) {
		v := YMM()
		if i < 4 {
			VINSERTF128(U8(1), quads[4+i].AsX(), quads[i], v)
		} else {
			VPERM2F128(U8(0x31), quads[i], quads[i-4], v)
		}
		VMOVUPS(v, at)
		i++
	})
	ADDQ(U8(32), src)
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// walk calls f with the addresses of 8 rows.
func walk(base, stride reg.Register, f func(at Mem)) {
	p, three := GP64(), GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, three)
	MOVQ(base, p)
	for i := range 8 {
		switch i % 4 {
		case 0:
			f(Mem{Base: p})
		case 1, 2:
			f(Mem{Base: p, Index: stride, Scale: uint8(i % 4)})
		case 3:
			f(Mem{Base: p, Index: three, Scale: 1})
			LEAQ(Mem{Base: p, Index: stride, Scale: 4}, p)
		}
	}
}

// repeat generates rows of n elements that are all alike.
func repeat() {
	text("Repeat", "(dst, x []float32, n int)")
	dst, x := pointer("dst"), pointer("x")
	left := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	whole, rest := Load(Param("n"), GP64()).(reg.GPVirtual), GP64()
	MOVQ(whole, rest)
	ANDQ(U8(lanes-1), rest)
	SUBQ(rest, whole)
	m, at, v := loadMask(rest), GP64(), YMM()
	Label("row")
	DECQ(left)
	JL(LabelRef("done"))
	VBROADCASTSS(Mem{Base: x}, v)
	ADDQ(U8(4), x)
	XORQ(at, at)
	Label("vectors")
	CMPQ(at, whole)
	JGE(LabelRef("tail"))
	VMOVUPS(v, Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(U8(lanes), at)
	JMP(LabelRef("vectors"))
	Label("tail")
	LEAQ(Mem{Base: dst, Index: whole, Scale: 4}, dst)
	TESTQ(rest, rest)
	JZ(LabelRef("row"))
	VMASKMOVPS(v, m, Mem{Base: dst})
	LEAQ(Mem{Base: dst, Index: rest, Scale: 4}, dst)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// fromUint8 generates the conversion of whole vectors; n is a multiple of 8.
func fromUint8() {
	text("FromUint8", "(dst []float32, x []uint8, high, low float32)")
	dst, x := pointer("dst"), pointer("x")
	n := Load(Param("dst").Len(), GP64())
	high, low := broadcast("high"), broadcast("low")
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("done"))
	v, rest := YMM(), YMM()
	VPMOVZXBD(Mem{Base: x}, v)
	v = fromInt(v)
	VMULPS(low, v, rest)
	VMOVUPS(fma(v, high, rest), Mem{Base: dst})
	ADDQ(U8(lanes), x)
	ADDQ(U8(4*lanes), dst)
	JMP(LabelRef("vectors"))
	Label("done")
	VZEROUPPER()
	RET()
}

// splitJoin generates the separation of even from odd elements and its inverse.
func splitJoin() {
	text("Split", "(even, odd, src []float32)")
	even, odd, src := pointer("even"), pointer("odd"), pointer("src")
	n := Load(Param("even").Len(), GP64())
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("done"))
	a, b, e, o := YMM(), YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: src}, a)
	VMOVUPS(Mem{Base: src, Disp: 32}, b)
	VSHUFPS(U8(0x88), b, a, e)
	VSHUFPS(U8(0xdd), b, a, o)
	// Quarters are in the order 0, 2, 1, 3.
	VPERMPD(U8(0xd8), e, e)
	VPERMPD(U8(0xd8), o, o)
	VMOVUPS(e, Mem{Base: even})
	VMOVUPS(o, Mem{Base: odd})
	ADDQ(U8(64), src)
	ADDQ(U8(32), even)
	ADDQ(U8(32), odd)
	JMP(LabelRef("vectors"))
	Label("done")
	VZEROUPPER()
	RET()

	text("Join", "(dst, even, odd []float32)")
	dst := pointer("dst")
	even, odd = pointer("even"), pointer("odd")
	n = Load(Param("even").Len(), GP64())
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("done"))
	e, o = YMM(), YMM()
	low, high, v := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: even}, e)
	VMOVUPS(Mem{Base: odd}, o)
	VUNPCKLPS(o, e, low)
	VUNPCKHPS(o, e, high)
	VINSERTF128(U8(1), high.AsX(), low, v)
	VMOVUPS(v, Mem{Base: dst})
	VPERM2F128(U8(0x31), high, low, v)
	VMOVUPS(v, Mem{Base: dst, Disp: 32})
	ADDQ(U8(64), dst)
	ADDQ(U8(32), even)
	ADDQ(U8(32), odd)
	JMP(LabelRef("vectors"))
	Label("done")
	VZEROUPPER()
	RET()
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

// infinity is that of float32, in bits.
const infinity = 0x7f800000

// spreadWide generates the step to planes for 16 pixels at a time, all their channels in
// registers. The last 16 pixels overlap those before.
func spreadWide() {
	TEXT("Spread", NOSPLIT, "func(p *Planes)")
	Pragma("noescape")
	Doc("Spread is ref.Spread(p) for p.N of at least 16.")
	p := Dereference(Param("p"))
	src, dst, bias, res := field(p, "Src"), field(p, "Dst"), field(p, "Bias"), field(p, "Residual")
	rows, ld, last := field(p, "Rows"), emit.Bytes(p, "LD"), field(p, "N")
	lo, hi := ZMM(), ZMM()
	VBROADCASTSS(addr(p, "Lo"), lo)
	VBROADCASTSS(addr(p, "Hi"), hi)
	SUBQ(U8(ref.NR), last)
	channels := ZMM() // the bias of each
	VPXORQ(channels, channels, channels)
	TESTQ(bias, bias)
	JEQ(LabelRef("first"))
	ones, stored := GP32(), reg.K1
	MOVL(U32(0xffff), ones)
	BZHIL(rows.As32(), ones, ones)
	KMOVW(ones, stored)
	VMOVUPS_Z(Mem{Base: bias}, stored, channels)

	Label("first")
	k := GP64()
	XORQ(k, k)
	Label("pixels")
	from, to, with := GP64(), GP64(), GP64()
	MOVQ(k, from)
	SHLQ(U8(6), from) // k·NR floats
	ADDQ(src, from)
	LEAQ(Mem{Base: dst, Index: k, Scale: word}, to)
	LEAQ(Mem{Base: res, Index: k, Scale: word}, with)
	v := make([]reg.VecVirtual, ref.NR)
	for i := range v {
		v[i] = ZMM()
		VADDPS(Mem{Base: from, Disp: panel * i}, channels, v[i])
	}
	v = turnWide(v)
	TESTQ(res, res)
	JEQ(LabelRef("clamp"))
	eachRow(rows, "clamp", func(i int) {
		VADDPS(Mem{Base: with}, v[i], v[i])
		ADDQ(ld, with)
	})
	Label("clamp")
	clamp := func(i int, below, above bool) {
		if below {
			VMAXPS(v[i], lo, v[i]) // returns v where it is NaN
		}
		if above {
			VMINPS(v[i], hi, v[i])
		}
		VMOVUPS(v[i], Mem{Base: to})
		ADDQ(ld, to)
	}
	CMPQ(rows, U8(ref.NR))
	JL(LabelRef("general"))
	CMPL(addr(p, "Hi"), U32(infinity))
	JNE(LabelRef("general"))
	CMPL(addr(p, "Lo"), U32(infinity|1<<31))
	JE(LabelRef("unbounded"))
	for i := range v { // a ReLU's bounds
		clamp(i, true, false)
	}
	JMP(LabelRef("next"))
	Label("unbounded")
	for i := range v {
		clamp(i, false, false)
	}
	JMP(LabelRef("next"))
	Label("general")
	eachRow(rows, "next", func(i int) { clamp(i, true, true) })
	Label("next")
	CMPQ(k, last)
	JGE(LabelRef("done"))
	ADDQ(U8(ref.NR), k)
	CMPQ(k, last)
	JLE(LabelRef("pixels"))
	MOVQ(last, k)
	JMP(LabelRef("pixels"))
	Label("done")
	VZEROUPPER()
	RET()
}

// eachRow emits body for each of 16 rows, and a jump to the label after the last there is.
func eachRow(rows reg.GPVirtual, label string, body func(i int)) {
	for i := range ref.NR {
		if i > 0 {
			CMPQ(rows, U8(uint8(i)))
			JLE(LabelRef(label))
		}
		body(i)
	}
}

// turnWide returns the columns of a square of 16 rows.
func turnWide(v []reg.VecVirtual) []reg.VecVirtual {
	w := func(f func(z reg.VecVirtual)) reg.VecVirtual {
		z := ZMM()
		f(z)
		return z
	}
	lower := func(a, b reg.VecVirtual) reg.VecVirtual { // quarters 0 and 2 of a, then of b
		return w(func(z reg.VecVirtual) { VSHUFF32X4(U8(0x88), b, a, z) })
	}
	upper := func(a, b reg.VecVirtual) reg.VecVirtual { // quarters 1 and 3
		return w(func(z reg.VecVirtual) { VSHUFF32X4(U8(0xdd), b, a, z) })
	}
	t, u, out := make([]reg.VecVirtual, len(v)), make([]reg.VecVirtual, len(v)), make([]reg.VecVirtual, len(v))
	for i := 0; i < len(v); i += 2 {
		t[i] = w(func(z reg.VecVirtual) { VUNPCKLPS(v[i+1], v[i], z) })
		t[i+1] = w(func(z reg.VecVirtual) { VUNPCKHPS(v[i+1], v[i], z) })
	}
	for i := range v { // quarter q of u[4g+c] is column 4q+c of four rows
		a, b := t[i&^3+i&2/2], t[i&^3+i&2/2+2]
		if i&1 == 0 {
			u[i] = w(func(z reg.VecVirtual) { VUNPCKLPD(b, a, z) })
		} else {
			u[i] = w(func(z reg.VecVirtual) { VUNPCKHPD(b, a, z) })
		}
	}
	for c := range few {
		even, odd := lower(u[c], u[4+c]), upper(u[c], u[4+c])
		even2, odd2 := lower(u[8+c], u[12+c]), upper(u[8+c], u[12+c])
		out[c], out[8+c] = lower(even, even2), upper(even, even2)
		out[4+c], out[12+c] = lower(odd, odd2), upper(odd, odd2)
	}
	return out
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

const few = 4 // channels that are turned at a time

// spread generates the step to planes: four channels of eight pixels at a time,
// for all pixels of these channels. The last eight pixels overlap those before.
func spread() {
	TEXT("Spread", NOSPLIT, "func(p *Planes)")
	Pragma("noescape")
	Doc("Spread is ref.Spread(p) for p.N of at least 8.")
	zeros := GLOBL("spreadZeros", RODATA|NOPTR)
	for i := range ref.NR {
		DATA(word*i, F32(0))
	}
	p := Dereference(Param("p"))
	src, dst, bias, res := field(p, "Src"), field(p, "Dst"), field(p, "Bias"), field(p, "Residual")
	rows, ld, last := field(p, "Rows"), emit.Bytes(p, "LD"), field(p, "N")
	lo, hi := YMM(), YMM()
	VBROADCASTSS(addr(p, "Lo"), lo)
	VBROADCASTSS(addr(p, "Hi"), hi)
	SUBQ(U8(lanes), last)
	TESTQ(bias, bias)
	JNE(LabelRef("few"))
	LEAQ(zeros, bias)

	Label("few")
	k := GP64()
	XORQ(k, k)
	Label("pixels")
	start := GP64()
	LEAQ(Mem{Base: dst, Index: k, Scale: word}, start)
	to, with := newWalk(start, ld, few), walk{near: GP64(), far: GP64(), step: ld}
	TESTQ(res, res)
	JEQ(LabelRef("turn"))
	LEAQ(Mem{Base: res, Index: k, Scale: word}, start)
	MOVQ(start, with.near)
	LEAQ(Mem{Base: start, Index: ld, Scale: 2}, with.far)
	ADDQ(ld, with.far)
	Label("turn")
	from := GP64()
	MOVQ(k, from)
	SHLQ(U8(6), from) // k·NR floats
	ADDQ(src, from)
	for i, v := range turn(from) {
		row := fmt.Sprintf("row%d", i)
		if i > 0 {
			CMPQ(rows, U8(uint8(i)))
			JLE(LabelRef("next"))
		}
		b := YMM()
		VBROADCASTSS(Mem{Base: bias, Disp: word * i}, b)
		VADDPS(b, v, v)
		TESTQ(res, res)
		JEQ(LabelRef(row))
		VADDPS(with.at(i), v, v)
		Label(row)
		VMAXPS(v, lo, v) // returns v where it is NaN
		VMINPS(v, hi, v)
		VMOVUPS(v, to.at(i))
	}
	Label("next")
	CMPQ(k, last)
	JGE(LabelRef("nextFew"))
	ADDQ(U8(lanes), k)
	CMPQ(k, last)
	JLE(LabelRef("pixels"))
	MOVQ(last, k)
	JMP(LabelRef("pixels"))

	Label("nextFew")
	SUBQ(U8(few), rows)
	JLE(LabelRef("done"))
	ADDQ(U8(few*word), src)
	ADDQ(U8(few*word), bias)
	LEAQ(Mem{Base: dst, Index: ld, Scale: few}, dst)
	TESTQ(res, res)
	JEQ(LabelRef("few"))
	LEAQ(Mem{Base: res, Index: ld, Scale: few}, res)
	JMP(LabelRef("few"))
	Label("done")
	VZEROUPPER()
	RET()
}

// turn loads four channels of eight pixels and returns a vector for each channel.
func turn(from reg.GPVirtual) [few]reg.VecVirtual {
	const pixel = word * ref.NR
	var v, w, out [few]reg.VecVirtual
	for i := range v { // pixels i and i+4
		x := XMM()
		v[i] = YMM()
		VMOVUPS(Mem{Base: from, Disp: pixel * i}, x)
		VINSERTF128(U8(1), Mem{Base: from, Disp: pixel * (i + few)}, x.AsY(), v[i])
	}
	for i := range 2 {
		w[2*i], w[2*i+1] = YMM(), YMM()
		VUNPCKLPS(v[2*i+1], v[2*i], w[2*i]) // channel 0 of two pixels, channel 1
		VUNPCKHPS(v[2*i+1], v[2*i], w[2*i+1])
	}
	for i := range 2 {
		out[2*i], out[2*i+1] = YMM(), YMM()
		VUNPCKLPD(w[2+i], w[i], out[2*i])
		VUNPCKHPD(w[2+i], w[i], out[2*i+1])
	}
	return out
}

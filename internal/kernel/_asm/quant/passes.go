package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// passes go over vectors whose lengths are multiples of 8, or of what their comments say.
func passes() {
	low := lowBytes()
	pass("Requantize", "(dst []uint8, src []int32, bias int32, scale, lo, hi float32, zero int32)", func() func(i reg.GPVirtual) {
		src, bias, scale, store := pointer("src"), integers("bias"), floats("scale"), rounding(low)
		return func(i reg.GPVirtual) {
			v := YMM()
			VPADDD(Mem{Base: src, Index: i, Scale: 4}, bias, v)
			VCVTDQ2PS(v, v)
			VMULPS(scale, v, v)
			store(v, i)
		}
	})
	pass("RequantizeColumns", "(dst []uint8, src, bias []int32, scale []float32, lo, hi float32, zero int32)", func() func(i reg.GPVirtual) {
		src, bias, scale, store := pointer("src"), pointer("bias"), pointer("scale"), rounding(low)
		return func(i reg.GPVirtual) {
			v := YMM()
			VMOVDQU(Mem{Base: src, Index: i, Scale: 4}, v)
			VPADDD(Mem{Base: bias, Index: i, Scale: 4}, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(Mem{Base: scale, Index: i, Scale: 4}, v, v)
			store(v, i)
		}
	})
	pass("Quantize", "(dst []uint8, x []float32, scale, lo, hi float32, zero int32)", func() func(i reg.GPVirtual) {
		x, scale, store := pointer("x"), floats("scale"), rounding(low)
		return func(i reg.GPVirtual) {
			v := YMM()
			VMOVUPS(Mem{Base: x, Index: i, Scale: 4}, v)
			VDIVPS(scale, v, v)
			store(v, i)
		}
	})
	pass("RoundScaled", "(dst []uint8, x []float32, scale, lo, hi float32, zero int32)", func() func(i reg.GPVirtual) {
		x, scale, store := pointer("x"), floats("scale"), rounding(low)
		return func(i reg.GPVirtual) {
			v := YMM()
			VMULPS(Mem{Base: x, Index: i, Scale: 4}, scale, v)
			store(v, i)
		}
	})
	pass("Dequantize", "(dst []float32, x []uint8, flip uint8, scale float32, zero int32)", func() func(i reg.GPVirtual) {
		dst, x, flip, scale, zero := pointer("dst"), pointer("x"), flips(), floats("scale"), integers("zero")
		return func(i reg.GPVirtual) {
			v := YMM()
			VPMOVZXBD(Mem{Base: x, Index: i, Scale: 1}, v)
			VPXOR(flip, v, v)
			VPSUBD(zero, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(scale, v, v)
			VMOVUPS(v, Mem{Base: dst, Index: i, Scale: 4})
		}
	})
	pass("AddQuantized", "(dst, a, b []uint8, flip uint8, scaleA, scaleB, fixed, lo, hi float32)", func() func(i reg.GPVirtual) {
		a, b, flip, scaleA, scaleB, fixed := pointer("a"), pointer("b"), flips(), floats("scaleA"), floats("scaleB"), floats("fixed")
		zero := YMM()
		VPXOR(zero, zero, zero)
		store := roundingTo(low, zero)
		return func(i reg.GPVirtual) {
			x, y := YMM(), YMM()
			for _, v := range []struct {
				at  reg.GPVirtual
				reg reg.VecVirtual
			}{{a, x}, {b, y}} {
				VPMOVZXBD(Mem{Base: v.at, Index: i, Scale: 1}, v.reg)
				VPXOR(flip, v.reg, v.reg)
				VPSUBD(flip, v.reg, v.reg)
				VCVTDQ2PS(v.reg, v.reg)
			}
			VFMADD213PS(fixed, scaleB, y)
			VFMADD213PS(y, scaleA, x)
			store(x, i)
		}
	})
	interleave()
	maxBytes()
}

// lowBytes are the places of the lowest bytes of four words, in each half of a vector.
func lowBytes() Mem {
	m := GLOBL("lowBytes", RODATA|NOPTR)
	for half := range 2 {
		DATA(16*half, U64(0xffffffff0c080400))
		DATA(16*half+8, U64(0xffffffffffffffff))
	}
	return m
}

// pass emits a loop over eight elements at a time.
func pass(name, signature string, prepare func() func(i reg.GPVirtual)) {
	TEXT(name, NOSPLIT, "func"+signature)
	Pragma("noescape")
	Doc(name + " is that of package ref, of a multiple of 8 elements.")
	n := Load(Param("dst").Len(), GP64())
	body := prepare()
	i := GP64()
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	body(i)
	ADDQ(U8(8), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func pointer(name string) reg.GPVirtual {
	r := GP64()
	Load(Param(name).Base(), r)
	return r
}

func address(name string) Mem {
	at, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return at.Addr
}

func floats(name string) reg.VecVirtual {
	v := YMM()
	VBROADCASTSS(address(name), v)
	return v
}

// integers moves bits, as floats does.
func integers(name string) reg.VecVirtual {
	return floats(name)
}

// flips is the byte flip as eight integers.
func flips() reg.VecVirtual {
	b, v := GP32(), YMM()
	Load(Param("flip"), b)
	VMOVD(b, v.AsX())
	VPBROADCASTD(v.AsX(), v)
	return v
}

// rounding returns what clamps and rounds eight floats and stores them as bytes.
func rounding(low Mem) func(v reg.VecVirtual, i reg.GPVirtual) {
	return roundingTo(low, integers("zero"))
}

func roundingTo(low Mem, zero reg.VecVirtual) func(v reg.VecVirtual, i reg.GPVirtual) {
	dst, lo, hi, places := pointer("dst"), floats("lo"), floats("hi"), YMM()
	VMOVDQU(low, places)
	return func(v reg.VecVirtual, i reg.GPVirtual) {
		VMAXPS(lo, v, v)
		VMINPS(hi, v, v)
		VCVTPS2DQ(v, v)
		VPADDD(zero, v, v)
		VPSHUFB(places, v, v)
		upper := XMM()
		VEXTRACTI128(U8(1), v, upper)
		VPUNPCKLDQ(upper, v.AsX(), upper)
		VMOVQ(upper, Mem{Base: dst, Index: i, Scale: 1})
	}
}

// interleave takes 16 elements of each row at a time.
func interleave() {
	TEXT("Interleave", NOSPLIT, "func(dst, src *uint8, stride, n int, flip uint8)")
	Pragma("noescape")
	Doc("Interleave is ref.Interleave(dst, src, stride, n, flip), of a multiple of 16 elements.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	stride, n := Load(Param("stride"), GP64()), Load(Param("n"), GP64())
	flip, b := XMM(), GP32()
	Load(Param("flip"), b)
	VMOVD(b, flip)
	VPBROADCASTB(flip, flip)
	third := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, third)
	rows := [4]reg.VecVirtual{XMM(), XMM(), XMM(), XMM()}
	places := [4]Mem{{Base: src}, {Base: src, Index: stride, Scale: 1}, {Base: src, Index: stride, Scale: 2}, {Base: src, Index: third, Scale: 1}}
	JMP(LabelRef("test"))
	Label("loop")
	for t := range rows {
		VPXOR(places[t], flip, rows[t])
	}
	at := 0
	first, second := XMM(), XMM()
	word := XMM()
	for half := range 2 {
		unpack := VPUNPCKLBW
		if half == 1 {
			unpack = VPUNPCKHBW
		}
		unpack(rows[1], rows[0], first)
		unpack(rows[3], rows[2], second)
		VPUNPCKLWD(second, first, word)
		VMOVDQU(word, Mem{Base: dst, Disp: at})
		VPUNPCKHWD(second, first, word)
		VMOVDQU(word, Mem{Base: dst, Disp: at + 16})
		at += 32
	}
	ADDQ(U8(64), dst)
	ADDQ(U8(16), src)
	Label("test")
	SUBQ(U8(16), n)
	JGE(LabelRef("loop"))
	RET()
}

// maxBytes takes 32 elements at a time.
func maxBytes() {
	TEXT("MaxBytes", NOSPLIT, "func(dst, a, b []uint8, flip uint8)")
	Pragma("noescape")
	Doc("MaxBytes is ref.MaxBytes(dst, a, b, flip), of a multiple of 32 elements.")
	dst, a, b, n := pointer("dst"), pointer("a"), pointer("b"), Load(Param("dst").Len(), GP64())
	flip, f := YMM(), GP32()
	Load(Param("flip"), f)
	VMOVD(f, flip.AsX())
	VPBROADCASTB(flip.AsX(), flip)
	i := GP64()
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	x, y := YMM(), YMM()
	VPXOR(Mem{Base: a, Index: i, Scale: 1}, flip, x)
	VPXOR(Mem{Base: b, Index: i, Scale: 1}, flip, y)
	VPMAXUB(x, y, x)
	VPXOR(flip, x, x)
	VMOVDQU(x, Mem{Base: dst, Index: i, Scale: 1})
	ADDQ(U8(32), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

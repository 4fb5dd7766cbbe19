package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// widePasses round the sums of tiles, of which there are a multiple of 16.
func widePasses() {
	widePass("Requantize", "(dst []uint8, src []int32, bias int32, scale, lo, hi float32, zero int32)", func() func(v reg.VecVirtual, i reg.GPVirtual) {
		bias, scale := ZMM(), ZMM()
		VBROADCASTSS(address("bias"), bias)
		VBROADCASTSS(address("scale"), scale)
		return func(v reg.VecVirtual, i reg.GPVirtual) {
			VPADDD(bias, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(scale, v, v)
		}
	})
	widePass("RequantizeColumns", "(dst []uint8, src, bias []int32, scale []float32, lo, hi float32, zero int32)", func() func(v reg.VecVirtual, i reg.GPVirtual) {
		bias, scale := pointer("bias"), pointer("scale")
		return func(v reg.VecVirtual, i reg.GPVirtual) {
			VPADDD(Mem{Base: bias, Index: i, Scale: 4}, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(Mem{Base: scale, Index: i, Scale: 4}, v, v)
		}
	})
}

func widePass(name, signature string, prepare func() func(v reg.VecVirtual, i reg.GPVirtual)) {
	TEXT(name, NOSPLIT, "func"+signature)
	Pragma("noescape")
	Doc(name + " is that of package ref, of a multiple of 16 elements.")
	dst, src, n := pointer("dst"), pointer("src"), Load(Param("dst").Len(), GP64())
	scaled := prepare()
	lo, hi, zero := ZMM(), ZMM(), ZMM()
	VBROADCASTSS(address("lo"), lo)
	VBROADCASTSS(address("hi"), hi)
	VBROADCASTSS(address("zero"), zero)
	i := GP64()
	XORQ(i, i)
	JMP(LabelRef("test"))
	Label("loop")
	v := ZMM()
	VMOVDQU32(Mem{Base: src, Index: i, Scale: 4}, v)
	scaled(v, i)
	VMAXPS(lo, v, v)
	VMINPS(hi, v, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
	VPMOVDB(v, Mem{Base: dst, Index: i, Scale: 1})
	ADDQ(U8(16), i)
	Label("test")
	CMPQ(i, n)
	JL(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// copyRows generates the copies of rows, whole and of every second element.
func copyRows(masks Mem) {
	for stride := 1; stride <= 2; stride++ {
		TEXT(fmt.Sprintf("CopyRows%d", stride), NOSPLIT, "func(dst, src *float32, rows, n, dstLD, srcLD int)")
		Pragma("noescape")
		Doc(fmt.Sprintf("CopyRows%d is ref.CopyRows(dst, src, rows, n, dstLD, srcLD, %d).", stride, stride))
		load := func(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }
		dst, src, rows, dstLD, srcLD := load("dst"), load("src"), load("rows"), load("dstLD"), load("srcLD")
		// The last vector is always masked: one of stride 2 would read past its end.
		rest, n := GP64(), GP64()
		MOVQ(load("n"), rest)
		DECQ(rest)
		ANDQ(U8(lanes-1), rest)
		INCQ(rest) // 1 to 8 in the masked last vector
		loadMask(masks, rest, reg.Y3)
		if stride == 2 {
			// The same for the even elements of the two vectors of the source.
			VXORPS(reg.Y0, reg.Y0, reg.Y0)
			VPERMPD(U8(0x10), reg.Y3, reg.Y4)
			VPERMPD(U8(0x32), reg.Y3, reg.Y5)
			VUNPCKLPS(reg.Y0, reg.Y4, reg.Y4)
			VUNPCKLPS(reg.Y0, reg.Y5, reg.Y5)
		}
		rowBody(stride, dst, src, rows, dstLD, srcLD, n)
	}
}

func rowBody(stride int, dst, src, rows, dstLD, srcLD, n reg.GPVirtual) {
	d, s := GP64(), GP64()
	Label("row")
	DECQ(rows)
	JL(LabelRef("done"))
	MOVQ(dst, d)
	MOVQ(src, s)
	Load(Param("n"), n)
	Label("vector")
	CMPQ(n, U8(lanes))
	JLE(LabelRef("last"))
	VMOVUPS(Mem{Base: s}, reg.Y0)
	if stride == 2 {
		VSHUFPS(U8(0x88), Mem{Base: s, Disp: word * lanes}, reg.Y0, reg.Y0)
		VPERMPD(U8(0xd8), reg.Y0, reg.Y0)
	}
	VMOVUPS(reg.Y0, Mem{Base: d})
	ADDQ(U8(uint8(stride*word*lanes)), s)
	ADDQ(U8(word*lanes), d)
	SUBQ(U8(lanes), n)
	JMP(LabelRef("vector"))

	Label("last")
	if stride == 1 {
		VMASKMOVPS(Mem{Base: s}, reg.Y3, reg.Y0)
	} else {
		VMASKMOVPS(Mem{Base: s}, reg.Y4, reg.Y0)
		VMASKMOVPS(Mem{Base: s, Disp: word * lanes}, reg.Y5, reg.Y1)
		VSHUFPS(U8(0x88), reg.Y1, reg.Y0, reg.Y0)
		VPERMPD(U8(0xd8), reg.Y0, reg.Y0)
	}
	VMASKMOVPS(reg.Y0, reg.Y3, Mem{Base: d})
	LEAQ(Mem{Base: dst, Index: dstLD, Scale: word}, dst)
	LEAQ(Mem{Base: src, Index: srcLD, Scale: word}, src)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

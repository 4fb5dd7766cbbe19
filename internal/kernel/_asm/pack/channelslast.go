package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

// channelsLast generates the step from planes to pixels, for eight pixels at a time. There are
// eight planes, and not a pixel's 16: of those that are a page apart, as planes of 32x32
// are, the first-level cache does not hold more lines.
func channelsLast() {
	TEXT("ChannelsLast", NOSPLIT, "func(p *Pixels)")
	Pragma("noescape")
	Doc("ChannelsLast is ref.ChannelsLast(p) for p.N of at least 1.")
	masks := GLOBL("packMasks", RODATA|NOPTR) // n lanes begin at word lanes-n
	for i := range 2 * lanes {
		DATA(word*i, U32(0xffffffff*uint32((2*lanes-1-i)/lanes)))
	}
	p := Dereference(Param("p"))
	src, dst, rows, n := emit.Field(p, "Src"), emit.Field(p, "Dst"), emit.Field(p, "Rows"), emit.Field(p, "N")
	ld, left, three, from := emit.Bytes(p, "LD"), emit.Field(p, "W"), GP64(), GP64() // left of a row
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, three)
	panel := GP64() // from the planes of a pixel to the next ones, which are fetched
	MOVQ(ld, panel)
	SHLQ(U8(4), panel)

	Label("block")
	CMPQ(rows, U8(lanes))
	JL(LabelRef("some"))
	CMPQ(n, U8(lanes))
	JL(LabelRef("some"))
	LEAQ(Mem{Base: src, Index: ld, Scale: 4}, from)
	for i, base := range []reg.GPVirtual{src, from} {
		VMOVUPS(Mem{Base: base}, ymm(4*i))
		VMOVUPS(Mem{Base: base, Index: ld, Scale: 1}, ymm(4*i+1))
		VMOVUPS(Mem{Base: base, Index: ld, Scale: 2}, ymm(4*i+2))
		VMOVUPS(Mem{Base: base, Index: three, Scale: 1}, ymm(4*i+3))
	}
	TESTQ(U32(word*lanes), src)
	JNE(LabelRef("turn"))
	for _, base := range []reg.GPVirtual{src, from} {
		ADDQ(panel, base)
		PREFETCHT1(Mem{Base: base})
		PREFETCHT1(Mem{Base: base, Index: ld, Scale: 1})
		PREFETCHT1(Mem{Base: base, Index: ld, Scale: 2})
		PREFETCHT1(Mem{Base: base, Index: three, Scale: 1})
	}
	SUBQ(panel, src)
	JMP(LabelRef("turn"))
	Label("some")
	const mask = lanes
	pixels := GP64()
	MOVQ(U32(lanes), pixels)
	CMPQ(n, pixels)
	CMOVQLT(n, pixels)
	LEAQ(masks.Offset(word*lanes), from)
	SHLQ(U8(2), pixels)
	SUBQ(pixels, from)
	VMOVUPS(Mem{Base: from}, ymm(mask))
	for i := range lanes {
		VXORPS(ymm(i), ymm(i), ymm(i))
	}
	MOVQ(src, from)
	for i := range lanes {
		CMPQ(rows, U8(uint8(i)))
		JLE(LabelRef("turn"))
		VMASKMOVPS(Mem{Base: from}, ymm(mask), ymm(i))
		ADDQ(ld, from)
	}

	Label("turn")
	transpose8()
	Label("store")
	ADDQ(U8(word*lanes), src)
	CMPQ(n, U8(lanes))
	JL(LabelRef("singles"))
	CMPQ(left, U8(lanes))
	JL(LabelRef("singles"))
	for i := range lanes {
		VMOVUPS(ymm(i), Mem{Base: dst, Disp: word * ref.NR * i})
	}
	ADDQ(U32(lanes*word*ref.NR), dst)
	SUBQ(U8(lanes), n)
	JEQ(LabelRef("done"))
	SUBQ(U8(lanes), left)
	JNE(LabelRef("block"))
	between(p, left, dst, "gap", lanes)
	JMP(LabelRef("block"))
	Label("singles")
	for i := range lanes {
		within := emit.Numbered("within", i)
		VMOVUPS(ymm(i), Mem{Base: dst})
		ADDQ(U8(word*ref.NR), dst)
		DECQ(n)
		JEQ(LabelRef("done"))
		DECQ(left)
		JNE(LabelRef(within))
		between(p, left, dst, emit.Numbered("gap", i), lanes)
		Label(within)
	}
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}

// between emits zeros between two rows, from a register that is free, and begins the next row.
func between(p gotypes.Component, left, dst reg.GPVirtual, name string, free int) {
	gap := emit.Field(p, "Gap")
	MOVQ(emit.Addr(p, "W"), left)
	VXORPS(ymm(free), ymm(free), ymm(free))
	Label(name)
	DECQ(gap)
	JL(LabelRef(name + "Done"))
	VMOVUPS(ymm(free), Mem{Base: dst})
	ADDQ(U8(word*ref.NR), dst)
	JMP(LabelRef(name))
	Label(name + "Done")
}

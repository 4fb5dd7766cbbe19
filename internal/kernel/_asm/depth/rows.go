package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// copyRows generates the copies of rows, whole and of every second element. A
// row's last vector overlaps the one before; rows shorter than a vector are
// masked.
func copyRows(masks Mem) {
	for stride := 1; stride <= 2; stride++ {
		TEXT(fmt.Sprintf("CopyRows%d", stride), NOSPLIT, "func(dst, src *float32, rows, n, dstLD, srcLD int)")
		Pragma("noescape")
		Doc(fmt.Sprintf("CopyRows%d is ref.CopyRows(dst, src, rows, n, dstLD, srcLD, %d).", stride, stride))
		load := func(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }
		r := rows{stride: stride, dst: load("dst"), src: load("src"), rows: load("rows"), dstLD: load("dstLD"), srcLD: load("srcLD")}
		n := load("n")
		CMPQ(n, U8(lanes))
		JL(LabelRef("short"))
		r.whole(n)
		Label("short")
		r.short(masks, n)
	}
}

type rows struct {
	stride                       int
	dst, src, rows, dstLD, srcLD reg.GPVirtual
}

// next moves on to the next row.
func (r rows) next(loop string) {
	LEAQ(Mem{Base: r.dst, Index: r.dstLD, Scale: word}, r.dst)
	LEAQ(Mem{Base: r.src, Index: r.srcLD, Scale: word}, r.src)
	JMP(LabelRef(loop))
}

// whole copies rows of a vector or more.
func (r rows) whole(n reg.GPVirtual) {
	last, at := GP64(), GP64()
	MOVQ(n, last)
	SUBQ(U8(lanes), last)
	Label("row")
	DECQ(r.rows)
	JL(LabelRef("done"))
	XORQ(at, at)
	Label("vector")
	CMPQ(at, last)
	JGE(LabelRef("last"))
	if r.stride == 1 {
		VMOVUPS(Mem{Base: r.src, Index: at, Scale: word}, reg.Y0)
	} else {
		VMOVUPS(Mem{Base: r.src, Index: at, Scale: 2 * word}, reg.Y0)
		VSHUFPS(U8(0x88), Mem{Base: r.src, Index: at, Scale: 2 * word, Disp: word * lanes}, reg.Y0, reg.Y0) // 0 2 8 10 | 4 6 12 14
		VPERMPD(U8(0xd8), reg.Y0, reg.Y0)
	}
	VMOVUPS(reg.Y0, Mem{Base: r.dst, Index: at, Scale: word})
	ADDQ(U8(lanes), at)
	JMP(LabelRef("vector"))

	Label("last")
	if r.stride == 1 {
		VMOVUPS(Mem{Base: r.src, Index: last, Scale: word}, reg.Y0)
	} else { // the second half from one element earlier, not to read past the end
		VMOVUPS(Mem{Base: r.src, Index: last, Scale: 2 * word}, reg.Y0)
		VSHUFPS(U8(0xd8), Mem{Base: r.src, Index: last, Scale: 2 * word, Disp: word * (lanes - 1)}, reg.Y0, reg.Y0)
		VPERMPD(U8(0xd8), reg.Y0, reg.Y0)
	}
	VMOVUPS(reg.Y0, Mem{Base: r.dst, Index: last, Scale: word})
	r.next("row")
	Label("done")
	VZEROUPPER()
	RET()
}

// short copies rows of less than a vector.
func (r rows) short(masks Mem, n reg.GPVirtual) {
	loadMask(masks, n, reg.Y3)
	if r.stride == 2 {
		// The same for the even elements of the two vectors of the source.
		VXORPS(reg.Y0, reg.Y0, reg.Y0)
		VPERMPD(U8(0x10), reg.Y3, reg.Y4)
		VPERMPD(U8(0x32), reg.Y3, reg.Y5)
		VUNPCKLPS(reg.Y0, reg.Y4, reg.Y4)
		VUNPCKLPS(reg.Y0, reg.Y5, reg.Y5)
	}
	Label("shortRow")
	DECQ(r.rows)
	JL(LabelRef("shortDone"))
	if r.stride == 1 {
		VMASKMOVPS(Mem{Base: r.src}, reg.Y3, reg.Y0)
	} else {
		VMASKMOVPS(Mem{Base: r.src}, reg.Y4, reg.Y0)
		VMASKMOVPS(Mem{Base: r.src, Disp: word * lanes}, reg.Y5, reg.Y1)
		VSHUFPS(U8(0x88), reg.Y1, reg.Y0, reg.Y0)
		VPERMPD(U8(0xd8), reg.Y0, reg.Y0)
	}
	VMASKMOVPS(reg.Y0, reg.Y3, Mem{Base: r.dst})
	r.next("shortRow")
	Label("shortDone")
	VZEROUPPER()
	RET()
}

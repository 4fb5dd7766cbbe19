// Command pack generates the kernels that bring strips of a matrix into the
// order in which the product kernels read them.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanes = 8
	word  = 4 // bytes of a float32
	strip = 6 // rows of a strip of A; a strip of B has 16
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx2")
	packCopy(strip)
	packCopy(2 * lanes)
	packCopies()
	packTranspose(strip)
	packTranspose(2 * lanes)
	packGather()
	channelsLast()
	fetch()
	zip()
	Generate()
}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func begin(name string, width int) (dst, src, ld, k reg.GPVirtual) {
	TEXT(fmt.Sprintf("%s%d", name, width), NOSPLIT, "func(dst, src *float32, ld, k int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%d is ref.%s(dst, src, ld, k, %d).", name, width, name, width))
	dst, src, ld, k = GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	Load(Param("ld"), ld)
	Load(Param("k"), k)
	SHLQ(U8(2), ld)
	return dst, src, ld, k
}

func packCopy(width int) {
	dst, src, ld, k := begin("PackCopy", width)
	Label("loop")
	DECQ(k)
	JL(LabelRef("done"))
	if width == strip {
		VMOVUPS(Mem{Base: src}, reg.X0)
		VMOVSD(Mem{Base: src, Disp: 4 * word}, reg.X1)
		VMOVUPS(reg.X0, Mem{Base: dst})
		VMOVSD(reg.X1, Mem{Base: dst, Disp: 4 * word})
	} else {
		for h := range width / lanes {
			VMOVUPS(Mem{Base: src, Disp: word * lanes * h}, ymm(h))
			VMOVUPS(ymm(h), Mem{Base: dst, Disp: word * lanes * h})
		}
	}
	ADDQ(ld, src)
	ADDQ(U32(uint32(word*width)), dst)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// packCopies takes a row of four panels at a time: rows may be a page apart, and looking
// their pages up takes longer than copying.
func packCopies() {
	TEXT("PackCopies", NOSPLIT, "func(dst, src *float32, ld, k int)")
	Pragma("noescape")
	Doc("PackCopies is ref.PackCopies(dst, src, ld, k).")
	dst, src, ld, k := GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	Load(Param("ld"), ld)
	Load(Param("k"), k)
	SHLQ(U8(2), ld)
	panel, third := GP64(), GP64()
	MOVQ(k, panel)
	SHLQ(U8(6), panel)
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, third)
	Label("loop")
	DECQ(k)
	JL(LabelRef("done"))
	to := []Mem{{Base: dst}, {Base: dst, Index: panel, Scale: 1}, {Base: dst, Index: panel, Scale: 2}, {Base: dst, Index: third, Scale: 1}}
	for p := range to {
		for h := range 2 {
			y := ymm(2*p + h)
			VMOVUPS(Mem{Base: src, Disp: word * lanes * (2*p + h)}, y)
			VMOVUPS(y, to[p].Offset(word*lanes*h))
		}
	}
	ADDQ(ld, src)
	ADDQ(U8(2*word*lanes), dst)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

// packTranspose turns blocks of up to 8 rows and 16 columns, a line of the cache of each row
// while it is there, then of 8 columns, then single columns: rows that are a page apart
// drive each other out of the first-level cache.
func packTranspose(width int) {
	dst, src, ld, k := begin("PackTranspose", width)
	p, panel := GP64(), GP64()
	IMUL3Q(U8(width), ld, panel)
	for _, cols := range []int{2 * lanes, lanes} {
		blocks, done := fmt.Sprintf("blocks%d", cols), fmt.Sprintf("done%d", cols)
		Label(blocks)
		SUBQ(U8(cols), k)
		JL(LabelRef(done))
		for first := 0; first < width; first += lanes {
			for col := 0; col < cols; col += lanes {
				turn(dst, src, ld, p, panel, width, first, col)
			}
		}
		ADDQ(U8(cols*word), src)
		ADDQ(U32(uint32(cols*word*width)), dst)
		JMP(LabelRef(blocks))
		Label(done)
		ADDQ(U8(cols), k)
	}
	Label("column")
	DECQ(k)
	JL(LabelRef("done"))
	MOVQ(src, p)
	for i := range width {
		x := ymm(i % 2).AsX()
		VMOVSS(Mem{Base: p}, x)
		VMOVSS(x, Mem{Base: dst, Disp: word * i})
		if i < width-1 {
			ADDQ(ld, p)
		}
	}
	ADDQ(U8(word), src)
	ADDQ(U32(uint32(word*width)), dst)
	JMP(LabelRef("column"))
	Label("done")
	VZEROUPPER()
	RET()
}

// turn transposes up to 8 rows and 8 columns, from the row first, 0 or 8, and the column col on.
func turn(dst, src, ld, p, panel reg.GPVirtual, width, first, col int) {
	rows := min(lanes, width-first)
	MOVQ(src, p)
	if first > 0 {
		LEAQ(Mem{Base: p, Index: ld, Scale: uint8(first)}, p)
	}
	for i := range rows {
		VMOVUPS(Mem{Base: p, Disp: word * col}, ymm(i))
		if col > 0 && width > lanes {
			PREFETCHT1(Mem{Base: p, Index: panel, Scale: 1})
		}
		ADDQ(ld, p)
	}
	transpose8()
	for i := range lanes {
		to := Mem{Base: dst, Disp: word * (width*(col+i) + first)}
		if rows == lanes {
			VMOVUPS(ymm(i), to)
			continue
		}
		VMOVUPS(ymm(i).AsX(), to)
		VEXTRACTF128(U8(1), ymm(i), ymm(i).AsX())
		VMOVSD(ymm(i).AsX(), to.Offset(4*word))
	}
}

// packGather is packTranspose of 16 rows that lie where a table says.
func packGather() {
	const width = 2 * lanes
	TEXT("PackGather16", NOSPLIT, "func(dst, src *float32, off *int32, k int)")
	Pragma("noescape")
	Doc("PackGather16 is ref.PackGather.")
	dst, src, off, k, p := GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	Load(Param("off"), off)
	Load(Param("k"), k)
	Label("blocks")
	SUBQ(U8(lanes), k)
	JL(LabelRef("columns"))
	for first := 0; first < width; first += lanes {
		for i := range lanes {
			MOVLQSX(Mem{Base: off, Disp: word * (first + i)}, p)
			VMOVUPS(Mem{Base: src, Index: p, Scale: 1}, ymm(i))
		}
		transpose8()
		for i := range lanes {
			VMOVUPS(ymm(i), Mem{Base: dst, Disp: word * (width*i + first)})
		}
	}
	ADDQ(U8(lanes*word), src)
	ADDQ(U32(uint32(lanes*word*width)), dst)
	JMP(LabelRef("blocks"))

	Label("columns")
	ADDQ(U8(lanes), k)
	Label("column")
	DECQ(k)
	JL(LabelRef("done"))
	for i := range width {
		x := ymm(i % 2).AsX()
		MOVLQSX(Mem{Base: off, Disp: word * i}, p)
		VMOVSS(Mem{Base: src, Index: p, Scale: 1}, x)
		VMOVSS(x, Mem{Base: dst, Disp: word * i})
	}
	ADDQ(U8(word), src)
	ADDQ(U32(uint32(word*width)), dst)
	JMP(LabelRef("column"))
	Label("done")
	VZEROUPPER()
	RET()
}

// transpose8 transposes the 8x8 matrix in Y0 to Y7, with Y8 to Y15 to work in.
func transpose8() {
	transposeHalves()
	for i := range 4 { // halves
		VPERM2F128(U8(0x31), ymm(4+i), ymm(i), ymm(8+i))
		VPERM2F128(U8(0x20), ymm(4+i), ymm(i), ymm(i))
	}
	for i := range 4 {
		VMOVAPS(ymm(8+i), ymm(4+i))
	}
}

// transposeHalves transposes 4x4 matrices, each in a half of four registers, Y0 to Y3 or Y4 to Y7, with
// Y8 to Y15 to work in.
func transposeHalves() {
	for i := 0; i < lanes; i += 2 { // pairs of rows: a0 b0 a1 b1 | ...
		VUNPCKLPS(ymm(i+1), ymm(i), ymm(8+i))
		VUNPCKHPS(ymm(i+1), ymm(i), ymm(9+i))
	}
	for i := 0; i < lanes; i += 4 { // quadruples: column j of rows i..i+3 in each half
		VSHUFPS(U8(0x44), ymm(8+i+2), ymm(8+i), ymm(i))
		VSHUFPS(U8(0xee), ymm(8+i+2), ymm(8+i), ymm(i+1))
		VSHUFPS(U8(0x44), ymm(9+i+2), ymm(9+i), ymm(i+2))
		VSHUFPS(U8(0xee), ymm(9+i+2), ymm(9+i), ymm(i+3))
	}
}

// zip generates the interleaving of two rows.
func zip() {
	TEXT("Zip2", NOSPLIT, "func(dst, even, odd *float32, n int)")
	Pragma("noescape")
	Doc("Zip2 is ref.Zip(dst, even, odd, n).")
	dst, even, odd, n := GP64(), GP64(), GP64(), GP64()
	Load(Param("dst"), dst)
	Load(Param("even"), even)
	Load(Param("odd"), odd)
	Load(Param("n"), n)
	Label("blocks")
	SUBQ(U8(2*lanes), n)
	JL(LabelRef("rest"))
	VMOVUPS(Mem{Base: even}, reg.Y0)
	VMOVUPS(Mem{Base: odd}, reg.Y1)
	VUNPCKLPS(reg.Y1, reg.Y0, reg.Y2)
	VUNPCKHPS(reg.Y1, reg.Y0, reg.Y3)
	VPERM2F128(U8(0x20), reg.Y3, reg.Y2, reg.Y0)
	VPERM2F128(U8(0x31), reg.Y3, reg.Y2, reg.Y1)
	VMOVUPS(reg.Y0, Mem{Base: dst})
	VMOVUPS(reg.Y1, Mem{Base: dst, Disp: lanes * word})
	ADDQ(U8(lanes*word), even)
	ADDQ(U8(lanes*word), odd)
	ADDQ(U8(2*lanes*word), dst)
	JMP(LabelRef("blocks"))
	Label("rest")
	ADDQ(U8(2*lanes), n)
	CMPQ(n, U8(lanes))
	JL(LabelRef("singles"))
	VMOVUPS(Mem{Base: even}, reg.X0)
	VMOVUPS(Mem{Base: odd}, reg.X1)
	VUNPCKLPS(reg.X1, reg.X0, reg.X2)
	VUNPCKHPS(reg.X1, reg.X0, reg.X3)
	VMOVUPS(reg.X2, Mem{Base: dst})
	VMOVUPS(reg.X3, Mem{Base: dst, Disp: lanes / 2 * word})
	ADDQ(U8(lanes/2*word), even)
	ADDQ(U8(lanes/2*word), odd)
	ADDQ(U8(lanes*word), dst)
	SUBQ(U8(lanes), n)
	Label("singles")
	for _, from := range []reg.GPVirtual{even, odd} {
		DECQ(n)
		JL(LabelRef("done"))
		VMOVSS(Mem{Base: from}, reg.X0)
		VMOVSS(reg.X0, Mem{Base: dst})
		ADDQ(U8(word), from)
		ADDQ(U8(word), dst)
	}
	JMP(LabelRef("singles"))
	Label("done")
	VZEROUPPER()
	RET()
}

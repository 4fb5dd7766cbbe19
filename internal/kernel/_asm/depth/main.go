// Command depth generates the kernels of depthwise convolution.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	word   = 4
	lanes  = 8
	record = 3 * word // size of a ref.Vector: Src, Dst, N
	group  = 8        // vectors at a time
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx2")
	masks := maskTable()
	conv(masks)
	grad(masks)
	copyRows(masks)
	Generate()
}

// maskTable is 8 words of ones and 8 of zeros: n lanes begin at word 8-n.
func maskTable() Mem {
	m := GLOBL("depthMasks", RODATA|NOPTR)
	for i := range 2 * lanes {
		v := U32(0)
		if i < lanes {
			v = 0xffffffff
		}
		DATA(word*i, v)
	}
	return m
}

// loadMask loads the mask of the n first lanes; n is spent.
func loadMask(table Mem, n reg.GPVirtual, mask reg.VecPhysical) {
	base := GP64()
	LEAQ(table, base)
	NEGQ(n)
	VMOVUPS(Mem{Base: base, Index: n, Scale: word, Disp: word * lanes}, mask)
}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func field(p gotypes.Component, name string) reg.GPVirtual {
	r := GP64()
	Load(p.Field(name), r)
	return r
}

func addr(p gotypes.Component, name string) Mem {
	b, err := p.Field(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

func begin(name, doc string) gotypes.Component {
	TEXT(name, NOSPLIT, "func(d *Depth)")
	Pragma("noescape")
	Doc(doc)
	return Param("d")
}

// conv generates the convolution: the sums of eight vectors are in Y0 to Y7.
func conv(masks Mem) {
	arg := begin("DepthConv", "DepthConv is ref.DepthConv(d).")
	local := AllocLocal(16)
	vectors, groups := local, local.Offset(8)
	p := Dereference(arg)
	MOVQ(field(p, "Vectors"), vectors)
	MOVQ(field(p, "Groups"), groups)

	Label("group")
	DECQ(groups)
	JL(LabelRef("done"))
	v, x := GP64(), field(p, "X")
	MOVQ(vectors, v)
	src := make([]reg.GPVirtual, group)
	for i := range src {
		src[i] = GP64()
		MOVLQSX(Mem{Base: v, Disp: record * i}, src[i])
		LEAQ(Mem{Base: x, Index: src[i], Scale: word}, src[i])
		VBROADCASTSS(addr(p, "Bias"), ymm(i))
	}
	w, off, k := field(p, "W"), field(p, "Off"), field(p, "K")
	Label("tap")
	o := GP64()
	MOVLQSX(Mem{Base: off}, o)
	VBROADCASTSS(Mem{Base: w}, reg.Y8)
	for i := range src {
		VFMADD231PS(Mem{Base: src[i], Index: o, Scale: 1}, reg.Y8, ymm(i))
	}
	ADDQ(U8(word), off)
	ADDQ(U8(word), w)
	DECQ(k)
	JNE(LabelRef("tap"))

	VBROADCASTSS(addr(p, "Lo"), reg.Y9)
	VBROADCASTSS(addr(p, "Hi"), reg.Y10)
	y, res := field(p, "Y"), field(p, "Residual")
	MOVQ(vectors, v)
	ADDQ(U8(record*group), vectors)
	for i := range src {
		store(p, masks, i, v, y, res)
	}
	JMP(LabelRef("group"))
	Label("done")
	VZEROUPPER()
	RET()
}

// store finishes and stores vector i of a group. The sum is the operand that
// maximum and minimum return when it is NaN.
func store(p gotypes.Component, masks Mem, i int, v, y, res reg.GPVirtual) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, i) }
	dst, n := GP64(), GP64()
	MOVLQSX(Mem{Base: v, Disp: record*i + word}, dst)
	MOVLQSX(Mem{Base: v, Disp: record*i + 2*word}, n)
	CMPQ(n, U8(lanes))
	JNE(LabelRef(name("masked")))
	TESTQ(res, res)
	JEQ(LabelRef(name("plain")))
	VADDPS(Mem{Base: res, Index: dst, Scale: word}, ymm(i), ymm(i))
	Label(name("plain"))
	clamp(p, i, name("unclamped"))
	VMOVUPS(ymm(i), Mem{Base: y, Index: dst, Scale: word})
	JMP(LabelRef(name("stored")))

	Label(name("masked"))
	loadMask(masks, n, reg.Y12)
	TESTQ(res, res)
	JEQ(LabelRef(name("plainMasked")))
	VMASKMOVPS(Mem{Base: res, Index: dst, Scale: word}, reg.Y12, reg.Y11)
	VADDPS(reg.Y11, ymm(i), ymm(i))
	Label(name("plainMasked"))
	clamp(p, i, name("unclampedMasked"))
	VMASKMOVPS(ymm(i), reg.Y12, Mem{Base: y, Index: dst, Scale: word})
	Label(name("stored"))
}

func clamp(p gotypes.Component, i int, skip string) {
	CMPB(addr(p, "Clamp"), Imm(0))
	JEQ(LabelRef(skip))
	VMAXPS(ymm(i), reg.Y9, ymm(i))
	VMINPS(ymm(i), reg.Y10, ymm(i))
	Label(skip)
}

// grad generates the weight gradient: passes of six taps, then of three. A pass
// takes two vectors at a time, with sums of their own, so that no sum waits for
// its last addition.
func grad(masks Mem) {
	arg := begin("DepthGrad", "DepthGrad is ref.DepthGrad(d).")
	local := AllocLocal(24)
	left, off, sum := local, local.Offset(8), local.Offset(16)
	p := Dereference(arg)
	MOVQ(field(p, "K"), left)
	MOVQ(field(p, "Off"), off)
	MOVQ(field(p, "W"), sum)
	for _, taps := range []int{6, 3} {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, taps) }
		Label(name("pass"))
		CMPQ(left, U8(uint8(taps)))
		JL(LabelRef(name("next")))
		gradPass(p, masks, taps, off, sum, name)
		ADDQ(U8(uint8(word*taps)), off)
		ADDQ(U32(uint32(word*lanes*taps)), sum)
		SUBQ(U8(uint8(taps)), left)
		JMP(LabelRef(name("pass")))
		Label(name("next"))
	}
	VZEROUPPER()
	RET()
}

func gradPass(p gotypes.Component, masks Mem, taps int, off, sum Mem, name func(string) string) {
	table, at := GP64(), GP64()
	MOVQ(off, table)
	MOVQ(sum, at)
	offs := make([]reg.GPVirtual, taps)
	for i := range offs {
		offs[i] = GP64()
		MOVLQSX(Mem{Base: table, Disp: word * i}, offs[i])
		VMOVUPS(Mem{Base: at, Disp: word * lanes * i}, ymm(i))
		VXORPS(ymm(taps+i), ymm(taps+i), ymm(taps+i))
	}
	v, n, s, d := field(p, "Vectors"), field(p, "Groups"), GP64(), GP64()
	load := func(i int, dy reg.VecPhysical) {
		MOVLQSX(Mem{Base: v, Disp: record * i}, s)
		MOVLQSX(Mem{Base: v, Disp: record*i + word}, d)
		SHLQ(U8(2), s)
		ADDQ(addr(p, "X"), s)
		SHLQ(U8(2), d)
		ADDQ(addr(p, "Y"), d)
	}
	Label(name("pair"))
	CMPQ(n, U8(2))
	JL(LabelRef(name("single")))
	CMPL(Mem{Base: v, Disp: record + 2*word}, U8(lanes)) // the second; the short ones are last
	JNE(LabelRef(name("single")))
	for i := range 2 {
		load(i, reg.Y12)
		VMOVUPS(Mem{Base: d}, reg.Y12)
		for j := range taps {
			VFMADD231PS(Mem{Base: s, Index: offs[j], Scale: 1}, reg.Y12, ymm(taps*i+j))
		}
	}
	ADDQ(U8(2*record), v)
	SUBQ(U8(2), n)
	JMP(LabelRef(name("pair")))

	Label(name("single"))
	DECQ(n)
	JL(LabelRef(name("end")))
	count := GP64()
	MOVLQSX(Mem{Base: v, Disp: 2 * word}, count)
	loadMask(masks, count, reg.Y13)
	load(0, reg.Y12)
	VMASKMOVPS(Mem{Base: d}, reg.Y13, reg.Y12)
	for j := range taps {
		VMASKMOVPS(Mem{Base: s, Index: offs[j], Scale: 1}, reg.Y13, reg.Y14)
		VFMADD231PS(reg.Y14, reg.Y12, ymm(j))
	}
	ADDQ(U8(record), v)
	JMP(LabelRef(name("single")))

	Label(name("end"))
	MOVQ(sum, at)
	for i := range taps {
		VADDPS(ymm(taps+i), ymm(i), ymm(i))
		VMOVUPS(ymm(i), Mem{Base: at, Disp: word * lanes * i})
	}
}

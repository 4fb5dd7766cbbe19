// Command strassen generates the passes around the seven products of Strassen's method: the
// sums that are multiplied, and those that the products make.
package main

import (
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

var (
	lanes  = 8 // floats of a register
	vector = YMM
)

func main() {
	ConstraintExpr("amd64,!purego")
	isa := os.Args[len(os.Args)-1] // parsing the flag would open the files
	Package("memprobe/internal/kernel/" + isa)
	if isa == "avx512" {
		lanes, vector = 16, ZMM
	}
	sumRows()
	joinQuarters()
	Generate()
}

func sumRows() {
	TEXT("SumRows", NOSPLIT, "func(s *RowSums)")
	Pragma("noescape")
	Doc("SumRows is ref.SumRows(s).")
	p := Dereference(Param("s"))
	minus := GP64()
	Load(p.Field("Minus"), minus.As8())
	TESTB(minus.As8(), minus.As8())
	JNE(LabelRef("minus"))
	rowsOf(p, "Plus", func(a, b reg.VecVirtual) { VADDPS(b, a, a) }, func(a, b reg.VecVirtual) { VADDSS(b.AsX(), a.AsX(), a.AsX()) })
	Label("minus")
	rowsOf(p, "Minus", func(a, b reg.VecVirtual) { VSUBPS(b, a, a) }, func(a, b reg.VecVirtual) { VSUBSS(b.AsX(), a.AsX(), a.AsX()) })
}

// rowsOf emits a loop over rows that ends the function.
func rowsOf(p gotypes.Component, name string, op, one func(a, b reg.VecVirtual)) {
	dst, a, b, rows := emit.Field(p, "Dst"), emit.Field(p, "A"), emit.Field(p, "B"), emit.Field(p, "Rows")
	ldd, lda, ldb := emit.Bytes(p, "LDD"), emit.Bytes(p, "LDA"), emit.Bytes(p, "LDB")
	label := func(s string) string { return s + name }
	TESTQ(rows, rows)
	JE(LabelRef(label("done")))
	Label(label("row"))
	j, left := GP64(), emit.Field(p, "N")
	XORQ(j, j)
	step := func(n int) {
		loop, next := label(fmt.Sprintf("by%d", n)), label(fmt.Sprintf("after%d", n))
		Label(loop)
		SUBQ(U8(uint8(n*lanes)), left)
		JL(LabelRef(next))
		for u := range n {
			at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Index: j, Scale: 4, Disp: 4 * lanes * u} }
			x, y := vector(), vector()
			VMOVUPS(at(a), x)
			VMOVUPS(at(b), y)
			op(x, y)
			VMOVUPS(x, at(dst))
		}
		ADDQ(U8(uint8(n*lanes)), j)
		JMP(LabelRef(loop))
		Label(next)
		ADDQ(U8(uint8(n*lanes)), left)
	}
	step(4)
	step(1)
	at := func(base reg.GPVirtual) Mem { return Mem{Base: base, Index: j, Scale: 4} }
	x, y := vector(), vector()
	if lanes == 16 {
		TESTQ(left, left)
		JE(LabelRef(label("next")))
		ones, tail := GP64(), K()
		MOVQ(U32(0xffff), ones)
		BZHIQ(left, ones, ones)
		KMOVW(ones.As32(), tail)
		VMOVUPS_Z(at(a), tail, x)
		VMOVUPS_Z(at(b), tail, y)
		op(x, y)
		VMOVUPS(x, tail, at(dst))
	} else {
		Label(label("float"))
		SUBQ(U8(1), left)
		JL(LabelRef(label("next")))
		VMOVSS(at(a), x.AsX())
		VMOVSS(at(b), y.AsX())
		one(x, y)
		VMOVSS(x.AsX(), at(dst))
		INCQ(j)
		JMP(LabelRef(label("float")))
	}
	Label(label("next"))
	ADDQ(ldd, dst)
	ADDQ(lda, a)
	ADDQ(ldb, b)
	DECQ(rows)
	JNE(LabelRef(label("row")))
	Label(label("done"))
	VZEROUPPER()
	RET()
}

func joinQuarters() {
	TEXT("JoinQuarters", NOSPLIT, "func(q *Quarters)")
	Pragma("noescape")
	Doc("JoinQuarters is ref.JoinQuarters(q).")
	p := Dereference(Param("q"))
	rows := emit.Field(p, "Rows")
	TESTQ(rows, rows)
	JE(LabelRef("done"))
	lo, hi := vector(), vector()
	VBROADCASTSS(emit.Addr(p, "Lo"), lo)
	VBROADCASTSS(emit.Addr(p, "Hi"), hi)
	m, ldm := emit.Field(p, "M"), emit.Bytes(p, "LDM")
	ldm3 := GP64()
	LEAQ(Mem{Base: ldm, Index: ldm, Scale: 2}, ldm3)
	at1, at2 := GP64(), GP64() // bytes by which the rows have moved
	XORQ(at1, at1)
	XORQ(at2, at2)
	Label("row")
	for part := range ref.NR / lanes {
		disp := 4 * lanes * part
		m4 := GP64()
		LEAQ(Mem{Base: m, Index: ldm, Scale: 4}, m4)
		x := make([]reg.VecVirtual, 7)
		for i := range x {
			x[i] = vector()
			at := []Mem{{Base: m}, {Base: m, Index: ldm, Scale: 1}, {Base: m, Index: ldm, Scale: 2}, {Base: m, Index: ldm3, Scale: 1},
				{Base: m4}, {Base: m4, Index: ldm, Scale: 1}, {Base: m4, Index: ldm, Scale: 2}}[i]
			at.Disp = disp
			VMOVUPS(at, x[i])
		}
		c11, c12, c21, c22 := vector(), vector(), vector(), vector()
		VADDPS(x[3], x[0], c11)
		VSUBPS(x[4], c11, c11)
		VADDPS(x[6], c11, c11)
		VADDPS(x[4], x[2], c12)
		VADDPS(x[3], x[1], c21)
		VSUBPS(x[1], x[0], c22)
		VADDPS(x[2], c22, c22)
		VADDPS(x[5], c22, c22)
		c := []reg.VecVirtual{c11, c12, c21, c22}
		for i, name := range []string{"Bias1", "Bias2"} {
			bias := emit.Field(p, name)
			emit.SkipNil(bias, fmt.Sprintf("no%s_%d", name, part), func() {
				VADDPS(Mem{Base: bias, Disp: disp}, c[i], c[i])
				VADDPS(Mem{Base: bias, Disp: disp}, c[i+2], c[i+2])
			})
		}
		names, moved := []string{"11", "12", "21", "22"}, []reg.GPVirtual{at1, at1, at2, at2}
		first := emit.Field(p, "R11")
		emit.SkipNil(first, fmt.Sprintf("noResidual_%d", part), func() {
			for i, name := range names {
				VADDPS(Mem{Base: emit.Field(p, "R"+name), Index: moved[i], Scale: 1, Disp: disp}, c[i], c[i])
			}
		})
		for i, name := range names {
			VMAXPS(c[i], lo, c[i]) // returns c where it is NaN
			VMINPS(c[i], hi, c[i])
			VMOVUPS(c[i], Mem{Base: emit.Field(p, "C"+name), Index: moved[i], Scale: 1, Disp: disp})
		}
	}
	ADDQ(U8(4*ref.NR), m)
	ld := emit.Bytes(p, "LD1")
	ADDQ(ld, at1)
	ld = emit.Bytes(p, "LD2")
	ADDQ(ld, at2)
	DECQ(rows)
	JNE(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

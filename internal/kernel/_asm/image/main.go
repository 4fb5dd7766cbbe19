// Command image generates the kernels that transform images.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

const (
	lanes = 8
	word  = 4 // bytes of a float32
)

func main() {
	ConstraintExpr("amd64,!purego")
	scaleRows()
	scaleColumns()
	gather()
	turnHue()
	Generate()
}

// scaleRows keeps the indices and weights of eight columns in registers while it
// goes down the rows. A pair of neighbours is loaded as one float64.
func scaleRows() {
	TEXT("ScaleRows", NOSPLIT, "func(dst, src *float32, rows, ldd, lds, n int, at *int32, weight *float32)")
	Pragma("noescape")
	Doc("ScaleRows is ref.ScaleRows(dst, src, rows, ldd, lds, n, at, weight), n >= 8.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	rows := Load(Param("rows"), GP64())
	ldd, lds := Load(Param("ldd"), GP64()), Load(Param("lds"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	at, weight := Load(Param("at"), GP64()), Load(Param("weight"), GP64())
	SHLQ(U8(2), ldd)
	SHLQ(U8(2), lds)
	emit.Columns("columns", n, lanes, func(x reg.GPVirtual) {
		w := YMM()
		low, high := XMM(), XMM()
		VMOVUPS(Mem{Base: weight, Index: x, Scale: word}, w)
		VMOVDQU(Mem{Base: at, Index: x, Scale: word}, low)
		VMOVDQU(Mem{Base: at, Index: x, Scale: word, Disp: 16}, high)
		from, to, y := GP64(), GP64(), GP64()
		MOVQ(src, from)
		LEAQ(Mem{Base: dst, Index: x, Scale: word}, to)
		MOVQ(rows, y)
		Label("rows")
		all, a, b := YMM(), YMM(), YMM()
		VPCMPEQD(all, all, all)
		VGATHERDPD(all, Mem{Base: from, Index: low, Scale: word}, a)
		VPCMPEQD(all, all, all)
		VGATHERDPD(all, Mem{Base: from, Index: high, Scale: word}, b)
		left, right := YMM(), YMM()
		VSHUFPS(U8(0x88), b, a, left)
		VSHUFPS(U8(0xdd), b, a, right)
		VPERMQ(U8(0xd8), left, left)
		VPERMQ(U8(0xd8), right, right)
		VSUBPS(left, right, right)
		VFMADD231PS(w, right, left)
		VMOVUPS(left, Mem{Base: to})
		ADDQ(lds, from)
		ADDQ(ldd, to)
		DECQ(y)
		JNZ(LabelRef("rows"))
	})
	VZEROUPPER()
	RET()
}

func scaleColumns() {
	TEXT("ScaleColumns", NOSPLIT, "func(dst, src *float32, rows, ld, n int, at *int32, weight *float32)")
	Pragma("noescape")
	Doc("ScaleColumns is ref.ScaleColumns(dst, src, rows, ld, n, at, weight), n >= 8.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	rows, ld := Load(Param("rows"), GP64()), Load(Param("ld"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	at, weight := Load(Param("at"), GP64()), Load(Param("weight"), GP64())
	SHLQ(U8(2), ld)
	Label("rows")
	f, upper, lower := YMM(), GP64(), GP64()
	VBROADCASTSS(Mem{Base: weight}, f)
	MOVLQSX(Mem{Base: at}, upper)
	IMULQ(ld, upper)
	ADDQ(src, upper)
	LEAQ(Mem{Base: upper, Index: ld, Scale: 1}, lower)
	emit.Columns("columns", n, lanes, func(x reg.GPVirtual) {
		a, b := YMM(), YMM()
		VMOVUPS(Mem{Base: upper, Index: x, Scale: word}, a)
		VMOVUPS(Mem{Base: lower, Index: x, Scale: word}, b)
		VSUBPS(a, b, b)
		VFMADD231PS(f, b, a)
		VMOVUPS(a, Mem{Base: dst, Index: x, Scale: word})
	})
	LEAQ(Mem{Base: dst, Index: n, Scale: word}, dst)
	ADDQ(U8(word), at)
	ADDQ(U8(word), weight)
	DECQ(rows)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

func gather() {
	TEXT("GatherInside", NOSPLIT, "func(dst, src *float32, at *int32, n int)")
	Pragma("noescape")
	Doc("GatherInside is ref.GatherInside(dst, src, at, n), n >= 8.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	at := Load(Param("at"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	none := YMM()
	VPCMPEQD(none, none, none)
	emit.Columns("columns", n, lanes, func(x reg.GPVirtual) {
		i, inside, v := YMM(), YMM(), YMM()
		VMOVDQU(Mem{Base: at, Index: x, Scale: word}, i)
		VPCMPGTD(none, i, inside)
		VXORPS(v, v, v)
		VGATHERDPS(inside, Mem{Base: src, Index: i, Scale: word}, v)
		VMOVUPS(v, Mem{Base: dst, Index: x, Scale: word})
	})
	VZEROUPPER()
	RET()
}

// constant is a number in every lane.
func constant(v float32) reg.VecVirtual {
	y := YMM()
	VBROADCASTSS(ConstData(fmt.Sprintf("image%d", int(v)), F32(v)), y)
	return y
}

// vector is a number in every lane, in memory.
func vector(v float32) Mem {
	m := GLOBL(fmt.Sprintf("imageVector%d", int(v)), RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, F32(v))
	}
	return m
}

func turnHue() {
	TEXT("TurnHue", NOSPLIT, "func(red, green, blue *float32, n int, turn float32)")
	Pragma("noescape")
	Doc("TurnHue is ref.TurnHue(red, green, blue, n, turn), n a multiple of 8.")
	r, g, b := Load(Param("red"), GP64()), Load(Param("green"), GP64()), Load(Param("blue"), GP64())
	n := Load(Param("n"), GP64())
	t, _ := Param("turn").Resolve()
	turn := YMM()
	VBROADCASTSS(t.Addr, turn)
	zero := YMM()
	VXORPS(zero, zero, zero)
	one, two, four, six := constant(1), constant(2), constant(4), constant(6)
	sixth := YMM()
	VDIVPS(six, one, sixth)
	x, y, z, v, c := YMM(), YMM(), YMM(), YMM(), YMM()
	h, mask, divisor := YMM(), YMM(), YMM()
	SHRQ(U8(3), n)
	Label("loop")
	DECQ(n)
	JL(LabelRef("done"))
	VMOVUPS(Mem{Base: r}, x)
	VMOVUPS(Mem{Base: g}, y)
	VMOVUPS(Mem{Base: b}, z)
	VMAXPS(y, x, v)
	VMAXPS(z, v, v)
	VMINPS(y, x, c)
	VMINPS(z, c, c)
	VSUBPS(c, v, c)
	const eq = 0
	VCMPPS(U8(eq), zero, c, mask)
	VBLENDVPS(mask, one, c, divisor)
	// h = 4 + (x−y)/c, where G is the greatest 2 + (z−x)/c, where R is (y−z)/c.
	VSUBPS(y, x, h)
	other := YMM()
	VSUBPS(x, z, other)
	VCMPPS(U8(eq), y, v, mask)
	VBLENDVPS(mask, other, h, h)
	offset := YMM()
	VBLENDVPS(mask, two, four, offset)
	other = YMM()
	VSUBPS(z, y, other)
	VCMPPS(U8(eq), x, v, mask)
	VBLENDVPS(mask, other, h, h)
	VBLENDVPS(mask, zero, offset, offset)
	VDIVPS(divisor, h, h)
	VADDPS(offset, h, h)
	VADDPS(turn, h, h)
	hat := func(shift Op, to reg.Register) {
		k, whole := YMM(), YMM()
		VADDPS(shift, h, k)
		VMULPS(sixth, k, whole)
		const floor = 1
		VROUNDPS(U8(floor), whole, whole)
		VFNMADD231PS(six, whole, k)
		VSUBPS(k, four, whole)
		VMINPS(whole, k, k)
		VMINPS(one, k, k)
		VMAXPS(zero, k, k)
		VFNMADD213PS(v, c, k)
		VMOVUPS(k, Mem{Base: to})
		ADDQ(U8(lanes*word), to)
	}
	hat(vector(5), r)
	hat(vector(3), g)
	hat(one, b)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

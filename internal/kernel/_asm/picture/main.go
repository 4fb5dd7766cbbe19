// Command picture generates the kernels on bytes that pictures are decoded and resized by.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

func main() {
	ConstraintExpr("amd64,!purego")
	blendAlong()
	blendDown()
	colours()
	doubled()
	inverseCosine()
	Generate()
}

// vector is an int32 in each of eight lanes, in memory.
func vector(name string, v int32) Mem {
	m := GLOBL("picture"+name, RODATA|NOPTR)
	for i := range 8 {
		DATA(4*i, I32(v))
	}
	return m
}

// bytes stores eight int32s as bytes, those below 0 as 0 and those above 255 as 255.
func bytes(v reg.VecVirtual, to Mem) {
	high := XMM()
	VEXTRACTI128(U8(1), v, high)
	VPACKSSDW(high, v.AsX(), high)
	VPACKUSWB(high, high, high)
	VMOVQ(high, to)
}

const fixedBits = 22

// blendAlong gathers four neighbours of each of eight columns as one int32.
func blendAlong() {
	TEXT("BlendAlong", NOSPLIT, "func(dst, src *uint8, rows, ldd, lds, n int, at, weight *int32, taps int)")
	Pragma("noescape")
	Doc("BlendAlong is ref.BlendAlong(dst, src, rows, ldd, lds, n, at, weight, taps), n >= 8, taps a multiple of 4.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	at, weight := Load(Param("at"), GP64()), Load(Param("weight"), GP64())
	half, low := YMM(), YMM()
	VMOVDQU(vector("AlongHalf", 1<<(fixedBits-1)), half)
	VMOVDQU(vector("AlongLow", 0xff), low)
	emit.Columns("columns", n, 8, func(x reg.GPVirtual) {
		place := YMM()
		VMOVDQU(Mem{Base: at, Index: x, Scale: 4}, place)
		to, from, y := GP64(), GP64(), GP64()
		LEAQ(Mem{Base: dst, Index: x, Scale: 1}, to)
		MOVQ(src, from)
		Load(Param("rows"), y)
		Label("rows")
		sum := YMM()
		VMOVDQU(half, sum)
		w, k, of := GP64(), GP64(), GP64()
		LEAQ(Mem{Base: weight, Index: x, Scale: 4}, w)
		Load(Param("taps"), k)
		MOVQ(from, of)
		Label("taps")
		all, four := YMM(), YMM()
		VPCMPEQD(all, all, all)
		VPGATHERDD(all, Mem{Base: of, Index: place, Scale: 1}, four)
		for i := range 4 {
			one := YMM()
			if i == 3 {
				VPSRLD(U8(24), four, one)
			} else {
				if i > 0 {
					VPSRLD(U8(uint8(8*i)), four, one)
					VPAND(low, one, one)
				} else {
					VPAND(low, four, one)
				}
			}
			VPMULLD(Mem{Base: w}, one, one)
			VPADDD(one, sum, sum)
			LEAQ(Mem{Base: w, Index: n, Scale: 4}, w)
		}
		ADDQ(U8(4), of)
		SUBQ(U8(4), k)
		JNZ(LabelRef("taps"))
		VPSRAD(U8(fixedBits), sum, sum)
		bytes(sum, Mem{Base: to})
		ldd, lds := Load(Param("ldd"), GP64()), Load(Param("lds"), GP64())
		ADDQ(ldd, to)
		ADDQ(lds, from)
		DECQ(y)
		JNZ(LabelRef("rows"))
	})
	VZEROUPPER()
	RET()
}

func blendDown() {
	TEXT("BlendDown", NOSPLIT, "func(dst, src *uint8, ld, n int, weight *int32, taps int)")
	Pragma("noescape")
	Doc("BlendDown is ref.BlendDown(dst, src, ld, n, weight, taps), n >= 8, taps > 0.")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	weight := Load(Param("weight"), GP64())
	taps := Load(Param("taps"), GP64())
	half := YMM()
	VMOVDQU(vector("DownHalf", 1<<(fixedBits-1)), half)
	emit.Columns("columns", n, 8, func(x reg.GPVirtual) {
		sum, from, k := YMM(), GP64(), GP64()
		VMOVDQU(half, sum)
		LEAQ(Mem{Base: src, Index: x, Scale: 1}, from)
		XORQ(k, k)
		Label("taps")
		w, v := YMM(), YMM()
		VPBROADCASTD(Mem{Base: weight, Index: k, Scale: 4}, w)
		VPMOVZXBD(Mem{Base: from}, v)
		VPMULLD(w, v, v)
		VPADDD(v, sum, sum)
		ADDQ(ld, from)
		INCQ(k)
		CMPQ(k, taps)
		JLT(LabelRef("taps"))
		VPSRAD(U8(fixedBits), sum, sum)
		bytes(sum, Mem{Base: dst, Index: x, Scale: 1})
	})
	VZEROUPPER()
	RET()
}

func colours() {
	TEXT("Colours", NOSPLIT, "func(red, green, blue, y, cb, cr *uint8, n int)")
	Pragma("noescape")
	Doc("Colours is ref.Colours(red, green, blue, y, cb, cr, n), n >= 8.")
	r, g, b := Load(Param("red"), GP64()), Load(Param("green"), GP64()), Load(Param("blue"), GP64())
	luma, blue, red := Load(Param("y"), GP64()), Load(Param("cb"), GP64()), Load(Param("cr"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	middle, half := YMM(), YMM()
	VMOVDQU(vector("Middle", 128), middle)
	VMOVDQU(vector("ColourHalf", 1<<15), half)
	redRed, greenBlue, greenRed, blueBlue := vector("RedRed", 91881), vector("GreenBlue", -22554), vector("GreenRed", -46802),
		vector("BlueBlue", 116130)
	emit.Columns("columns", n, 8, func(x reg.GPVirtual) {
		y, cb, cr := YMM(), YMM(), YMM()
		VPMOVZXBD(Mem{Base: luma, Index: x, Scale: 1}, y)
		VPMOVZXBD(Mem{Base: blue, Index: x, Scale: 1}, cb)
		VPMOVZXBD(Mem{Base: red, Index: x, Scale: 1}, cr)
		VPSUBD(middle, cb, cb)
		VPSUBD(middle, cr, cr)
		finish := func(v reg.VecVirtual, to reg.Register) {
			VPADDD(half, v, v)
			VPSRAD(U8(16), v, v)
			VPADDD(y, v, v)
			bytes(v, Mem{Base: to, Index: x, Scale: 1})
		}
		v, more := YMM(), YMM()
		VPMULLD(redRed, cr, v)
		finish(v, r)
		VPMULLD(greenBlue, cb, v)
		VPMULLD(greenRed, cr, more)
		VPADDD(more, v, v)
		finish(v, g)
		VPMULLD(blueBlue, cb, v)
		finish(v, b)
	})
	VZEROUPPER()
	RET()
}

// doubled makes 32 pixels of 16 samples, in words of two.
func doubled() {
	TEXT("Double", NOSPLIT, "func(dst, near, far *uint8, n int)")
	Pragma("noescape")
	Doc("Double is ref.Double(dst, near, far, n), n >= 16.")
	dst, near, far := Load(Param("dst"), GP64()), Load(Param("near"), GP64()), Load(Param("far"), GP64())
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	words := func(name string, v uint16) reg.VecVirtual {
		m, y := GLOBL("picture"+name, RODATA|NOPTR), YMM()
		for i := range 16 {
			DATA(2*i, U16(v))
		}
		VMOVDQU(m, y)
		return y
	}
	seven, eight := words("Seven", 7), words("Eight", 8)
	thrice := func(v reg.VecVirtual, to reg.VecVirtual) {
		VPADDW(v, v, to)
		VPADDW(v, to, to)
	}
	emit.Columns("columns", n, 16, func(x reg.GPVirtual) {
		sum := func(ahead int) reg.VecVirtual {
			v, other, s := YMM(), YMM(), YMM()
			VPMOVZXBW(Mem{Base: near, Index: x, Scale: 1, Disp: ahead}, v)
			VPMOVZXBW(Mem{Base: far, Index: x, Scale: 1, Disp: ahead}, other)
			thrice(v, s)
			VPADDW(other, s, s)
			return s
		}
		a, b := sum(0), sum(1)
		left, right := YMM(), YMM()
		thrice(a, left)
		VPADDW(b, left, left)
		VPADDW(seven, left, left)
		VPSRLW(U8(4), left, left)
		thrice(b, right)
		VPADDW(a, right, right)
		VPADDW(eight, right, right)
		VPSRLW(U8(4), right, right)
		VPSLLW(U8(8), right, right)
		VPOR(right, left, left)
		VMOVDQU(left, Mem{Base: dst, Index: x, Scale: 2})
	})
	VZEROUPPER()
	RET()
}

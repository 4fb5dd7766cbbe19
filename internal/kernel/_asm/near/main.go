// Command near generates the kernels of the nearest-neighbour search.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	rows   = 6
	cols   = 16
	halves = 2 // vectors of a row
	unroll = 2 // pairs of k a turn
)

func main() {
	ConstraintExpr("amd64,!purego")
	tile()
	above()
	squaredDistance()
	Generate()
}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

// acc is the register that holds half h of row i.
func acc(i, h int) reg.VecPhysical { return ymm(halves*i + h) }

func tile() {
	TEXT("TileI16", NOSPLIT, "func(c *int32, ldc int, a, b *int16, pairs int, accumulate bool)")
	Pragma("noescape")
	Doc("TileI16 is ref.TileI16(c, ldc, a, b, pairs, accumulate).")
	c, ldc := Load(Param("c"), GP64()), Load(Param("ldc"), GP64())
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	pairs := Load(Param("pairs"), GP64())
	flag := GP8()
	Load(Param("accumulate"), flag)
	SHLQ(U8(2), ldc)

	each := func(f func(at Mem, r reg.VecPhysical)) {
		p := GP64()
		MOVQ(c, p)
		for i := range rows {
			for h := range halves {
				f(Mem{Base: p, Disp: 32 * h}, acc(i, h))
			}
			if i < rows-1 {
				ADDQ(ldc, p)
			}
		}
	}
	TESTB(flag, flag)
	JZ(LabelRef("zero"))
	each(func(at Mem, r reg.VecPhysical) { VMOVDQU(at, r) })
	JMP(LabelRef("loop"))
	Label("zero")
	for i := range rows * halves {
		VPXOR(ymm(i), ymm(i), ymm(i))
	}
	Label("loop")
	SUBQ(U8(unroll), pairs)
	JL(LabelRef("last"))
	for u := range unroll {
		pair(a, b, u)
	}
	ADDQ(U8(4*rows*unroll), a)
	ADDQ(U32(4*cols*unroll), b)
	JMP(LabelRef("loop"))
	Label("last")
	ADDQ(U8(unroll), pairs)
	JZ(LabelRef("store"))
	pair(a, b, 0)
	Label("store")
	each(func(at Mem, r reg.VecPhysical) { VMOVDQU(r, at) })
	VZEROUPPER()
	RET()
}

// pair adds the products of one pair of k. B is in Y12 and Y13, a pair of A,
// repeated, in Y14, and products pass through Y15.
func pair(a, b reg.Register, u int) {
	for h := range halves {
		VMOVDQU(Mem{Base: b, Disp: 4*cols*u + 32*h}, ymm(12+h))
	}
	for i := range rows {
		VPBROADCASTD(Mem{Base: a, Disp: 4*rows*u + 4*i}, reg.Y14)
		for h := range halves {
			VPMADDWD(ymm(12+h), reg.Y14, reg.Y15)
			VPADDD(reg.Y15, acc(i, h), acc(i, h))
		}
	}
}

func above() {
	TEXT("Above", NOSPLIT, "func(dst, dots *int32, weight, bias *float32, n int, scale, threshold float32) int")
	Pragma("noescape")
	Doc("Above is ref.Above(dst, dots, weight, bias, n, scale, threshold).")
	dst, dots := Load(Param("dst"), GP64()), Load(Param("dots"), GP64())
	weight, bias := Load(Param("weight"), GP64()), Load(Param("bias"), GP64())
	n := Load(Param("n"), GP64())
	s, _ := Param("scale").Resolve()
	t, _ := Param("threshold").Resolve()
	scale, threshold := YMM(), YMM()
	VBROADCASTSS(s.Addr, scale)
	VBROADCASTSS(t.Addr, threshold)
	j, start := GP64(), GP64()
	XORQ(j, j)
	MOVQ(dst, start)
	mask, bit := GP32(), GP32()

	Label("loop")
	CMPQ(j, n)
	JGE(LabelRef("done"))
	v, b := YMM(), YMM()
	VCVTDQ2PS(Mem{Base: dots, Index: j, Scale: 4}, v)
	VMULPS(Mem{Base: weight, Index: j, Scale: 4}, v, v)
	VMULPS(Mem{Base: bias, Index: j, Scale: 4}, scale, b)
	VADDPS(b, v, v)
	const ge = 0x0d // ordered: false for NaN
	VCMPPS(U8(ge), threshold, v, v)
	VMOVMSKPS(v, mask)
	ADDQ(U8(8), j)
	Label("bits")
	TESTL(mask, mask)
	JZ(LabelRef("loop"))
	BSFL(mask, bit)
	LEAL(Mem{Base: j, Index: bit, Scale: 1, Disp: -8}, bit)
	MOVL(bit, Mem{Base: dst})
	ADDQ(U8(4), dst)
	LEAL(Mem{Base: mask, Disp: -1}, bit)
	ANDL(bit, mask)
	JMP(LabelRef("bits"))

	Label("done")
	SUBQ(start, dst)
	SHRQ(U8(2), dst)
	Store(dst, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func squaredDistance() {
	TEXT("SquaredDistance", NOSPLIT, "func(a, b []float32) float64")
	Pragma("noescape")
	Doc("SquaredDistance is ref.SquaredDistance(a, b), bit for bit.")
	a, b := Load(Param("a").Base(), GP64()), Load(Param("b").Base(), GP64())
	n := Load(Param("a").Len(), GP64())
	for v := range 4 {
		VXORPD(ymm(v), ymm(v), ymm(v))
	}
	Label("loop")
	SUBQ(U8(16), n)
	JL(LabelRef("tail"))
	for v := range 4 {
		VCVTPS2PD(Mem{Base: a, Disp: 16 * v}, ymm(4+v))
		VCVTPS2PD(Mem{Base: b, Disp: 16 * v}, ymm(8+v))
		VSUBPD(ymm(8+v), ymm(4+v), ymm(4+v))
		VMULPD(ymm(4+v), ymm(4+v), ymm(4+v))
		VADDPD(ymm(4+v), ymm(v), ymm(v))
	}
	ADDQ(U8(64), a)
	ADDQ(U8(64), b)
	JMP(LabelRef("loop"))
	Label("tail")
	ADDQ(U8(16), n)
	JZ(LabelRef("sum"))
	Label("one")
	// The scalar sum keeps the lower half of Y0 alone, so its upper half waits in Y8.
	VEXTRACTF128(U8(1), reg.Y0, reg.X8)
	VXORPD(reg.Y9, reg.Y9, reg.Y9)
	Label("more")
	VCVTSS2SD(Mem{Base: a}, reg.X9, reg.X4)
	VCVTSS2SD(Mem{Base: b}, reg.X9, reg.X5)
	VSUBSD(reg.X5, reg.X4, reg.X4)
	VMULSD(reg.X4, reg.X4, reg.X4)
	VADDSD(reg.X4, reg.X0, reg.X0)
	ADDQ(U8(4), a)
	ADDQ(U8(4), b)
	DECQ(n)
	JNZ(LabelRef("more"))
	VINSERTF128(U8(1), reg.X8, reg.Y0, reg.Y0)
	Label("sum")
	VADDPD(reg.Y2, reg.Y0, reg.Y0)
	VADDPD(reg.Y3, reg.Y1, reg.Y1)
	VADDPD(reg.Y1, reg.Y0, reg.Y0)
	VEXTRACTF128(U8(1), reg.Y0, reg.X1)
	VADDPD(reg.X1, reg.X0, reg.X0)
	VPERMILPD(U8(1), reg.X0, reg.X1)
	VADDSD(reg.X1, reg.X0, reg.X0)
	ret, _ := ReturnIndex(0).Resolve()
	VMOVSD(reg.X0, ret.Addr)
	VZEROUPPER()
	RET()
}

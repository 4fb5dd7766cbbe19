// Command near generates the kernels of the nearest-neighbour search.
package main

import (
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	rows   = 6
	cols   = 16
	unroll = 2 // pairs of k a turn
)

func main() {
	ConstraintExpr("amd64,!purego")
	if os.Args[len(os.Args)-1] == "avx512" { // the package; parsing the flag would open the files
		(&tile{vectors: 1, bytes: 64, reg: zmm, move: func(from, to Op) { VMOVDQU32(from, to) }}).generate()
	} else {
		(&tile{vectors: 2, bytes: 32, reg: ymm, move: func(from, to Op) { VMOVDQU(from, to) }}).generate()
		above()
		squaredDistance()
		centredSums()
		roundCentred()
		addCentred()
	}
	Generate()
}

// tile is the kernel of the product; a row of it is so many vectors.
type tile struct {
	vectors, bytes int
	reg            func(i int) reg.VecPhysical
	move           func(from, to Op)
}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func zmm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7,
		reg.Z8, reg.Z9, reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15}[i]
}

// acc is the register that holds vector v of row i.
func (t *tile) acc(i, v int) reg.VecPhysical { return t.reg(t.vectors*i + v) }

func (t *tile) generate() {
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
			for v := range t.vectors {
				f(Mem{Base: p, Disp: t.bytes * v}, t.acc(i, v))
			}
			if i < rows-1 {
				ADDQ(ldc, p)
			}
		}
	}
	TESTB(flag, flag)
	JZ(LabelRef("zero"))
	each(func(at Mem, r reg.VecPhysical) { t.move(at, r) })
	JMP(LabelRef("loop"))
	Label("zero")
	for i := range rows * t.vectors {
		VXORPS(t.reg(i), t.reg(i), t.reg(i))
	}
	Label("loop")
	SUBQ(U8(unroll), pairs)
	JL(LabelRef("last"))
	for u := range unroll {
		t.pair(a, b, u)
	}
	ADDQ(U8(4*rows*unroll), a)
	ADDQ(U32(4*cols*unroll), b)
	JMP(LabelRef("loop"))
	Label("last")
	ADDQ(U8(unroll), pairs)
	JZ(LabelRef("store"))
	t.pair(a, b, 0)
	Label("store")
	each(func(at Mem, r reg.VecPhysical) { t.move(r, at) })
	VZEROUPPER()
	RET()
}

// pair adds the products of one pair of k. B is in the registers 12 and 13, a pair
// of A, repeated, in 14, and products pass through 15.
func (t *tile) pair(a, b reg.Register, u int) {
	for v := range t.vectors {
		t.move(Mem{Base: b, Disp: 4*cols*u + t.bytes*v}, t.reg(12+v))
	}
	for i := range rows {
		VPBROADCASTD(Mem{Base: a, Disp: 4*rows*u + 4*i}, t.reg(14))
		for v := range t.vectors {
			VPMADDWD(t.reg(12+v), t.reg(14), t.reg(15))
			VPADDD(t.reg(15), t.acc(i, v), t.acc(i, v))
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

// centred is a loop over eights of x, in each of which body finds f·x − mean of four elements
// in a register, and where they begin.
type centred struct {
	x, mean, n reg.Register
	f          reg.VecPhysical
}

func newCentred(f reg.VecPhysical) *centred {
	c := &centred{x: Load(Param("x").Base(), GP64()), n: Load(Param("x").Len(), GP64()),
		mean: Load(Param("mean").Base(), GP64()), f: f}
	at, _ := Param("f").Resolve()
	VBROADCASTSD(at.Addr, f)
	return c
}

// each leaves the mean of half h in the registers from 8 on and the centred elements in
// those from 10 on.
func (c *centred) each(body func(h int, mean, centred reg.VecPhysical), next func()) {
	Label("loop")
	SUBQ(U8(8), c.n)
	JL(LabelRef("done"))
	for h := range 2 {
		VCVTPS2PD(Mem{Base: c.x, Disp: 16 * h}, ymm(10+h))
		VMOVUPD(Mem{Base: c.mean, Disp: 32 * h}, ymm(8+h))
		VMULPD(c.f, ymm(10+h), ymm(10+h))
		VSUBPD(ymm(8+h), ymm(10+h), ymm(10+h))
		body(h, ymm(8+h), ymm(10+h))
	}
	ADDQ(U8(32), c.x)
	ADDQ(U8(64), c.mean)
	next()
	JMP(LabelRef("loop"))
	Label("done")
}

// store adds the eight lanes in two registers, l and l+4, then l+2, then l+1, and stores the
// sum as result i.
func store(lanes, more reg.VecPhysical, i int) {
	VADDPD(more, lanes, lanes)
	VEXTRACTF128(U8(1), lanes, reg.X12)
	VADDPD(reg.X12, lanes.AsX(), lanes.AsX())
	VPERMILPD(U8(1), lanes.AsX(), reg.X12)
	VADDSD(reg.X12, lanes.AsX(), lanes.AsX())
	to, _ := ReturnIndex(i).Resolve()
	VMOVSD(lanes.AsX(), to.Addr)
}

// zero clears the first n registers.
func zero(n int) {
	for v := range n {
		VXORPD(ymm(v), ymm(v), ymm(v))
	}
}

func centredSums() {
	TEXT("CentredSums", NOSPLIT, "func(x []float32, mean []float64, f float64) (square, along float64)")
	Pragma("noescape")
	Doc("CentredSums is ref.CentredSums(x, mean, f), bit for bit.")
	c := newCentred(ymm(15))
	zero(4)
	c.each(func(h int, mean, centred reg.VecPhysical) {
		VMULPD(centred, mean, mean)
		VMULPD(centred, centred, centred)
		VADDPD(centred, ymm(h), ymm(h))
		VADDPD(mean, ymm(2+h), ymm(2+h))
	}, func() {})
	store(ymm(0), ymm(1), 0)
	store(ymm(2), ymm(3), 1)
	VZEROUPPER()
	RET()
}

func roundCentred() {
	TEXT("RoundCentred", NOSPLIT, "func(dst []int16, width int, x []float32, mean []float64, f, unit float64) (whole, residual float64)")
	Pragma("noescape")
	Doc("RoundCentred is ref.RoundCentred(dst, width, x, mean, f, unit), bit for bit.")
	dst, apart := Load(Param("dst").Base(), GP64()), Load(Param("width"), GP64())
	SHLQ(U8(2), apart) // bytes from a pair to the next
	c := newCentred(ymm(15))
	at, _ := Param("unit").Resolve()
	unit := ymm(14)
	VBROADCASTSD(at.Addr, unit)
	zero(4)
	c.each(func(h int, rounded, v reg.VecPhysical) {
		VMULPD(unit, v, v)
		const even = 8 // to the nearest, without a flag
		VROUNDPD(U8(even), v, rounded)
		VSUBPD(rounded, v, v)
		VMULPD(v, v, v)
		VADDPD(v, ymm(2+h), ymm(2+h))
		VCVTPD2DQY(rounded, ymm(4+h).AsX())
		VMULPD(rounded, rounded, rounded)
		VADDPD(rounded, ymm(h), ymm(h))
	}, func() {
		VPACKSSDW(reg.X5, reg.X4, reg.X4)
		for pair := range 4 {
			VPEXTRD(U8(pair), reg.X4, Mem{Base: dst})
			ADDQ(apart, dst)
		}
	})
	store(ymm(0), ymm(1), 0)
	store(ymm(2), ymm(3), 1)
	VZEROUPPER()
	RET()
}

func addCentred() {
	TEXT("AddCentred", NOSPLIT, "func(sum []float64, x []float32, mean []float64, f float64)")
	Pragma("noescape")
	Doc("AddCentred is ref.AddCentred(sum, x, mean, f), bit for bit.")
	sum := Load(Param("sum").Base(), GP64())
	c := newCentred(ymm(15))
	c.each(func(h int, _, centred reg.VecPhysical) {
		at := Mem{Base: sum, Disp: 32 * h}
		VADDPD(at, centred, centred)
		VMOVUPD(centred, at)
	}, func() { ADDQ(U8(64), sum) })
	VZEROUPPER()
	RET()
}

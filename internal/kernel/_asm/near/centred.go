package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Passes over float32 elements that compute in float64.

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

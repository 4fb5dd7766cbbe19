package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// wideSoftmaxRows generates SoftmaxRows: the arithmetic of MaxOf, ExpSum and MulScalar
// without calls, so that the waits of one row are filled by the next one.
func wideSoftmaxRows() {
	text("SoftmaxRows", "(y, x []float32, d int)")
	r := &softmaxRow{y: pointer("y"), x: pointer("x"), d: Load(Param("d"), GP64()).(reg.GPVirtual)}
	left := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	rest := GP64()
	MOVQ(r.d, rest)
	ANDQ(U8(lanes-1), rest)
	r.whole = GP64()
	MOVQ(r.d, r.whole)
	SUBQ(rest, r.whole)
	high, all := GP64(), GP64()
	MOVQ(U32(0xffff<<lanes), high)
	SHRXQ(rest, high, high)
	MOVQ(U32(0xffff), all)
	CMPQ(r.d, U8(lanes))
	CMOVQLT(high, all)
	r.rest, r.stored, r.last = K(), K(), ZMM()
	KMOVW(high.As32(), r.rest)
	KMOVW(all.As32(), r.stored)
	one := GP64()
	MOVQ(U64(0x3ff0000000000000), one)
	r.one = XMM()
	VMOVQ(one, r.one)
	keep(expKept, func() { expFlush(r.last) })
	defer func() { kept = nil }()
	Label("row")
	TESTQ(left, left)
	JZ(LabelRef("done"))
	SUBQ(r.d, left)
	m := r.maximum()
	r.scale(r.expSum(m))
	LEAQ(Mem{Base: r.x, Index: r.d, Scale: 4}, r.x)
	LEAQ(Mem{Base: r.y, Index: r.d, Scale: 4}, r.y)
	JMP(LabelRef("row"))
	Label("done")
	VZEROUPPER()
	RET()
}

// softmaxRow is where a row lies and its length, in elements: of all of it, and of its
// whole vectors.
//
// Where these leave a rest, the last vector of the row ends with it, and begins among the
// others or, in a row of less than a vector, before the row. It stays in a register: to
// read what a mask or two stores wrote takes as long as the memory does.
type softmaxRow struct {
	y, x, d, whole reg.GPVirtual
	last, one      reg.VecVirtual
	rest, stored   reg.OpmaskVirtual // lanes of last: those of the rest, and those of the row
}

// vectors emits a loop over the vectors of the row, in blocks of some which get the index of the
// first element, then one by one, then last if there is a rest.
func (r *softmaxRow) vectors(name string, block int, vectors func(at reg.GPVirtual, n int), last func()) {
	at, left := GP64(), GP64()
	XORQ(at, at)
	MOVQ(r.whole, left)
	for _, n := range []int{block, 1} {
		loop := name + map[bool]string{true: "Blocks", false: "Vectors"}[n > 1]
		Label(loop)
		SUBQ(U8(lanes*n), left)
		JL(LabelRef(loop + "Done"))
		vectors(at, n)
		ADDQ(U8(lanes*n), at)
		JMP(LabelRef(loop))
		Label(loop + "Done")
		ADDQ(U8(lanes*n), left)
	}
	CMPQ(at, r.d)
	JEQ(LabelRef(name + "Whole"))
	last()
	Label(name + "Whole")
}

// lastAt is where the last vector lies.
func (r *softmaxRow) lastAt(base reg.GPVirtual) Mem {
	return Mem{Base: base, Index: r.d, Scale: 4, Disp: -4 * lanes}
}

func vectorAt(base, at reg.GPVirtual, i int) Mem {
	return Mem{Base: base, Index: at, Scale: 4, Disp: 4 * lanes * i}
}

// maximum returns the largest element in every lane. Where there is a NaN it may be any:
// the sum is NaN then all the same.
func (r *softmaxRow) maximum() vec {
	start := word(0xff800000)
	m := [2]vec{loadNew(start), loadNew(start)}
	r.vectors("max", len(m), func(at reg.GPVirtual, n int) {
		for i := range n {
			VMAXPS(vectorAt(r.x, at, i), m[i], m[i])
		}
	}, func() {
		with(start, VMOVUPS, VBROADCASTSS)(start, r.last)
		VMOVUPS(r.lastAt(r.x), r.stored, r.last)
		VMAXPS(r.last, m[0], m[0])
	})
	VMAXPS(m[1], m[0], m[0])
	other := ZMM()
	for _, blocks := range []uint8{0x4e, 0xb1} { // of 128 bits
		VSHUFF32X4(U8(blocks), m[0], m[0], other)
		VMAXPS(other, m[0], m[0])
	}
	for _, lane := range []uint8{0x4e, 0xb1} {
		VPERMILPS(U8(lane), m[0], other)
		VMAXPS(other, m[0], m[0])
	}
	return m[0]
}

// expSum sets y, without the rest, and last to exp(x - m) and returns the sum.
func (r *softmaxRow) expSum(m vec) vec {
	sum := newWideSum()
	r.vectors("exp", 4, func(at reg.GPVirtual, n int) {
		var y []vec
		weave(true, n, func(i int) {
			x := op(func(v vec) { VMOVUPS(vectorAt(r.x, at, i), v) })
			y = append(y, expFlush(sub(x, m)))
		})
		for i, y := range y {
			VMOVUPS(y, vectorAt(r.y, at, i))
			sum.add(y)
		}
	}, func() {
		rest := ZMM()
		VMOVAPS(expFlush(sub(r.last, m)), r.last)
		VCOMPRESSPS_Z(r.last, r.rest, rest)
		sum.add(rest)
	})
	return sum.value()
}

// scale divides y by the sum.
func (r *softmaxRow) scale(sum vec) {
	inverse, factor := XMM(), ZMM()
	VDIVSD(sum.AsX(), r.one, inverse)
	VCVTSD2SS(inverse, inverse, inverse)
	VBROADCASTSS(inverse, factor)
	r.vectors("scale", 4, func(at reg.GPVirtual, n int) {
		for i := range n {
			v := ZMM()
			VMULPS(vectorAt(r.y, at, i), factor, v)
			VMOVUPS(v, vectorAt(r.y, at, i))
		}
	}, func() {
		VMULPS(r.last, factor, r.last)
		VMOVUPS(r.last, r.stored, r.lastAt(r.y))
	})
}

package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Reductions of 512 bits. What they add up they add in the order of those of 256 bits, so
// that both have the same bits.

// wideSum is a sum of float64s in progress: element i of what is added goes to lane i%8, as
// in a pair of registers of 256 bits.
type wideSum struct{ acc vec }

func newWideSum() wideSum {
	s := wideSum{ZMM()}
	VPXORQ(s.acc, s.acc, s.acc)
	return s
}

func (s wideSum) add(y vec) {
	low, high, top := ZMM(), ZMM(), YMM()
	VEXTRACTF32X8(U8(1), y, top)
	VCVTPS2PD(y.AsY(), low)
	VCVTPS2PD(top, high)
	VADDPD(low, s.acc, s.acc)
	VADDPD(high, s.acc, s.acc)
}

func (s wideSum) value() vec {
	high := YMM()
	VEXTRACTF64X4(U8(1), s.acc, high)
	return (&total{acc: []vec{s.acc.AsY().(vec), high}}).value()
}

// wideFold generates a sum over elements of src, of which f adds eight, as float64s, to a register.
// Eights go in turn to two of these, those that are left behind the last four to the first, and
// what is less than eight to the second.
func wideFold(name string, src []string, f func(x []vec, acc vec)) {
	text(name, "("+strings.Join(src, ", ")+" []float32) float64")
	var from []reg.GPVirtual
	for _, s := range src {
		from = append(from, pointer(s))
	}
	n := Load(Param(src[0]).Len(), GP64()).(reg.GPVirtual)
	sums := [2]wideSum{newWideSum(), newWideSum()}
	add := func(to int, read func(m Mem, x vec), at int) {
		var x []vec
		for _, p := range from {
			x = append(x, ZMM())
			read(Mem{Base: p, Disp: 32 * at}, x[len(x)-1])
		}
		f(x, sums[to].acc)
	}
	for _, eights := range []int{4, 1} {
		loop, rest := fmt.Sprint("eights", eights), fmt.Sprint("rest", eights)
		Label(loop)
		SUBQ(U8(8*eights), n)
		JL(LabelRef(rest))
		for i := range eights {
			add(i%2, func(m Mem, x vec) { VCVTPS2PD(m, x) }, i)
		}
		for _, p := range from {
			ADDQ(U32(32*eights), p)
		}
		JMP(LabelRef(loop))
		Label(rest)
		ADDQ(U8(8*eights), n)
	}
	JZ(LabelRef("done"))
	k := lanesMask(n)
	add(1, func(m Mem, x vec) { VCVTPS2PD_Z(m, k, x) }, 0)
	Label("done")
	all := &total{}
	for _, s := range sums {
		high := YMM()
		VEXTRACTF64X4(U8(1), s.acc, high)
		all.acc = append(all.acc, s.acc.AsY().(vec), high)
	}
	Store(all.value(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// expKept is how many constants of expFlush there are registers for beside four vectors.
const expKept = 12

// wideExpSum generates ExpSum.
func wideExpSum() {
	text("ExpSum", "(dst, x []float32, m float32) float64")
	dst, x := pointer("dst"), pointer("x")
	n := Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	m, sum := broadcast("m"), newWideSum()
	f := func(x vec) vec { return expFlush(sub(x, m)) }
	keep(expKept, func() { f(m) })
	defer func() { kept = nil }()
	step := func(vectors int) {
		var y []vec
		weave(true, vectors, func(i int) {
			y = append(y, f(op(func(r vec) { VMOVUPS(Mem{Base: x, Disp: 64 * i}, r) })))
		})
		for i, y := range y {
			VMOVUPS(y, Mem{Base: dst, Disp: 64 * i})
			sum.add(y)
		}
		ADDQ(U32(64*vectors), dst)
		ADDQ(U32(64*vectors), x)
	}
	for _, vectors := range []int{4, 1} {
		loop, rest := fmt.Sprint("vectors", vectors), fmt.Sprint("rest", vectors)
		Label(loop)
		SUBQ(U8(lanes*vectors), n)
		JL(LabelRef(rest))
		step(vectors)
		JMP(LabelRef(loop))
		Label(rest)
		ADDQ(U8(lanes*vectors), n)
	}
	JZ(LabelRef("done"))
	k, last := lanesMask(n), register()
	VMOVUPS_Z(Mem{Base: x}, k, last)
	y := f(last)
	VMOVUPS(y, k, Mem{Base: dst})
	VMOVAPS_Z(y, k, y)
	sum.add(y)
	Label("done")
	Store(sum.value(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// wideExtremeOf generates MaxOf or MinOf of an instruction and of what an empty x gives.
func wideExtremeOf(name string, f func(...Op), start Mem) {
	text(name, "(x []float32) float32")
	x := pointer("x")
	n := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	m, nan := [2]vec{loadNew(start), loadNew(start)}, K()
	KXORW(nan, nan, nan)
	take := func(v, m vec) {
		k := K()
		VCMPPS(U8(unord), v, v, k)
		KORW(k, nan, nan)
		f(v, m, m)
	}
	Label("pairs")
	SUBQ(U8(2*lanes), n)
	JL(LabelRef("rest"))
	for i := range m {
		v := ZMM()
		VMOVUPS(Mem{Base: x, Disp: 64 * i}, v)
		take(v, m[i])
	}
	ADDQ(U8(128), x)
	JMP(LabelRef("pairs"))
	Label("rest")
	ADDQ(U8(2*lanes), n)
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("tail"))
	v := ZMM()
	VMOVUPS(Mem{Base: x}, v)
	take(v, m[0])
	ADDQ(U8(64), x)
	JMP(LabelRef("vectors"))
	Label("tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef("done"))
	last := loadNew(start)
	VMOVUPS(Mem{Base: x}, lanesMask(n), last)
	take(last, m[0])
	Label("done")
	f(m[1], m[0], m[0])
	half, top, low := YMM(), XMM(), XMM()
	VEXTRACTF32X8(U8(1), m[0], half)
	f(half, m[0].AsY(), half)
	VEXTRACTF128(U8(1), half, top)
	f(top, half.AsX(), low)
	VPERMILPS(U8(0x4e), low, top)
	f(top, low, low)
	VPERMILPS(U8(0xb1), low, top)
	f(top, low, low)
	KTESTW(nan, nan)
	JEQ(LabelRef("number"))
	VMOVSS(word(0x7fc00000), low)
	Label("number")
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

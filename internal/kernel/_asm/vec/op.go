package main

import (
	"fmt"
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The instructions as functions: a new register for the result, operands in the
// order of the formula. An Op may be a register or a constant in memory.

type vec = reg.VecVirtual

func add(a vec, b Op) vec { r := YMM(); VADDPS(b, a, r); return r }
func sub(a vec, b Op) vec { r := YMM(); VSUBPS(b, a, r); return r }
func mul(a vec, b Op) vec { r := YMM(); VMULPS(b, a, r); return r }
func div(a vec, b Op) vec { r := YMM(); VDIVPS(b, a, r); return r }
func sqrt(a Op) vec       { r := YMM(); VSQRTPS(a, r); return r }
func and(a vec, b Op) vec { r := YMM(); VANDPS(b, a, r); return r }
func xor(a vec, b Op) vec { r := YMM(); VXORPS(b, a, r); return r }
func or(a vec, b Op) vec  { r := YMM(); VORPS(b, a, r); return r }

// andNot is b where a has no bits.
func andNot(a vec, b Op) vec { r := YMM(); VANDNPS(b, a, r); return r }

// max is a where a > b, else b: b where either is NaN.
func max(a vec, b Op) vec { r := YMM(); VMAXPS(b, a, r); return r }

// min is a where a < b, else b: b where either is NaN.
func min(a vec, b Op) vec { r := YMM(); VMINPS(b, a, r); return r }

// fma is a·b + c.
func fma(a vec, b Op, c vec) vec { r := copyOf(c); VFMADD231PS(b, a, r); return r }

// fnma is c - a·b.
func fnma(a vec, b Op, c vec) vec { r := copyOf(c); VFNMADD231PS(b, a, r); return r }

// fms is a·b - c.
func fms(a vec, b Op, c vec) vec { r := copyOf(c); VFMSUB231PS(b, a, r); return r }

// fmaTo is a·b + c for a constant c.
func fmaTo(a, b vec, c Op) vec { r := copyOf(a); VFMADD213PS(c, b, r); return r }

func copyOf(a vec) vec { r := YMM(); VMOVAPS(a, r); return r }

// load is a constant in a register.
func load(c Mem) vec { r := YMM(); VMOVUPS(c, r); return r }

// Predicates of VCMPPS. The ordered ones are false where there is a NaN.
const (
	eq    = 0x00
	unord = 0x03
	ge    = 0x0d
	gt    = 0x0e
	lt    = 0x11
	le    = 0x12
	nlt   = 0x15
)

// cmp has all bits of the lanes where a and b compare so.
func cmp(predicate uint8, a vec, b Op) vec {
	r := YMM()
	VCMPPS(U8(predicate), b, a, r)
	return r
}

// choose is a where the mask is set, else b; only the sign bits of it count.
func choose(mask, a, b vec) vec {
	r := YMM()
	VBLENDVPS(mask, a, b, r)
	return r
}

func subInt(a vec, b Op) vec            { r := YMM(); VPSUBD(b, a, r); return r }
func addInt(a vec, b Op) vec            { r := YMM(); VPADDD(b, a, r); return r }
func shiftLeft(a vec, bits uint8) vec   { r := YMM(); VPSLLD(U8(bits), a, r); return r }
func shiftRight(a vec, bits uint8) vec  { r := YMM(); VPSRAD(U8(bits), a, r); return r }
func fromInt(a vec) vec                 { r := YMM(); VCVTDQ2PS(a, r); return r }
func abs(a vec) vec                     { return and(a, word(0x7fffffff)) }
func neg(a vec) vec                     { return xor(a, word(0x80000000)) }
func withSign(magnitude, sign vec) vec  { return or(magnitude, and(sign, word(0x80000000))) }
func one() Mem                          { return num(1) }
func clampTo(lo, hi float64, x vec) vec { return min(load(num(hi)), max(load(num(lo)), x)) }
func atLeast(lo float64, x vec) vec     { return max(load(num(lo)), x) }

// polynomial is Σ c[i]·xⁱ by Horner's rule, which takes the fewest operations and no
// power of x, that small ones would make subnormal and slow.
func polynomial(c []float64, x vec) vec {
	last := len(c) - 1
	y := load(num(c[last]))
	for _, c := range slices.Backward(c[:last]) {
		VFMADD213PS(num(c), x, y)
	}
	return y
}

// words are the constants in memory, one for all lanes each.
var words = map[uint32]Mem{}

func word(bits uint32) Mem {
	m, ok := words[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("word%08x", bits), RODATA|NOPTR)
		for i := range lanes {
			DATA(4*i, U32(bits))
		}
		words[bits] = m
	}
	return m
}

func num(v float64) Mem { return word(math.Float32bits(float32(v))) }

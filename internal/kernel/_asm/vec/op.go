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

// held are instructions that wait to be emitted in another order; nil emits at once.
var held *[]func()

func emit(instruction func()) {
	if held == nil {
		instruction()
		return
	}
	*held = append(*held, instruction)
}

// weave emits the instructions of several independent runs of f, one of each in turn
// if woven is set: the waits of one run are then filled by the others, even on a core
// that looks ahead no further than a run.
func weave(woven bool, runs int, f func(run int)) {
	queues := make([][]func(), runs)
	for i := range queues {
		if woven {
			held = &queues[i]
		}
		f(i)
	}
	held = nil
	for i := range queues[0] {
		for _, q := range queues {
			q[i]()
		}
	}
}

// op is a new register with the result of an instruction.
func op(instruction func(r vec)) vec {
	r := register()
	emit(func() { instruction(r) })
	return r
}

func add(a vec, b Op) vec { return op(func(r vec) { with(b, VADDPS, VADDPS_BCST)(b, a, r) }) }
func sub(a vec, b Op) vec { return op(func(r vec) { with(b, VSUBPS, VSUBPS_BCST)(b, a, r) }) }
func mul(a vec, b Op) vec { return op(func(r vec) { with(b, VMULPS, VMULPS_BCST)(b, a, r) }) }
func div(a vec, b Op) vec { return op(func(r vec) { with(b, VDIVPS, VDIVPS_BCST)(b, a, r) }) }
func sqrt(a Op) vec       { return op(func(r vec) { VSQRTPS(a, r) }) }
func and(a vec, b Op) vec { return op(func(r vec) { with(b, VANDPS, VANDPS_BCST)(b, a, r) }) }
func xor(a vec, b Op) vec { return op(func(r vec) { with(b, VXORPS, VXORPS_BCST)(b, a, r) }) }
func or(a vec, b Op) vec  { return op(func(r vec) { with(b, VORPS, VORPS_BCST)(b, a, r) }) }

// andNot is b where a has no bits.
func andNot(a vec, b Op) vec { return op(func(r vec) { with(b, VANDNPS, VANDNPS_BCST)(b, a, r) }) }

// max is a where a > b, else b: b where either is NaN.
func max(a vec, b Op) vec { return op(func(r vec) { with(b, VMAXPS, VMAXPS_BCST)(b, a, r) }) }

// min is a where a < b, else b: b where either is NaN.
func min(a vec, b Op) vec { return op(func(r vec) { with(b, VMINPS, VMINPS_BCST)(b, a, r) }) }

// fma is a·b + c.
func fma(a vec, b Op, c vec) vec {
	r := copyOf(c)
	emit(func() { with(b, VFMADD231PS, VFMADD231PS_BCST)(b, a, r) })
	return r
}

// fnma is c - a·b.
func fnma(a vec, b Op, c vec) vec {
	r := copyOf(c)
	emit(func() { with(b, VFNMADD231PS, VFNMADD231PS_BCST)(b, a, r) })
	return r
}

// fnms is -a·b - c.
func fnms(a vec, b Op, c vec) vec {
	r := copyOf(c)
	emit(func() { with(b, VFNMSUB231PS, VFNMSUB231PS_BCST)(b, a, r) })
	return r
}

// fmaTo is a·b + c for a constant c.
func fmaTo(a, b vec, c Op) vec {
	r := copyOf(a)
	emit(func() { with(c, VFMADD213PS, VFMADD213PS_BCST)(c, b, r) })
	return r
}

func copyOf(a vec) vec { return op(func(r vec) { VMOVAPS(a, r) }) }

// load is a constant in a register that no instruction may write.
func load(c Mem) vec {
	if r, ok := kept[c]; ok {
		return r
	}
	return loadNew(c)
}

// loadNew is a constant in a register of its own.
func loadNew(c Mem) vec {
	if _, isTable := tables[c.Symbol.Name]; isTable {
		return op(func(r vec) { VMOVUPS(c, r) })
	}
	return op(func(r vec) { with(c, VMOVUPS, VBROADCASTSS)(c, r) })
}

// lookups returns a function that finds, for each lane, a number of a row: number k where the
// last three bits of the index are those of first+k. Of 512 bits a register holds two rows, and
// the fourth bit tells them apart.
func lookups(rows [][8]float64, index vec, first int) func(row int) vec {
	at := []vec{index}
	if wide {
		at = append(at, xor(index, word(8)))
	}
	return func(row int) vec {
		other := row % len(at)
		t := table(rows[row-other:][:len(at)], first)
		return op(func(r vec) {
			if k, ok := kept[t]; ok {
				VPERMPS(k, at[other], r)
			} else {
				VPERMPS(t, at[other], r)
			}
		})
	}
}

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
	return op(func(r vec) {
		if !wide {
			VCMPPS(U8(predicate), b, a, r)
			return
		}
		k := K()
		with(b, VCMPPS, VCMPPS_BCST)(U8(predicate), b, a, k)
		VPMOVM2D(k, r)
	})
}

// choose is a where the mask is set, else b; only the sign bits of it count.
func choose(mask, a, b vec) vec {
	return op(func(r vec) {
		if !wide {
			VBLENDVPS(mask, a, b, r)
			return
		}
		k := K()
		VPMOVD2M(mask, k)
		VBLENDMPS(a, b, k, r)
	})
}

func subInt(a vec, b Op) vec            { return op(func(r vec) { with(b, VPSUBD, VPSUBD_BCST)(b, a, r) }) }
func addInt(a vec, b Op) vec            { return op(func(r vec) { with(b, VPADDD, VPADDD_BCST)(b, a, r) }) }
func shiftLeft(a vec, bits uint8) vec   { return op(func(r vec) { VPSLLD(U8(bits), a, r) }) }
func shiftRight(a vec, bits uint8) vec  { return op(func(r vec) { VPSRAD(U8(bits), a, r) }) }
func fromInt(a vec) vec                 { return op(func(r vec) { VCVTDQ2PS(a, r) }) }
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
	y := loadNew(num(c[last]))
	for _, c := range slices.Backward(c[:last]) {
		horner(y, x, num(c))
	}
	return y
}

// horner sets y to y·x + c.
func horner(y, x vec, c Op) { emit(func() { with(c, VFMADD213PS, VFMADD213PS_BCST)(c, x, y) }) }

// with is the instruction for an operand: for a constant of 512 bits the one that takes
// a single word for all lanes. The linker aligns no data to more than 32 bytes, and a
// vector that lies across two lines of the cache takes twice as long to load. One that is kept
// is read from its register.
func with(b Op, plain, broadcast func(...Op)) func(...Op) {
	c, constant := b.(Mem)
	r, ok := kept[c]
	switch {
	case constant && ok:
		return func(operands ...Op) {
			operands[slices.Index(operands, b)] = r
			plain(operands...)
		}
	case constant && wide:
		return broadcast
	}
	return plain
}

// kept are the constants that a pass holds in registers, as far as these suffice: to load one for
// all lanes of 512 bits takes as long as to compute with it.
var kept map[Mem]vec

// keep loads the n constants that f, of the functions of this file alone, reads most often, or
// all of them, for what is emitted until kept is nil again.
func keep(n int, f func()) {
	var dropped []func()
	uses := map[Mem]int{}
	var order []Mem // of their first use
	used = func(c Mem) {
		if uses[c]++; uses[c] == 1 {
			order = append(order, c)
		}
	}
	held = &dropped
	f()
	held, used = nil, nil
	slices.SortStableFunc(order, func(a, b Mem) int { return uses[b] - uses[a] })
	registers := map[Mem]vec{}
	for i, c := range order {
		if i < n {
			registers[c] = loadNew(c)
		}
	}
	kept = registers
}

// used, where it is not nil, is told of every use of a constant.
var used func(c Mem)

// words are the constants in memory, one for all lanes each: of 256 bits a whole vector.
var words = map[uint32]Mem{}

func word(bits uint32) Mem {
	m, ok := words[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("word%08x", bits), RODATA|NOPTR)
		copies := lanes
		if wide {
			copies = 1
		}
		for i := range copies {
			DATA(4*i, U32(bits))
		}
		words[bits] = m
	}
	if used != nil {
		used(m)
	}
	return m
}

// tables are the constants that differ from lane to lane, by name.
var tables = map[string]Mem{}

// table has number k of row i in the lane of the last bits of first+k, turned round in bit 3 for
// the second row.
func table(rows [][8]float64, first int) Mem {
	bits := make([]uint32, lanes)
	for i, row := range rows {
		for k, v := range row {
			bits[((first+k)^8*i)%lanes] = math.Float32bits(float32(v))
		}
	}
	name := fmt.Sprintf("table%08x%08x", bits[0], bits[1])
	m, ok := tables[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i, b := range bits {
			DATA(4*i, U32(b))
		}
		tables[name] = m
	}
	if used != nil {
		used(m)
	}
	return m
}

func num(v float64) Mem { return word(math.Float32bits(float32(v))) }

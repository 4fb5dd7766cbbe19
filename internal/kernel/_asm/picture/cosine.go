package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// inverseCosine has a row of the block in each of eight registers, so that a pass is
// that of all columns at once, and turns the block between the passes.
func inverseCosine() {
	TEXT("InverseCosine", NOSPLIT, "func(dst *uint8, stride int, b *int32)")
	Pragma("noescape")
	Doc("InverseCosine is ref.InverseCosine(dst, stride, b), but b stays.")
	b := Load(Param("b"), GP64())
	var v [8]reg.VecVirtual
	for i := range v {
		v[i] = YMM()
		VMOVDQU(Mem{Base: b, Disp: 32 * i}, v[i])
	}
	c := cosines{}
	v = c.pass(v, 11, vector("Half11", 1<<10))
	v = turn(v)
	v = c.pass(v, 18, vector("Half18", 1<<17+128<<18))
	v = turn(v)
	order := GLOBL("pictureOrder", RODATA|NOPTR)
	for i, at := range []uint32{0, 4, 1, 5, 2, 6, 3, 7} {
		DATA(4*i, U32(at))
	}
	by := YMM()
	VMOVDQU(order, by)
	dst, stride := Load(Param("dst"), GP64()), Load(Param("stride"), GP64())
	for i := 0; i < 8; i += 4 {
		VPACKSSDW(v[i+1], v[i], v[i])
		VPACKSSDW(v[i+3], v[i+2], v[i+2])
		VPACKUSWB(v[i+2], v[i], v[i])
		VPERMD(v[i], by, v[i])
		high := XMM()
		VEXTRACTI128(U8(1), v[i], high)
		for _, two := range []reg.VecVirtual{v[i].AsX().(reg.VecVirtual), high} {
			VMOVQ(two, Mem{Base: dst})
			VPEXTRQ(U8(1), two, Mem{Base: dst, Index: stride, Scale: 1})
			LEAQ(Mem{Base: dst, Index: stride, Scale: 2}, dst)
		}
	}
	VZEROUPPER()
	RET()
}

// cosines are the factors of a pass, in memory.
type cosines map[int32]Mem

func (c cosines) times(v reg.VecVirtual, by int32) reg.VecVirtual {
	if _, ok := c[by]; !ok {
		name := "Cosine" + string(rune('A'+len(c)))
		c[by] = vector(name, by)
	}
	out := YMM()
	VPMULLD(c[by], v, out)
	return out
}

func plus(a, b reg.VecVirtual) reg.VecVirtual {
	out := YMM()
	VPADDD(b, a, out)
	return out
}

func minus(a, b reg.VecVirtual) reg.VecVirtual {
	out := YMM()
	VPSUBD(b, a, out)
	return out
}

// pass transforms columns, adds half and shifts. The odd half is libjpeg's, whose nine
// products sum to those of ref.
func (c cosines) pass(v [8]reg.VecVirtual, shift uint8, half Mem) [8]reg.VecVirtual {
	z1, z2, z3, z4 := plus(v[7], v[1]), plus(v[5], v[3]), plus(v[7], v[3]), plus(v[5], v[1])
	z5 := c.times(plus(z3, z4), 9633)
	z1, z2 = c.times(z1, -7373), c.times(z2, -20995)
	z3, z4 = plus(c.times(z3, -16069), z5), plus(c.times(z4, -3196), z5)
	var o [4]reg.VecVirtual
	o[3] = plus(c.times(v[7], 2446), plus(z1, z3))
	o[2] = plus(c.times(v[5], 16819), plus(z2, z4))
	o[1] = plus(c.times(v[3], 25172), plus(z2, z3))
	o[0] = plus(c.times(v[1], 12299), plus(z1, z4))
	p, q := plus(v[0], v[4]), minus(v[0], v[4])
	for _, r := range []reg.VecVirtual{p, q} {
		VPSLLD(U8(13), r, r)
		VPADDD(half, r, r)
	}
	m := c.times(plus(v[2], v[6]), 4433)
	s, t := plus(m, c.times(v[2], 6270)), minus(m, c.times(v[6], 15137))
	e := [4]reg.VecVirtual{plus(p, s), plus(q, t), minus(q, t), minus(p, s)}
	var out [8]reg.VecVirtual
	for i := range 4 {
		out[i], out[7-i] = plus(e[i], o[i]), minus(e[i], o[i])
		VPSRAD(U8(shift), out[i], out[i])
		VPSRAD(U8(shift), out[7-i], out[7-i])
	}
	return out
}

// turn transposes eight registers of eight int32s.
func turn(v [8]reg.VecVirtual) [8]reg.VecVirtual {
	var pairs, quads, out [8]reg.VecVirtual
	for i := 0; i < 8; i += 2 {
		pairs[i], pairs[i+1] = YMM(), YMM()
		VPUNPCKLDQ(v[i+1], v[i], pairs[i])
		VPUNPCKHDQ(v[i+1], v[i], pairs[i+1])
	}
	for i := 0; i < 8; i += 4 {
		for j := range 2 {
			quads[i+2*j], quads[i+2*j+1] = YMM(), YMM()
			VPUNPCKLQDQ(pairs[i+2+j], pairs[i+j], quads[i+2*j])
			VPUNPCKHQDQ(pairs[i+2+j], pairs[i+j], quads[i+2*j+1])
		}
	}
	for i := range 4 {
		out[i], out[i+4] = YMM(), YMM()
		VPERM2I128(U8(0x20), quads[i+4], quads[i], out[i])
		VPERM2I128(U8(0x31), quads[i+4], quads[i], out[i+4])
	}
	return out
}

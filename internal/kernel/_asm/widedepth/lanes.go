package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// together is how many images share the tables and the weights.
const together = 8

// lanes is the kernel of planes that are one vector: Z0 to Z7 hold images, Z8 to
// Z15 their sums.
type lanes struct {
	p                        gotypes.Component
	x, y, w, to, ldx, ldy    reg.GPVirtual
	index, weight, bias      reg.VecPhysical
	lo, hi                   reg.VecPhysical
	in, out, tap             reg.OpmaskPhysical
	indices, masks, taps, at reg.GPVirtual
}

func depthLanes() {
	TEXT("DepthLanesConv", NOSPLIT, "func(d *DepthLanes)")
	Pragma("noescape")
	Doc("DepthLanesConv is ref.DepthLanesConv(d).")
	local := AllocLocal(40)
	channels, xs, ys, bias, images := local, local.Offset(8), local.Offset(16), local.Offset(24), local.Offset(32)
	p := Dereference(Param("d"))
	field := func(s string) reg.GPVirtual { return emit.Field(p, s) }
	l := &lanes{p: p, index: emit.Z(16), weight: emit.Z(17), bias: emit.Z(18), lo: emit.Z(19), hi: emit.Z(20), in: reg.K1, out: reg.K2, tap: reg.K3}
	KMOVW(emit.Addr(p, "In"), l.in)
	KMOVW(emit.Addr(p, "Out"), l.out)
	VBROADCASTSS(emit.Addr(p, "Lo"), l.lo)
	VBROADCASTSS(emit.Addr(p, "Hi"), l.hi)
	l.ldx, l.ldy, l.w = field("LDX"), field("LDY"), field("W")
	l.to = field("Residual")
	SUBQ(emit.Addr(p, "Y"), l.to)
	for _, f := range []struct {
		name string
		at   Mem
	}{{"Channels", channels}, {"X", xs}, {"Y", ys}, {"Bias", bias}} {
		MOVQ(field(f.name), f.at)
	}
	l.x, l.y, l.at = GP64(), GP64(), GP64()
	l.indices, l.masks, l.taps = GP64(), GP64(), GP64()

	Label("channel")
	VXORPS(l.bias, l.bias, l.bias)
	b := GP64()
	MOVQ(bias, b)
	emit.SkipNil(b, "noBias", func() {
		VBROADCASTSS(Mem{Base: b}, l.bias)
		ADDQ(U8(word), bias)
	})
	MOVQ(xs, l.x)
	MOVQ(ys, l.y)
	n := field("Images")
	MOVQ(n, images)
	for _, n := range []int{together, 1} {
		Label(emit.Numbered("images", n))
		SUBQ(U8(uint8(n)), images)
		JL(LabelRef(emit.Numbered("fewer", n)))
		l.block(n)
		JMP(LabelRef(emit.Numbered("images", n)))
		Label(emit.Numbered("fewer", n))
		ADDQ(U8(uint8(n)), images)
	}
	step := func(f string, at Mem) {
		s := field(f)
		ADDQ(s, at)
	}
	step("PlaneX", xs)
	step("PlaneY", ys)
	t := field("Taps")
	LEAQ(Mem{Base: l.w, Index: t, Scale: word}, l.w)
	DECQ(channels)
	JNE(LabelRef("channel"))
	VZEROUPPER()
	RET()
}

// block convolves a plane of n images.
func (l *lanes) block(n int) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, n) }
	sum := func(i int) reg.VecPhysical { return emit.Z(together + i) }
	moved := func(i int) reg.VecPhysical { return emit.Z(21 + i) }
	for i := range n {
		VMOVUPS_Z(Mem{Base: l.x}, l.in, emit.Z(i))
		ADDQ(l.ldx, l.x)
		VXORPS(sum(i), sum(i), sum(i))
	}
	Load(l.p.Field("Index"), l.indices)
	Load(l.p.Field("Masks"), l.masks)
	Load(l.p.Field("Taps"), l.taps)
	MOVQ(l.w, l.at)
	Label(name("tap"))
	VMOVUPS(Mem{Base: l.indices}, l.index)
	KMOVW(Mem{Base: l.masks}, l.tap)
	VBROADCASTSS(Mem{Base: l.at}, l.weight)
	for i := range n {
		VPERMPS_Z(emit.Z(i), l.index, l.tap, moved(i))
		VFMADD231PS(moved(i), l.weight, sum(i))
	}
	ADDQ(U8(64), l.indices)
	ADDQ(U8(2), l.masks)
	ADDQ(U8(word), l.at)
	DECQ(l.taps)
	JNE(LabelRef(name("tap")))
	for i := range n {
		VADDPS(l.bias, sum(i), sum(i))
	}
	CMPQ(emit.Addr(l.p, "Residual"), Imm(0))
	JEQ(LabelRef(name("plain")))
	MOVQ(l.y, l.at)
	ADDQ(l.to, l.at)
	for i := range n {
		VMOVUPS_Z(Mem{Base: l.at}, l.out, moved(i))
		VADDPS(moved(i), sum(i), sum(i))
		ADDQ(l.ldy, l.at)
	}
	Label(name("plain"))
	emit.Skip(emit.Addr(l.p, "Clamp"), name("unclamped"), func() {
		for i := range n {
			VMAXPS(sum(i), l.lo, sum(i))
			VMINPS(sum(i), l.hi, sum(i))
		}
	})
	for i := range n {
		VMOVUPS(sum(i), l.out, Mem{Base: l.y})
		ADDQ(l.ldy, l.y)
	}
}

// Command grouped generates the AVX-512 kernels of grouped convolutions whose output channels are
// the lanes of a vector.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

const (
	word   = 4
	lanes  = 16
	vector = word * lanes
	taps   = ref.GroupTaps
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	for _, groups := range []int{1, 2, 4} {
		weave(groups)
		for _, stride := range []int{1, 2} {
			(&sums{pixels: ref.GroupPixels, vectors: 1, groups: groups, stride: stride}).generate()
		}
	}
	for _, stride := range []int{1, 2} {
		(&sums{pixels: ref.GroupPixels / 2, vectors: 2, groups: 1, stride: stride}).generate()
	}
	Generate()
}

// table is a constant vector of indices.
func table(name string, index func(lane int) int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, U32(uint32(index(i))))
	}
	return m
}

// sums is the kernel of the sums of some pixels and vectors of output channels. The sums are the
// first registers, then come the weights of a row of the window; an element of the input goes to
// all sums whose windows it is under.
type sums struct{ pixels, vectors, groups, stride int }

func (s *sums) sum(p, v int) reg.VecPhysical    { return emit.Z(p*s.vectors + v) }
func (s *sums) weight(t, v int) reg.VecPhysical { return emit.Z((s.pixels+t)*s.vectors + v) }
func (s *sums) element(j int) reg.VecPhysical {
	first := (s.pixels + taps) * s.vectors
	return emit.Z(first + j%(32-first))
}

func (s *sums) generate() {
	name := fmt.Sprintf("GroupSums%dx%dOf%dBy%d", s.pixels, s.vectors, s.groups, s.stride)
	var order Mem
	if s.groups > 1 { // from [channel][group] to [group][channel]
		m := lanes / s.groups
		order = table("orderOf"+name, func(j int) int { return j%m*s.groups + j/m })
	}
	TEXT(name, NOSPLIT, "func(s *GroupSums)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.SumGroups(s, %d, %d, %d, %d).", name, s.pixels, s.vectors, s.groups, s.stride))
	p := Dereference(Param("s"))
	x, dst, tiles := emit.Field(p, "X"), emit.Field(p, "Dst"), emit.Field(p, "Tiles")
	var at, pairs [2]reg.GPVirtual // that are fetched
	for i := range at {
		at[i], pairs[i] = GP64(), GP64()
		Load(p.Field("Fetch").Index(i).Field("At"), at[i])
		Load(p.Field("Fetch").Index(i).Field("Pairs"), pairs[i])
	}
	Label("tile")
	for i := range s.pixels * s.vectors {
		VPXORQ(emit.Z(i), emit.Z(i), emit.Z(i))
	}
	off, w, k := emit.Field(p, "Off"), emit.Field(p, "W"), emit.Field(p, "K")
	Label("row")
	for i := range at {
		SUBQ(U8(1), pairs[i])
		JL(LabelRef(emit.Numbered("fetched", i)))
		PREFETCHT1(Mem{Base: at[i]})
		PREFETCHT1(Mem{Base: at[i], Disp: vector})
		ADDQ(U32(2*vector), at[i])
		Label(emit.Numbered("fetched", i))
	}
	from := GP64()
	MOVLQSX(Mem{Base: off}, from)
	ADDQ(x, from)
	for i := range taps * s.vectors {
		VMOVUPS(Mem{Base: w, Disp: vector * i}, s.weight(i/s.vectors, i%s.vectors))
	}
	for j := range (s.pixels-1)*s.stride + taps {
		one, e := Mem{Base: from, Disp: word * s.groups * j}, s.element(j)
		switch s.groups {
		case 1:
			VBROADCASTSS(one, e)
		case 2:
			VBROADCASTSD(one, e)
		case 4:
			VBROADCASTF32X4(one, e)
		}
		for t := range taps {
			if i := j - t; i >= 0 && i%s.stride == 0 && i/s.stride < s.pixels {
				for v := range s.vectors {
					VFMADD231PS(e, s.weight(t, v), s.sum(i/s.stride, v))
				}
			}
		}
	}
	ADDQ(U8(word), off)
	ADDQ(U32(uint32(vector*taps*s.vectors)), w)
	DECQ(k)
	JNE(LabelRef("row"))
	s.store(p, dst, order)
	step := emit.Field(p, "StepX")
	ADDQ(step, x)
	ADDQ(U32(uint32(vector*s.pixels)), dst)
	DECQ(tiles)
	JNE(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

func (s *sums) store(p gotypes.Component, dst reg.GPVirtual, order Mem) {
	index := s.weight(0, 0)
	if s.groups > 1 {
		VMOVUPS(order, index)
	}
	at := dst
	for v := range s.vectors {
		if v > 0 {
			at = emit.Field(p, "StepDst")
			ADDQ(dst, at)
		}
		for i := range s.pixels {
			if s.groups > 1 {
				VPERMPS(s.sum(i, v), index, s.sum(i, v))
			}
			VMOVUPS(s.sum(i, v), Mem{Base: at, Disp: vector * i})
		}
	}
}

// weave is the kernel that copies planes of so many groups element by element in turn.
func weave(groups int) {
	name := fmt.Sprintf("Weave%d", groups)
	// Of pairs the elements of one width are taken in turn; of four groups pairs of pairs are.
	var low, high, low2, high2 Mem
	pick := func(first, width int) func(int) int {
		return func(i int) int { return first + i/width/2*width + i%width + i/width%2*lanes }
	}
	if groups > 1 {
		low, high = table("low"+name, pick(0, 1)), table("high"+name, pick(lanes/2, 1))
	}
	if groups > 2 {
		low2, high2 = table("lowPairs"+name, pick(0, 2)), table("highPairs"+name, pick(lanes/2, 2))
	}
	TEXT(name, NOSPLIT, "func(w *Weave)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.WeavePlanes(w, %d).", name, groups))
	p := Dereference(Param("w"))
	indices := []reg.VecPhysical{emit.Z(28), emit.Z(29), emit.Z(30), emit.Z(31)}
	if groups > 1 {
		VMOVUPS(low, indices[0])
		VMOVUPS(high, indices[1])
	}
	if groups > 2 {
		VMOVUPS(low2, indices[2])
		VMOVUPS(high2, indices[3])
	}
	zero := emit.Z(27)
	VPXORQ(zero, zero, zero)
	planes := AllocLocal(8)
	MOVQ(emit.Field(p, "Planes"), planes)
	dst, src := emit.Field(p, "Dst"), emit.Field(p, "Src")
	group, ld := emit.Field(p, "GroupS"), emit.Field(p, "LDS")
	left := emit.Bytes(p, "PadLeft")
	SUBQ(left, src)
	Label("plane")
	h, rows := emit.Field(p, "First"), emit.Field(p, "Rows")
	from, to := GP64(), GP64()
	MOVQ(h, from)
	IMULQ(ld, from)
	ADDQ(src, from)
	MOVQ(dst, to)
	Label("row")
	masks, n := emit.Field(p, "Masks"), emit.Field(p, "Strips")
	at, y := GP64(), GP64()
	MOVQ(from, at)
	MOVQ(to, y)
	CMPQ(h, emit.Addr(p, "Height"))
	JAE(LabelRef("outside"))
	Label("strip")
	KMOVW(Mem{Base: masks}, reg.K1)
	v := at
	for g := range groups {
		if g > 0 {
			next := GP64()
			LEAQ(Mem{Base: v, Index: group, Scale: 1}, next)
			v = next
		}
		PREFETCHT0(Mem{Base: v, Index: ld, Scale: 4})
		VMOVUPS_Z(Mem{Base: v}, reg.K1, emit.Z(g))
	}
	woven := []reg.VecPhysical{emit.Z(0)}
	join := func(a, b, index, to reg.VecPhysical) reg.VecPhysical {
		VMOVAPS(index, to)
		VPERMI2PS(b, a, to)
		return to
	}
	switch groups {
	case 2:
		woven = []reg.VecPhysical{join(emit.Z(0), emit.Z(1), indices[0], emit.Z(2)), join(emit.Z(0), emit.Z(1), indices[1], emit.Z(3))}
	case 4:
		var pairs []reg.VecPhysical
		for i := range 4 {
			pairs = append(pairs, join(emit.Z(i/2*2), emit.Z(i/2*2+1), indices[i%2], emit.Z(4+i)))
		}
		woven = nil
		for i := range 4 {
			woven = append(woven, join(pairs[i/2], pairs[2+i/2], indices[2+i%2], emit.Z(8+i)))
		}
	}
	for i, z := range woven {
		VMOVUPS(z, Mem{Base: y, Disp: vector * i})
	}
	ADDQ(U8(2), masks)
	ADDQ(U8(vector), at)
	ADDQ(U32(uint32(vector*groups)), y)
	DECQ(n)
	JNE(LabelRef("strip"))
	JMP(LabelRef("next"))
	Label("outside")
	for i := range groups {
		VMOVUPS(zero, Mem{Base: y, Disp: vector * i})
	}
	ADDQ(U32(uint32(vector*groups)), y)
	DECQ(n)
	JNE(LabelRef("outside"))
	Label("next")
	ADDQ(ld, from)
	ADDQ(emit.Addr(p, "LDD"), to)
	INCQ(h)
	DECQ(rows)
	JNE(LabelRef("row"))
	ADDQ(emit.Addr(p, "PlaneS"), src)
	ADDQ(emit.Addr(p, "PlaneD"), dst)
	DECQ(planes)
	JNE(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

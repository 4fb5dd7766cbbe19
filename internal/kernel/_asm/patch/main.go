// Command patch generates the AVX-512 kernels that copy planes with zeros around them.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

const (
	word  = 4
	lanes = 16
	strip = 16 // bytes of a Strip

	// How many rows ahead of its use a row is fetched: the processor foresees what follows in
	// memory, but a stride leaves that out.
	aheadRows = 4
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	copyPadded(1, false)
	copyPadded(2, false)
	copyPadded(2, true)
	Generate()
}

// seconds holds the indices of every second lane of two vectors, from the first one given on.
func seconds(name string, first int) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, U32(2*i+first))
	}
	return m
}

// copyPadded is the kernel for a stride; with both, the columns between those of a stride of 2 are
// copied too.
func copyPadded(stride int, both bool) {
	name, doc := fmt.Sprintf("CopyPadded%d", stride), "p.Between being 0"
	if both {
		name, doc = "CopyPaddedBoth", "p.Between not being 0"
	}
	TEXT(name, NOSPLIT, "func(p *PaddedCopy)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.CopyPadded(p, %d), %s.", name, stride, doc))
	p := Dereference(Param("p"))
	pick, between, zero := ZMM(), ZMM(), ZMM()
	if stride == 2 {
		VMOVUPS(seconds(name+"Even", 0), pick)
	}
	if both {
		VMOVUPS(seconds(name+"Odd", 1), between)
	}
	VPXORQ(zero, zero, zero)
	height, ldd, step := emit.Field(p, "Height"), emit.Field(p, "LDD"), emit.Field(p, "LDS")
	dst, src := emit.Field(p, "Dst"), emit.Field(p, "First")
	IMULQ(step, src)
	ADDQ(emit.Addr(p, "Src"), src)
	if stride == 2 {
		SHLQ(U8(1), step)
	}
	planes := emit.Field(p, "Planes")
	Label("plane")
	from, to := GP64(), GP64()
	MOVQ(src, from)
	MOVQ(dst, to)
	h, rows := emit.Field(p, "First"), emit.Field(p, "Rows")
	Label("row")
	CMPQ(h, height)
	JAE(LabelRef("outside"))
	strips(p, "inside", func(at, y reg.GPVirtual) {
		first := ZMM()
		KMOVW(Mem{Base: at, Disp: 8}, reg.K1)
		x := GP64()
		MOVLQSX(Mem{Base: at}, x)
		ADDQ(from, x)
		for v := range stride {
			PREFETCHT0(Mem{Base: x, Index: step, Scale: aheadRows, Disp: word * lanes * v})
		}
		VMOVUPS_Z(Mem{Base: x}, reg.K1, first)
		if stride == 2 {
			second := ZMM()
			KMOVW(Mem{Base: at, Disp: 10}, reg.K2)
			VMOVUPS_Z(Mem{Base: x, Disp: word * lanes}, reg.K2, second)
			if both {
				other := ZMM()
				VMOVAPS(first, other)
				VPERMT2PS(second, between, other)
				KMOVW(Mem{Base: at, Disp: 8 + 2*stride}, reg.K3)
				MOVQ(emit.Addr(p, "Between"), x)
				ADDQ(to, x)
				VMOVUPS(other, reg.K3, Mem{Base: x, Index: y, Scale: 1})
			}
			VPERMT2PS(second, pick, first)
		}
		KMOVW(Mem{Base: at, Disp: 8 + 2*stride}, reg.K3)
		VMOVUPS(first, reg.K3, Mem{Base: to, Index: y, Scale: 1})
	})
	JMP(LabelRef("next"))
	Label("outside")
	strips(p, "zeros", func(at, y reg.GPVirtual) {
		KMOVW(Mem{Base: at, Disp: 8 + 2*stride}, reg.K3)
		VMOVUPS(zero, reg.K3, Mem{Base: to, Index: y, Scale: 1})
		if both {
			ADDQ(emit.Addr(p, "Between"), y)
			VMOVUPS(zero, reg.K3, Mem{Base: to, Index: y, Scale: 1})
		}
	})
	Label("next")
	ADDQ(step, from)
	ADDQ(ldd, to)
	ADDQ(U8(stride), h)
	DECQ(rows)
	JNE(LabelRef("row"))
	ADDQ(emit.Addr(p, "PlaneS"), src)
	ADDQ(emit.Addr(p, "PlaneD"), dst)
	DECQ(planes)
	JNE(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// strips emits a loop over the strips of a row; body gets the strip and where its results lie.
func strips(p gotypes.Component, name string, body func(at, y reg.GPVirtual)) {
	at, n := emit.Field(p, "Strips"), emit.Field(p, "NStrips")
	Label(name)
	y := GP64()
	MOVLQSX(Mem{Base: at, Disp: 4}, y)
	body(at, y)
	ADDQ(U8(strip), at)
	DECQ(n)
	JNE(LabelRef(name))
}

// Command pool generates the AVX-512 kernels of pooling, which read planes where they
// lie: masks take the place of padding.
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
	row   = 16 // bytes of a PoolRow
	strip = 16 // bytes of a Strip
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	even, odd := table(0), table(1)
	for _, average := range []bool{false, true} {
		for _, taps := range []int{2, 3} {
			for _, stride := range []int{1, 2} {
				(&window{average: average, taps: taps, stride: stride, even: even, odd: odd}).generate()
			}
		}
	}
	Generate()
}

// table holds the indices of every second lane of two vectors, from first on.
func table(first int) Mem {
	m := GLOBL(fmt.Sprintf("poolLanes%d", first), RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, U32(2*i+first))
	}
	return m
}

// window is the kernel for one number of taps along the row, and its stride.
type window struct {
	average      bool
	taps, stride int
	even, odd    Mem
	p            gotypes.Component
	columns      []reg.VecVirtual // combined down the window
	load         []reg.OpmaskPhysical
}

var stored, nan, found = reg.K3, reg.K4, reg.K5

func (w *window) generate() {
	op, result := "Max", "func(p *PoolRows) bool"
	if w.average {
		op, result = "Avg", "func(p *PoolRows)"
	}
	name := fmt.Sprintf("%sRows%dx%d", op, w.taps, w.stride)
	TEXT(name, NOSPLIT, result)
	Pragma("noescape")
	doc := fmt.Sprintf("%s is ref.%sRows(p, %d, %d)", name, op, w.taps, w.stride)
	if !w.average {
		doc += "; if some element is NaN, Y is undefined"
	}
	Doc(doc + ".")
	w.p = Dereference(Param("p"))
	w.load = []reg.OpmaskPhysical{reg.K1, reg.K2}[:w.stride]
	for range w.stride {
		w.columns = append(w.columns, ZMM())
	}
	if !w.average {
		KXORW(nan, nan, nan)
	}
	even, odd := ZMM(), ZMM()
	if w.stride == 2 {
		VMOVUPS(w.even, even)
		VMOVUPS(w.odd, odd)
	}
	x, y, planes := emit.Field(w.p, "X"), emit.Field(w.p, "Y"), emit.Field(w.p, "Planes")
	width := emit.Field(w.p, "Width")

	Label("plane")
	rows, left := emit.Field(w.p, "Rows"), emit.Field(w.p, "OutH")
	var divisor reg.GPVirtual
	if w.average {
		divisor = emit.Field(w.p, "Divisor")
	}
	Label("row")
	first, start := GP64(), ZMM()
	MOVQ(Mem{Base: rows}, first)
	ADDQ(x, first)
	VBROADCASTSS(Mem{Base: rows, Disp: 12}, start)
	strips, more := emit.Field(w.p, "Strips"), emit.Field(w.p, "NStrips")
	Label("strip")
	for i, k := range append(w.load, stored) {
		KMOVW(Mem{Base: strips, Disp: 8 + 2*i}, k)
	}
	at, to, n := GP64(), GP64(), GP64()
	MOVLQSX(Mem{Base: strips}, at)
	ADDQ(first, at)
	MOVLQSX(Mem{Base: strips, Disp: 4}, to)
	MOVLQSX(Mem{Base: rows, Disp: 8}, n)
	for _, c := range w.columns {
		VMOVAPS(start, c)
	}
	w.fetch(at, width)
	TESTQ(n, n)
	JEQ(LabelRef("along"))
	Label("down")
	w.down(at)
	ADDQ(width, at)
	DECQ(n)
	JNE(LabelRef("down"))
	Label("along")
	sum := w.along(even, odd)
	if w.average {
		d := ZMM()
		VMOVUPS_Z(Mem{Base: divisor, Index: to, Scale: 1}, stored, d)
		VDIVPS(d, sum, sum)
	}
	VMOVUPS(sum, stored, Mem{Base: y, Index: to, Scale: 1})
	ADDQ(U8(strip), strips)
	DECQ(more)
	JNE(LabelRef("strip"))
	ADDQ(emit.Addr(w.p, "LDY"), y)
	if w.average {
		ADDQ(emit.Addr(w.p, "LDY"), divisor)
	}
	ADDQ(U8(row), rows)
	DECQ(left)
	JNE(LabelRef("row"))
	ADDQ(emit.Addr(w.p, "PlaneX"), x)
	DECQ(planes)
	JNE(LabelRef("plane"))
	if !w.average {
		all := GP32()
		KORTESTW(nan, nan)
		SETEQ(all.As8())
		Store(all.As8(), ReturnIndex(0))
	}
	VZEROUPPER()
	RET()
}

// fetch asks for the rows of the windows some rows below: the planes of large images come
// from beyond the second level of cache, and strips are too short to be foreseen.
func (w *window) fetch(at, width reg.GPVirtual) {
	next := GP64()
	LEAQ(Mem{Base: at, Index: width, Scale: 1}, next)
	for _, base := range []reg.GPVirtual{at, next} {
		for v := range w.stride {
			PREFETCHT0(Mem{Base: base, Index: width, Scale: 8, Disp: word * lanes * v})
		}
	}
}

// down combines a row of the window with those above it.
func (w *window) down(at reg.GPVirtual) {
	var v []reg.VecVirtual
	for i, k := range w.load {
		v = append(v, ZMM())
		VMOVUPS_Z(Mem{Base: at, Disp: word * lanes * i}, k, v[i])
	}
	if w.average {
		for i, c := range w.columns {
			VADDPS(v[i], c, c)
		}
		return
	}
	const unordered = 3
	VCMPPS(U8(unordered), v[0], v[len(v)-1], found)
	KORW(found, nan, nan)
	for i, c := range w.columns {
		VMAXPS(c, v[i], w.load[i], c) // the upper one where they are equal
	}
}

// along combines the columns of each window.
func (w *window) along(even, odd reg.VecVirtual) reg.VecVirtual {
	tap := w.columns
	if w.stride == 2 {
		e, o := ZMM(), ZMM()
		VMOVAPS(w.columns[0], e)
		VPERMT2PS(w.columns[1], even, e)
		VMOVAPS(w.columns[0], o)
		VPERMT2PS(w.columns[1], odd, o)
		tap = []reg.VecVirtual{e, o}
	}
	for len(tap) < w.taps {
		v, before := ZMM(), tap[len(tap)-w.stride]
		VALIGND(U8(1), before, before, v)
		tap = append(tap, v)
	}
	sum := ZMM()
	VMOVAPS(tap[0], sum)
	for _, v := range tap[1:w.taps] {
		if w.average {
			VADDPS(v, sum, sum)
			continue
		}
		VMAXPS(sum, v, sum)
	}
	return sum
}

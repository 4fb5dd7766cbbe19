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
	even, odd, lanes := table("Even", 2, 0), table("Odd", 2, 1), table("", 1, 0)
	for _, op := range []string{"Max", "MaxIndex", "Avg"} {
		for _, taps := range []int{2, 3} {
			for _, stride := range []int{1, 2} {
				(&window{average: op == "Avg", locates: op == "MaxIndex", taps: taps, stride: stride,
					even: even, odd: odd, lanes: lanes}).generate(op)
			}
		}
	}
	Generate()
}

// table holds the indices of 16 lanes of two vectors, step apart from first on.
func table(name string, step, first int) Mem {
	m := GLOBL("poolLanes"+name, RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, U32(step*i+first))
	}
	return m
}

// window is the kernel for one number of taps along the row, and its stride.
type window struct {
	average          bool
	locates          bool // finds where the maxima lie
	taps, stride     int
	even, odd, lanes Mem
	p                gotypes.Component
	columns          []reg.VecVirtual // combined down the window
	at               []reg.VecVirtual // where in the plane they were found
	row              []reg.VecVirtual // where the elements of a row lie
	load             []reg.OpmaskPhysical
}

var stored, bad, found, equal = reg.K3, reg.K4, reg.K5, reg.K6

func (w *window) generate(op string) {
	result := "func(p *PoolRows) bool"
	if w.average {
		result = "func(p *PoolRows)"
	}
	name := fmt.Sprintf("%sRows%dx%d", op, w.taps, w.stride)
	TEXT(name, NOSPLIT, result)
	Pragma("noescape")
	doc := fmt.Sprintf("%s is ref.%sRows(p, %d, %d)", name, op, w.taps, w.stride)
	if w.locates {
		doc += "; where it returns false, Y and Index are undefined"
	} else if !w.average {
		doc += "; if some element is NaN, Y is undefined"
	}
	Doc(doc + ".")
	w.p = Dereference(Param("p"))
	w.load = []reg.OpmaskPhysical{reg.K1, reg.K2}[:w.stride]
	for range w.stride {
		w.columns = append(w.columns, ZMM())
	}
	if !w.average {
		KXORW(bad, bad, bad)
	}
	var index reg.GPVirtual
	if w.locates {
		index = emit.Field(w.p, "Index")
		for range w.stride {
			w.at, w.row = append(w.at, ZMM()), append(w.row, ZMM())
		}
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
	if w.locates {
		w.number(at, x)
	}
	w.fetch(at, width)
	TESTQ(n, n)
	JEQ(LabelRef("along"))
	Label("down")
	w.down(at, width)
	ADDQ(width, at)
	DECQ(n)
	JNE(LabelRef("down"))
	Label("along")
	sum, where := w.along(even, odd)
	if w.average {
		d := ZMM()
		VMOVUPS_Z(Mem{Base: divisor, Index: to, Scale: 1}, stored, d)
		VDIVPS(d, sum, sum)
	}
	VMOVUPS(sum, stored, Mem{Base: y, Index: to, Scale: 1})
	if w.locates {
		VMOVDQU32(where, stored, Mem{Base: index, Index: to, Scale: 1})
		VCMPPS(U8(same), start, sum, stored, found) // nothing is found where all is -Inf
		KORW(found, bad, bad)
	}
	ADDQ(U8(strip), strips)
	DECQ(more)
	JNE(LabelRef("strip"))
	ADDQ(emit.Addr(w.p, "LDY"), y)
	if w.locates {
		ADDQ(emit.Addr(w.p, "LDY"), index)
	}
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
		KORTESTW(bad, bad)
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

// Predicates of VCMPPS and VPCMPD.
const (
	same      = 0
	less      = 1
	unordered = 3
	greater   = 30
)

// number sets row to where in the plane x the elements of the first row lie, which begins
// at the address at, and at to what no element has.
func (w *window) number(at, x reg.GPVirtual) {
	first := GP64()
	MOVQ(at, first)
	SUBQ(x, first)
	SARQ(U8(2), first)
	for i, r := range w.row {
		VPBROADCASTD(first.As32(), r)
		VPADDD(w.lanes, r, r)
		ADDQ(U8(lanes), first)
		VPTERNLOGD(U8(0xff), w.at[i], w.at[i], w.at[i]) // -1
	}
}

// down combines a row of the window with those above it.
func (w *window) down(at, width reg.GPVirtual) {
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
	VCMPPS(U8(unordered), v[0], v[len(v)-1], found)
	KORW(found, bad, bad)
	if w.locates {
		floats, step := GP64(), ZMM()
		MOVQ(width, floats)
		SHRQ(U8(2), floats)
		VPBROADCASTD(floats.As32(), step)
		for i, c := range w.columns {
			VCMPPS(U8(greater), c, v[i], w.load[i], found)
			VMOVAPS(v[i], found, c)
			VMOVDQA32(w.row[i], found, w.at[i])
			VPADDD(step, w.row[i], w.row[i])
		}
		return
	}
	for i, c := range w.columns {
		VMAXPS(c, v[i], w.load[i], c) // the upper one where they are equal
	}
}

// along combines the columns of each window; where tells where each maximum lies.
func (w *window) along(even, odd reg.VecVirtual) (sum, where reg.VecVirtual) {
	tap, at := w.apart(w.columns, even, odd), w.at
	if w.locates {
		at = w.apart(w.at, even, odd)
	}
	sum = ZMM()
	VMOVAPS(tap[0], sum)
	if w.locates {
		where = ZMM()
		VMOVDQA32(at[0], where)
	}
	for i, v := range tap[1:] {
		switch {
		case w.average:
			VADDPS(v, sum, sum)
		case w.locates: // of equal ones the first, by rows
			VCMPPS(U8(same), sum, v, equal)
			VPCMPD(U8(less), where, at[i+1], equal, equal)
			VCMPPS(U8(greater), sum, v, found)
			KORW(equal, found, found)
			VMOVAPS(v, found, sum)
			VMOVDQA32(at[i+1], found, where)
		default:
			VMAXPS(sum, v, sum)
		}
	}
	return sum, where
}

// apart returns the columns that each tap of the windows reads.
func (w *window) apart(columns []reg.VecVirtual, even, odd reg.VecVirtual) []reg.VecVirtual {
	tap := columns
	if w.stride == 2 {
		e, o := ZMM(), ZMM()
		VMOVAPS(columns[0], e)
		VPERMT2PS(columns[1], even, e)
		VMOVAPS(columns[0], o)
		VPERMT2PS(columns[1], odd, o)
		tap = []reg.VecVirtual{e, o}
	}
	for len(tap) < w.taps {
		v, before := ZMM(), tap[len(tap)-w.stride]
		VALIGND(U8(1), before, before, v)
		tap = append(tap, v)
	}
	return tap[:w.taps]
}

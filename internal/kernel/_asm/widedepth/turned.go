package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// group is how many neighbouring results a turned kernel has at a time: with them, the weights
// and a pixel of the plane, all registers are in use.
const group = 7

// turnedConv is the kernel of planes of 16 channels, which are the lanes, for one size of window
// and stride. Each pixel that the windows of a group cover is loaded once for each row of the
// window, and adds to all results that it is under. Taps outside of the plane are left out: groups
// at an edge have code of their own, and rows are skipped.
type turnedConv struct {
	taps, stride int

	p         gotypes.Component
	w, bias   reg.GPVirtual
	x, y      reg.GPVirtual // the first pixel of the windows of a group, and its first result
	h, height reg.GPVirtual // the row of that pixel, which may lie outside; the rows of the plane
	ldx, next reg.GPVirtual // bytes from row to row, and to the next plane
	row       reg.GPVirtual
}

func (c *turnedConv) held() int                    { return min(c.taps*c.taps, 31-group) }
func (c *turnedConv) weight(i int) reg.VecPhysical { return emit.Z(i) }
func (c *turnedConv) sum(o int) reg.VecPhysical    { return emit.Z(c.held() + o) }
func (c *turnedConv) pixel() reg.VecPhysical       { return emit.Z(31) }

func (c *turnedConv) generate() {
	name := fmt.Sprintf("DepthTurned%dx%d", c.taps, c.stride)
	TEXT(name, NOSPLIT, "func(d *DepthTurned)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.DepthTurnedConv(d, %d, %d).", name, c.taps, c.stride))
	local := AllocLocal(24)
	xs, ys, left := local, local.Offset(8), local.Offset(16)
	c.p = Dereference(Param("d"))
	field := func(s string) reg.GPVirtual { return emit.Field(c.p, s) }
	c.w, c.bias, c.height, c.ldx, c.next = field("W"), field("Bias"), field("H"), field("Width"), field("Next")
	SHLQ(U8(6), c.ldx)
	MOVQ(field("OutH"), left)
	MOVQ(field("Y"), ys)
	// The first window begins pad rows and columns before the plane.
	pad, t := c.taps/2, GP64()
	IMUL3Q(U8(uint8(pad)), c.ldx, t)
	ADDQ(U32(uint32(vector*pad)), t)
	first := field("X")
	SUBQ(t, first)
	MOVQ(first, xs)
	c.h = GP64()
	MOVQ(I32(int32(-pad)), c.h)
	for i := range c.held() {
		VMOVUPS(Mem{Base: c.w, Disp: vector * i}, c.weight(i))
	}
	last := field("OutW")
	SUBQ(U8(group), last)
	c.x, c.y, c.row = GP64(), GP64(), GP64()
	at := GP64() // column of the first result of the group

	Label("row")
	XORQ(at, at)
	Label("group")
	MOVQ(at, c.x)
	SHLQ(U8(6), c.x)
	MOVQ(c.x, c.y)
	if c.stride > 1 {
		ADDQ(c.x, c.x)
	}
	ADDQ(xs, c.x)
	ADDQ(ys, c.y)
	TESTQ(at, at)
	JEQ(LabelRef("first"))
	CMPQ(at, last)
	JEQ(LabelRef("last"))
	c.windows("inner", false, false)
	JMP(LabelRef("next"))
	Label("last")
	c.windows("last", false, true)
	JMP(LabelRef("next"))
	Label("first")
	TESTQ(last, last)
	JEQ(LabelRef("only"))
	c.windows("first", true, false)
	JMP(LabelRef("next"))
	Label("only")
	c.windows("only", true, true)
	Label("next")
	CMPQ(at, last)
	JEQ(LabelRef("rowDone"))
	ADDQ(U8(group), at)
	CMPQ(at, last)
	CMOVQGT(last, at) // which overlaps the one before
	JMP(LabelRef("group"))
	Label("rowDone")
	ADDQ(U8(uint8(c.stride)), c.h)
	for range c.stride {
		ADDQ(c.ldx, xs)
	}
	step := field("OutW")
	SHLQ(U8(6), step)
	ADDQ(step, ys)
	DECQ(left)
	JNE(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// windows computes a group, whose first or last windows reach over an edge or not.
func (c *turnedConv) windows(name string, first, last bool) {
	for o := range group {
		VMOVUPS(Mem{Base: c.bias}, c.sum(o))
	}
	pad, columns := c.taps/2, (group-1)*c.stride+c.taps
	from, to := 0, columns
	if first {
		from = pad
	}
	if last { // the plane ends with the last window's middle, or with a stride of 2 a column later
		to = group*c.stride + pad
	}
	for i := range c.taps {
		skip := emit.Numbered(name, i)
		LEAQ(Mem{Base: c.h, Disp: i}, c.row)
		CMPQ(c.row, c.height)
		JAE(LabelRef(skip))
		for x := from; x < to; x++ {
			if i/c.stride == pad/c.stride && x >= pad { // the same of the next plane
				PREFETCHT1(Mem{Base: c.x, Index: c.next, Scale: 1, Disp: vector * x})
			}
			VMOVUPS(Mem{Base: c.x, Disp: vector * x}, c.pixel())
			for o := range group {
				j := x - o*c.stride
				if j < 0 || j >= c.taps {
					continue
				}
				if tap := i*c.taps + j; tap < c.held() {
					VFMADD231PS(c.weight(tap), c.pixel(), c.sum(o))
				} else {
					VFMADD231PS(Mem{Base: c.w, Disp: vector * tap}, c.pixel(), c.sum(o))
				}
			}
		}
		Label(skip)
		if i < c.taps-1 {
			ADDQ(c.ldx, c.x)
		}
	}
	// The sum is the operand that maximum and minimum return when it is NaN.
	VBROADCASTSS(emit.Addr(c.p, "Lo"), c.pixel())
	for o := range group {
		VMAXPS(c.sum(o), c.pixel(), c.sum(o))
	}
	VBROADCASTSS(emit.Addr(c.p, "Hi"), c.pixel())
	for o := range group {
		VMINPS(c.sum(o), c.pixel(), c.sum(o))
		VMOVUPS(c.sum(o), Mem{Base: c.y, Disp: vector * o})
	}
}

// Command widedepth generates the AVX-512 kernels of depthwise convolution, which
// read planes where they lie: masks take the place of padding.
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
	word   = 4
	group  = 4  // rows of results at a time
	record = 16 // bytes of the masks of a strip
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	for _, lanes := range []int{16, 8} {
		even, odd := table(lanes, 0), table(lanes, 1)
		for _, taps := range []int{3, 5} {
			for _, stride := range []int{1, 2} {
				(&conv{taps: taps, stride: stride, lanes: lanes, even: even, odd: odd}).generate()
			}
		}
		(&conv{taps: 7, stride: 1, lanes: lanes}).generate()
	}
	depthLanes()
	Generate()
}

// table holds the indices of every second lane of two vectors, from first on.
func table(lanes, first int) Mem {
	m := GLOBL(fmt.Sprintf("depthLanes%dx%d", lanes, first), RODATA|NOPTR)
	for i := range lanes {
		DATA(word*i, U32(2*i+first))
	}
	return m
}

// conv is the kernel for one size of window, stride and vector. Registers 0 to 3
// are the sums of rows that follow each other; 4 to 10 an input row, shifted by
// each tap.
type conv struct {
	taps, stride, lanes int
	even, odd           Mem

	p                                 gotypes.Component
	x, y, w, h, height, left, ldx, to reg.GPVirtual // to is what leads from y to the residual
	masks                             reg.GPVirtual // of the strip
}

func (c *conv) vec(i int) reg.VecPhysical {
	if c.lanes == 8 {
		return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9,
			reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
	}
	return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9,
		reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15}[i]
}

func (c *conv) tap(k int) reg.VecPhysical { return c.vec(group + k) }

func (c *conv) second() reg.VecPhysical { return c.vec(10) }
func (c *conv) evens() reg.VecPhysical  { return c.vec(11) }
func (c *conv) odds() reg.VecPhysical   { return c.vec(12) }
func (c *conv) bias() reg.VecPhysical   { return c.vec(13) }
func (c *conv) lo() reg.VecPhysical     { return c.vec(14) }
func (c *conv) hi() reg.VecPhysical     { return c.vec(15) }

// loads is how many loads bring an input row, and has as many masks; the one
// after them is the mask of what is stored.
func (c *conv) loads() int {
	if c.stride == 1 {
		return c.taps
	}
	return 2 * ((c.taps + 1) / 2)
}

func mask(i int) reg.OpmaskPhysical {
	return []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}[i]
}

func (c *conv) bytes() int { return word * c.lanes }

func (c *conv) generate() {
	name := fmt.Sprintf("DepthRows%dx%dx%d", c.taps, c.stride, c.lanes)
	TEXT(name, NOSPLIT, "func(d *DepthRows)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.DepthRowsConv(d, %d, %d).", name, c.taps, c.stride))
	local := AllocLocal(24)
	strips, xs, ys := local, local.Offset(8), local.Offset(16)
	c.p = Dereference(Param("d"))
	field := func(s string) reg.GPVirtual { return emit.Field(c.p, s) }
	c.w, c.height, c.ldx = field("W"), field("H"), field("Width")
	SHLQ(U8(2), c.ldx)
	masks := field("Masks")
	c.masks = masks
	t := field("Strips")
	MOVQ(t, strips)

	// x begins where the first tap of the first result would read.
	left, top := field("PadLeft"), field("PadTop")
	SHLQ(U8(2), left)
	IMULQ(c.ldx, top)
	ADDQ(left, top)
	t = field("X")
	SUBQ(top, t)
	MOVQ(t, xs)
	t = field("Y")
	MOVQ(t, ys)
	c.to = field("Residual")
	SUBQ(t, c.to)

	VBROADCASTSS(emit.Addr(c.p, "Bias"), c.bias())
	VBROADCASTSS(emit.Addr(c.p, "Lo"), c.lo())
	VBROADCASTSS(emit.Addr(c.p, "Hi"), c.hi())
	if c.stride == 2 {
		VMOVUPS(c.even, c.evens())
		VMOVUPS(c.odd, c.odds())
	}

	Label("strip")
	for i := range min(c.loads()+1, 7) {
		KMOVW(Mem{Base: masks, Disp: 2 * i}, mask(i))
	}
	c.x, c.y, c.h, c.left = GP64(), GP64(), GP64(), field("OutH")
	MOVQ(xs, c.x)
	MOVQ(ys, c.y)
	XORQ(c.h, c.h)
	SUBQ(emit.Addr(c.p, "PadTop"), c.h)
	Label("group")
	c.rows()
	c.store()
	Label("next")
	ADDQ(U8(record), masks)
	ADDQ(U32(uint32(c.stride*c.bytes())), xs)
	ADDQ(U32(uint32(c.bytes())), ys)
	DECQ(strips)
	JNE(LabelRef("strip"))
	VZEROUPPER()
	RET()
}

// rows takes the input rows of a group one by one: row j is under row j-r·stride
// of the window of result r.
func (c *conv) rows() {
	for r := range group {
		VMOVAPS(c.bias(), c.vec(r))
	}
	rows := (group-1)*c.stride + c.taps
	for j := range rows {
		outside, ready := fmt.Sprintf("outside%d", j), fmt.Sprintf("ready%d", j)
		CMPQ(c.h, c.height)
		JAE(LabelRef(outside))
		c.load()
		JMP(LabelRef(ready))
		Label(outside)
		for k := range c.taps {
			VXORPS(c.tap(k), c.tap(k), c.tap(k))
		}
		Label(ready)
		ADDQ(c.ldx, c.x)
		INCQ(c.h)
		for k := range c.taps {
			for r := range group {
				if row := j - r*c.stride; row >= 0 && row < c.taps {
					VFMADD231PS_BCST(Mem{Base: c.w, Disp: word * (row*c.taps + k)}, c.tap(k), c.vec(r))
				}
			}
		}
	}
	for range rows - group*c.stride { // the next group's first row
		SUBQ(c.ldx, c.x)
	}
	SUBQ(U8(uint8(rows-group*c.stride)), c.h)
}

// load brings a row, shifted by each tap; every second element of it if the
// stride is 2.
func (c *conv) load() {
	if c.stride == 1 {
		for k := range c.taps {
			VMOVUPS_Z(Mem{Base: c.x, Disp: word * k}, mask(k), c.tap(k))
		}
		return
	}
	for k := 0; k < c.taps; k += 2 {
		VMOVUPS_Z(Mem{Base: c.x, Disp: word * k}, mask(k), c.tap(k))
		VMOVUPS_Z(Mem{Base: c.x, Disp: word*k + c.bytes()}, mask(k+1), c.second())
		if k+1 < c.taps {
			VMOVAPS(c.tap(k), c.tap(k+1))
			VPERMT2PS(c.second(), c.odds(), c.tap(k+1))
		}
		VPERMT2PS(c.second(), c.evens(), c.tap(k))
	}
}

// store finishes and stores the rows of a group. The sum is the operand that
// maximum and minimum return when it is NaN.
func (c *conv) store() {
	stored := mask(c.loads() % 7)
	if c.loads() == 7 { // there is no eighth mask: the first one is lent
		KMOVW(Mem{Base: c.masks, Disp: 2 * 7}, stored)
	}
	for r := range group {
		name := func(s string) string { return fmt.Sprintf("%s%d", s, r) }
		CMPQ(emit.Addr(c.p, "Residual"), Imm(0))
		JEQ(LabelRef(name("plain")))
		VMOVUPS_Z(Mem{Base: c.y, Index: c.to, Scale: 1}, stored, c.second())
		VADDPS(c.second(), c.vec(r), c.vec(r))
		Label(name("plain"))
		CMPB(emit.Addr(c.p, "Clamp"), Imm(0))
		JEQ(LabelRef(name("unclamped")))
		VMAXPS(c.vec(r), c.lo(), c.vec(r))
		VMINPS(c.vec(r), c.hi(), c.vec(r))
		Label(name("unclamped"))
		VMOVUPS(c.vec(r), stored, Mem{Base: c.y})
		ADDQ(emit.Addr(c.p, "LDY"), c.y)
		DECQ(c.left)
		JEQ(LabelRef("next"))
	}
	if c.loads() == 7 {
		KMOVW(Mem{Base: c.masks}, stored)
	}
	JMP(LabelRef("group"))
}

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
	vector = 64 // bytes
	half   = 8  // lanes
	record = 16 // bytes of the masks of a strip
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	for _, taps := range []int{3, 5, 7} {
		(&conv{taps: taps, stride: 1, form: shifted}).generate()
		(&conv{taps: taps, stride: 1, form: halves}).generate()
	}
	for _, taps := range []int{3, 5} {
		(&conv{taps: taps, stride: 2, form: picked}).generate()
		(&conv{taps: taps, stride: 2, form: halves}).generate()
		for stride := 1; stride <= 2; stride++ {
			(&turnedConv{taps: taps, stride: stride}).generate()
		}
	}
	depthLanes()
	Generate()
}

// form is how a row of the plane comes before the taps.
type form int

const (
	shifted form = iota // each tap loads it
	picked              // each tap picks from two vectors that follow each other
	halves              // the same, from one vector of each of two rows: both halves are rows of results
)

// conv is the kernel for one size of window, stride and form. It walks down the rows of a
// strip: an input row is loaded once, and adds to the sums of all results whose windows it is
// under. The first registers are those sums; then come an input row as each tap sees it, what
// each tap picks, what else is needed, and as many weights as fit.
type conv struct {
	taps, stride int
	form         form

	p                                 gotypes.Component
	x, y, w, h, height, left, ldx, to reg.GPVirtual // to is what leads from y to the residual
	below, ldy                        reg.GPVirtual // bytes from the row of the first half to that of the second; of a row of the result
	next, nextY                       reg.GPVirtual // bytes to the next plane, and to that of its results
	aside                             []func()      // what is seldom run, out of the way
}

// sums is how many results have windows that an input row is under, or are all that there are.
func (c *conv) sums() int {
	if c.form == halves {
		return half / 2
	}
	return (c.taps + c.stride - 1) / c.stride
}

func (c *conv) sum(r int) reg.VecPhysical  { return emit.Z(r % c.sums()) }
func (c *conv) tap(k int) reg.VecPhysical  { return emit.Z(c.sums() + k) }
func (c *conv) pick(k int) reg.VecPhysical { return emit.Z(c.sums() + c.taps + k) }

// other is one of the registers for what else is needed.
func (c *conv) other(i int) reg.VecPhysical {
	if c.form == shifted {
		return c.pick(i)
	}
	return c.pick(c.taps + i)
}

func (c *conv) bias() reg.VecPhysical   { return c.other(0) }
func (c *conv) lo() reg.VecPhysical     { return c.other(1) }
func (c *conv) hi() reg.VecPhysical     { return c.other(2) }
func (c *conv) second() reg.VecPhysical { return c.other(3) }

// firstWeight is the register of the first weight. The weights that find none are read
// from memory.
func (c *conv) firstWeight() int {
	n := c.sums() + c.taps + 4
	if c.form != shifted {
		n += c.taps
	}
	return n
}

func (c *conv) held() int { return min(32-c.firstWeight(), c.taps*c.taps) }

// loads is how many loads bring an input row, and has as many masks; the one
// after them is the mask of what is stored.
func (c *conv) loads() int {
	switch c.form {
	case shifted:
		return c.taps
	case picked:
		return 2
	}
	return 1
}

func mask(i int) reg.OpmaskPhysical {
	return []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4, reg.K5, reg.K6, reg.K7}[i]
}

// results is how many results a strip has in a row.
func (c *conv) results() int {
	if c.form == picked {
		return (2*vector/word-c.taps)/c.stride + 1
	}
	return vector / word
}

func (c *conv) name() string {
	if c.form == halves {
		return fmt.Sprintf("DepthHalves%dx%d", c.taps, c.stride)
	}
	return fmt.Sprintf("DepthRows%dx%d", c.taps, c.stride)
}

func (c *conv) generate() {
	var table Mem
	if c.form != shifted {
		table = c.table()
	}
	TEXT(c.name(), NOSPLIT, "func(d *DepthRows)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.DepthRowsConv(d, %d, %d).", c.name(), c.taps, c.stride))
	local := AllocLocal(24)
	strips, xs, ys := local, local.Offset(8), local.Offset(16)
	c.p = Dereference(Param("d"))
	field := func(s string) reg.GPVirtual { return emit.Field(c.p, s) }
	c.w, c.height, c.ldx = field("W"), field("H"), field("Width")
	SHLQ(U8(2), c.ldx)
	c.ldy = field("LDY")
	masks := field("Masks")
	MOVQ(field("Strips"), strips)

	// x begins where the first tap of the first result would read.
	left, top := field("PadLeft"), field("PadTop")
	SHLQ(U8(2), left)
	IMULQ(c.ldx, top)
	ADDQ(left, top)
	t := field("X")
	SUBQ(top, t)
	MOVQ(t, xs)
	t = field("Y")
	MOVQ(t, ys)
	c.to = field("Residual")
	SUBQ(t, c.to)

	VBROADCASTSS(emit.Addr(c.p, "Bias"), c.bias())
	VBROADCASTSS(emit.Addr(c.p, "Lo"), c.lo())
	VBROADCASTSS(emit.Addr(c.p, "Hi"), c.hi())
	if c.form != shifted {
		for k := range c.taps {
			VMOVUPS(table.Offset(vector*k), c.pick(k))
		}
	}
	for i := range c.held() {
		VBROADCASTSS(Mem{Base: c.w, Disp: word * i}, emit.Z(c.firstWeight()+i))
	}
	if c.form == halves {
		c.below = GP64()
		IMUL3Q(U8(uint8(half/2*c.stride)), c.ldx, c.below)
	}

	if c.form != halves {
		c.next, c.nextY = field("Next"), field("NextY")
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
	c.walk(masks)
	Label("next")
	ADDQ(U8(record), masks)
	ADDQ(U32(uint32(word*c.stride*c.results())), xs)
	ADDQ(U32(uint32(word*c.results())), ys)
	DECQ(strips)
	JNE(LabelRef("strip"))
	VZEROUPPER()
	RET()
	for _, f := range c.aside {
		f()
	}
}

// table holds, for each tap, the lanes of two vectors that it picks.
func (c *conv) table() Mem {
	m := GLOBL("lanesOf"+c.name(), RODATA|NOPTR)
	for k := range c.taps {
		for i := range vector / word {
			lane := i*c.stride + k
			if c.form == halves {
				lane = i%half*c.stride + k + i/half*vector/word
			}
			DATA(vector*k+word*i, U32(uint32(lane%(2*vector/word))))
		}
	}
	return m
}

// walk takes the input rows of a strip one by one: row j is under row j-r·stride of the
// window of result r. Once the first window is complete but for what each result adds, a turn
// of the loop is as many results as there are sums.
func (c *conv) walk(masks reg.GPVirtual) {
	first := c.taps - c.stride
	for j := range first {
		c.row(j)
	}
	Label("turn")
	for r := range c.sums() {
		for i := range c.stride {
			c.row(first + r*c.stride + i)
		}
		c.store(r, masks)
	}
	if c.form != halves {
		JMP(LabelRef("turn"))
	}
}

// row adds input row j to the sums.
func (c *conv) row(j int) {
	c.load(j)
	switch c.form { // and what lies there in the next plane
	case picked:
		PREFETCHT1(Mem{Base: c.x, Index: c.next, Scale: 1, Disp: vector})
		fallthrough
	case shifted:
		PREFETCHT1(Mem{Base: c.x, Index: c.next, Scale: 1})
	}
	ADDQ(c.ldx, c.x)
	INCQ(c.h)
	for k := range c.taps {
		for r := range j/c.stride + 1 {
			i := (j-r*c.stride)*c.taps + k
			switch {
			case i >= c.taps*c.taps || c.form == halves && r >= c.sums():
				continue
			case i == 0:
				VMOVAPS(c.bias(), c.sum(r))
			}
			if i < c.held() {
				VFMADD231PS(emit.Z(c.firstWeight()+i), c.tap(k), c.sum(r))
			} else {
				VFMADD231PS_BCST(Mem{Base: c.w, Disp: word * i}, c.tap(k), c.sum(r))
			}
		}
	}
}

// load brings row j as each tap sees it, zeros if it is outside of the plane.
func (c *conv) load(j int) {
	c.inside(c.h, emit.Numbered("row", j), func() {
		if c.form != shifted {
			VMOVUPS_Z(Mem{Base: c.x}, mask(0), c.tap(0))
			if c.form == picked {
				VMOVUPS_Z(Mem{Base: c.x, Disp: vector}, mask(1), c.second())
			}
			return
		}
		for k := range c.taps {
			VMOVUPS_Z(Mem{Base: c.x, Disp: word * k}, mask(k), c.tap(k))
		}
	}, func() {
		switch c.form {
		case shifted:
			for k := range c.taps {
				VXORPS(c.tap(k), c.tap(k), c.tap(k))
			}
		case picked:
			VXORPS(c.second(), c.second(), c.second())
			fallthrough
		case halves:
			VXORPS(c.tap(0), c.tap(0), c.tap(0))
		}
	})
	if c.form == halves {
		h := GP64()
		LEAQ(Mem{Base: c.h, Disp: half / 2 * c.stride}, h)
		c.inside(h, emit.Numbered("below", j), func() {
			VMOVUPS_Z(Mem{Base: c.x, Index: c.below, Scale: 1}, mask(0), c.second())
		}, func() {
			VXORPS(c.second(), c.second(), c.second())
		})
	}
	if c.form != shifted {
		for k := c.taps - 1; k > 0; k-- {
			VMOVAPS(c.tap(0), c.tap(k))
			VPERMT2PS(c.second(), c.pick(k), c.tap(k))
		}
		VPERMT2PS(c.second(), c.pick(0), c.tap(0))
	}
}

// inside emits both, the first to run where h is a row of the plane.
func (c *conv) inside(h reg.GPVirtual, name string, yes, no func()) {
	CMPQ(h, c.height)
	JAE(LabelRef(name + "Outside"))
	yes()
	Label(name + "Ready")
	c.aside = append(c.aside, func() {
		Label(name + "Outside")
		no()
		JMP(LabelRef(name + "Ready"))
	})
}

// store finishes and stores result r, and of halves the one below it. The sum is the operand
// that maximum and minimum return when it is NaN.
func (c *conv) store(r int, masks reg.GPVirtual) {
	name := func(s string) string { return fmt.Sprintf("%s%d", s, r) }
	stored := mask(c.loads() % 7)
	if c.loads() == 7 { // there is no eighth mask: the first one is lent
		KMOVW(Mem{Base: masks, Disp: 2 * 7}, stored)
	}
	low := c.y
	if c.form == halves {
		low = GP64()
		LEAQ(Mem{Base: c.y, Index: c.ldy, Scale: half / 2}, low)
	}
	CMPQ(emit.Addr(c.p, "Residual"), Imm(0))
	JNE(LabelRef(name("residual")))
	Label(name("plain"))
	c.aside = append(c.aside, func() {
		Label(name("residual"))
		if c.form == halves {
			VMOVUPS_Z(Mem{Base: c.y, Index: c.to, Scale: 1}, stored, c.second().AsY())
			CMPQ(c.left, Imm(half/2))
			JLE(LabelRef(name("alone")))
			VMOVUPS_Z(Mem{Base: low, Index: c.to, Scale: 1}, stored, c.tap(0).AsY())
			VINSERTF32X8(U8(1), c.tap(0).AsY(), c.second(), c.second())
			Label(name("alone"))
		} else {
			VMOVUPS_Z(Mem{Base: c.y, Index: c.to, Scale: 1}, stored, c.second())
		}
		VADDPS(c.second(), c.sum(r), c.sum(r))
		JMP(LabelRef(name("plain")))
	})
	VMAXPS(c.sum(r), c.lo(), c.sum(r))
	VMINPS(c.sum(r), c.hi(), c.sum(r))
	if c.form == halves {
		VMOVUPS(c.sum(r).(reg.VecPhysical).AsY(), stored, Mem{Base: c.y})
		CMPQ(c.left, Imm(half/2))
		JLE(LabelRef(name("stored")))
		VEXTRACTF32X8(U8(1), c.sum(r), stored, Mem{Base: low})
		Label(name("stored"))
	} else {
		VMOVUPS(c.sum(r), stored, Mem{Base: c.y})
		PREFETCHT1(Mem{Base: c.y, Index: c.nextY, Scale: 1}) // where the next plane's will be
	}
	ADDQ(c.ldy, c.y)
	DECQ(c.left)
	JEQ(LabelRef("next"))
	if c.loads() == 7 {
		KMOVW(Mem{Base: masks}, stored)
	}
}

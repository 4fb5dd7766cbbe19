// Package emit holds what the generators of the product kernels share.
package emit

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Field loads a pointer or an integer of a struct.
func Field(p gotypes.Component, name string) reg.GPVirtual {
	r := GP64()
	Load(p.Field(name), r)
	return r
}

// Bytes loads a number of floats of a struct, as bytes.
func Bytes(p gotypes.Component, name string) reg.GPVirtual {
	r := Field(p, name)
	SHLQ(U8(2), r)
	return r
}

// Addr is the address of a field of a struct.
func Addr(p gotypes.Component, name string) Mem {
	b, err := p.Field(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// Skip emits body so that it runs where the flag is set.
func Skip(flag Mem, name string, body func()) {
	CMPB(flag, Imm(0))
	JEQ(LabelRef(name))
	body()
	Label(name)
}

// SkipNil emits body so that it runs where the pointer is not nil.
func SkipNil(p reg.GPVirtual, name string, body func()) {
	TESTQ(p, p)
	JEQ(LabelRef(name))
	body()
	Label(name)
}

// Numbered is the name of one of several labels or fields.
func Numbered(name string, n int) string { return fmt.Sprintf("%s%d", name, n) }

// Walk takes a kernel down the panels of a tile: Panels times Rows rows. It
// keeps what is left to do, the place in A, and the bytes by which the rows of C
// and of the bias have moved; not in the tile, where a pointer past the end of
// its array would be an error to the garbage collector.
type Walk struct {
	Rows                int
	A, Moved, MovedBias Mem
	panels              Mem
}

// Begin sets the walk up; the label that Next goes back to follows.
func (w *Walk) Begin(p gotypes.Component) {
	local := AllocLocal(32)
	w.panels, w.A, w.Moved, w.MovedBias = local, local.Offset(8), local.Offset(16), local.Offset(24)
	MOVQ(Field(p, "Panels"), w.panels)
	MOVQ(Field(p, "A"), w.A)
	MOVQ(U32(0), w.Moved)
	MOVQ(U32(0), w.MovedBias)
	Label("panel")
}

// Next moves on and goes back while there are panels.
func (w *Walk) Next(p gotypes.Component) {
	step := Field(p, "LDC")
	IMUL3Q(U8(uint8(4*w.Rows)), step, step)
	ADDQ(step, w.Moved)
	ADDQ(U8(uint8(4*w.Rows)), w.MovedBias)
	DECQ(w.panels)
	JNE(LabelRef("panel"))
}

// Place loads the pointer to a column of C or of the residual in this panel. A
// nil walk stays at the first.
func (w *Walk) Place(p gotypes.Component, name string) reg.GPVirtual {
	r := Field(p, name)
	if w != nil {
		ADDQ(w.Moved, r)
	}
	return r
}

// Columns emits a loop over the vectors of so many lanes that cover n elements, the last
// of which overlaps the one before where n is no multiple of them. body gets the first
// element's index. n is at least lanes.
func Columns(name string, n reg.GPVirtual, lanes uint8, body func(x reg.GPVirtual)) {
	x, last := GP64(), GP64()
	XORQ(x, x)
	LEAQ(Mem{Base: n, Disp: -int(lanes)}, last)
	Label(name)
	body(x)
	CMPQ(x, last)
	JGE(LabelRef(name + "Done"))
	ADDQ(U8(lanes), x)
	CMPQ(x, last)
	CMOVQGT(last, x)
	JMP(LabelRef(name))
	Label(name + "Done")
}

// Z is register i of the 32 of 512 bits.
func Z(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9,
		reg.Z10, reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19,
		reg.Z20, reg.Z21, reg.Z22, reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29,
		reg.Z30, reg.Z31}[i]
}

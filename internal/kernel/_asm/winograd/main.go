// Command winograd generates the kernels of Winograd convolution: the changes of
// basis of tiles, and the step from pixels with their channels side by side to
// planes.
package main

import (
	"fmt"
	"os"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
	"memprobe/internal/kernel/ref"
)

const (
	word  = 4
	lanes = 8
	vec   = word * lanes
	panel = 2 * vec // bytes of 16 channels
)

func main() {
	ConstraintExpr("amd64,!purego")
	// The package is the last argument. Its flag cannot be parsed yet: that opens
	// the files to be written, which belong to the package that is loaded here.
	isa := os.Args[len(os.Args)-1]
	Package("memprobe/internal/kernel/" + isa)
	inMemory := pool{}
	for _, f := range []ref.Form{{M: 2, Stride: 1}, {M: 4, Stride: 1}, {M: 2, Stride: 2}} {
		for _, c := range f.Changes() {
			if isa == "avx512" {
				transform(newMatrix(f, c, ZMM), panel, inMemory)
			} else {
				transform(newMatrix(f, c, YMM), vec, inMemory)
			}
		}
	}
	if isa == "avx512" {
		spreadWide()
	} else {
		spread()
	}
	Generate()
}

func field(p gotypes.Component, name string) reg.GPVirtual {
	r := GP64()
	Load(p.Field(name), r)
	return r
}

func addr(p gotypes.Component, name string) Mem {
	b, err := p.Field(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// walk addresses up to six elements that are a fixed distance apart: 0 to 2 from
// near, 3 to 5 from far.
type walk struct{ near, far, step reg.GPVirtual }

func newWalk(start, step reg.GPVirtual, n int) walk {
	w := walk{near: GP64(), step: step}
	MOVQ(start, w.near)
	if n > 3 {
		w.far = GP64()
		LEAQ(Mem{Base: start, Index: step, Scale: 2}, w.far)
		ADDQ(step, w.far)
	}
	return w
}

func (w walk) at(i int) Mem {
	m := Mem{Base: w.near}
	if i >= 3 {
		m.Base, i = w.far, i-3
	}
	if i > 0 {
		m.Index, m.Scale = w.step, uint8(i)
	}
	return m
}

func (w walk) advance(by reg.GPVirtual) {
	ADDQ(by, w.near)
	if w.far != nil {
		ADDQ(by, w.far)
	}
}

// transform generates one change of basis, on vectors of so many bytes. A tile is
// done for a vector of the channels at a time: L·src by columns, then the rows of that
// times Lᵀ. In between it lies in registers, as many rows as there is room for, and in the stack.
func transform(l *matrix, vec int, inMemory pool) {
	name := fmt.Sprintf("Winograd%v%v", l.form, l.change)
	TEXT(name, 0, "func(t *Tiles)") // the frame is too large for NOSPLIT
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.Transform(ref.Change%v.Matrix(ref.Form{M: %d, Stride: %d}), t).", name, l.change, l.form.M, l.form.Stride))
	h := half{vec: vec, rows: make([][]reg.VecVirtual, l.rows())}
	registers := 16
	if vec == panel {
		registers = 32
	}
	for i := range min(l.rows(), (registers-len(l.order)-l.cols()-working)/l.cols()) {
		h.rows[i] = make([]reg.VecVirtual, l.cols())
	}
	frame := AllocLocal(l.rows()*l.cols()*vec + vec)
	h.stack = GP64()
	LEAQ(frame, h.stack)
	ADDQ(U8(uint8(vec-1)), h.stack)
	ANDQ(I8(int8(-vec)), h.stack)

	p := Dereference(Param("t"))
	src, dst, n := field(p, "Src"), field(p, "Dst"), field(p, "N")
	srcRow, srcCol := emit.Bytes(p, "SrcRow"), emit.Bytes(p, "SrcCol")
	dstRow, dstCol := emit.Bytes(p, "DstRow"), emit.Bytes(p, "DstCol")
	srcTile, dstTile := emit.Bytes(p, "SrcTile"), emit.Bytes(p, "DstTile")
	if vec < panel {
		SUBQ(U8(panel), srcTile) // what is left to go after both halves
		SUBQ(U8(panel), dstTile)
		ADDQ(n, n)
	}
	l.loadConstants(inMemory)

	Label("vector")
	DECQ(n)
	JL(LabelRef("done"))
	l.tile(src, srcRow, srcCol, dst, dstRow, dstCol, &h)
	if vec < panel {
		ADDQ(U8(uint8(vec)), src)
		ADDQ(U8(uint8(vec)), dst)
		TESTQ(U32(1), n)
		JNE(LabelRef("vector"))
	}
	ADDQ(srcTile, src)
	ADDQ(dstTile, dst)
	JMP(LabelRef("vector"))
	Label("done")
	VZEROUPPER()
	RET()
}

// working is how many registers a change computes in, beside its operands and constants.
const working = 2

// half is L·src, rows in registers or, where they are nil, in the stack.
type half struct {
	rows  [][]reg.VecVirtual
	stack reg.GPVirtual
	vec   int
}

func (h *half) at(i, j, cols int) Mem { return Mem{Base: h.stack, Disp: h.vec * (i*cols + j)} }

// tile changes the basis of a tile for a vector of channels.
func (l *matrix) tile(src, srcRow, srcCol, dst, dstRow, dstCol reg.GPVirtual, h *half) {
	from := newWalk(src, srcRow, l.cols())
	for j := range l.cols() {
		x := make([]reg.VecVirtual, l.cols())
		for i := range x {
			x[i] = l.vector()
			VMOVUPS(from.at(i), x[i])
		}
		l.apply(x, func(i int, y reg.VecVirtual) {
			if h.rows[i] != nil {
				h.rows[i][j] = y
				return
			}
			VMOVAPS(y, h.at(i, j, l.cols()))
		})
		if j+1 < l.cols() {
			from.advance(srcCol)
		}
	}
	to := newWalk(dst, dstCol, l.rows())
	for i := range l.rows() {
		x := h.rows[i]
		if x == nil {
			x = make([]reg.VecVirtual, l.cols())
			for j := range x {
				x[j] = l.vector()
				VMOVAPS(h.at(i, j, l.cols()), x[j])
			}
		}
		l.apply(x, func(j int, y reg.VecVirtual) { VMOVUPS(y, to.at(j)) })
		if i+1 < l.rows() {
			to.advance(dstRow)
		}
	}
}

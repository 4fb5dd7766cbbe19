// Command winograd generates the kernels of Winograd convolution: the changes of
// basis of tiles, and the step from pixels with their channels side by side to
// planes.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/ref"
)

const (
	word  = 4
	lanes = 8
	vec   = word * lanes
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx2")
	inMemory := pool{}
	for _, m := range []int{2, 4} {
		for c := ref.ChangeInput; c <= ref.ChangeWeightGrad; c++ {
			transform(m, c, inMemory)
		}
	}
	spread()
	Generate()
}

func field(p gotypes.Component, name string) reg.GPVirtual {
	r := GP64()
	Load(p.Field(name), r)
	return r
}

// bytes loads a number of floats as bytes.
func bytes(p gotypes.Component, name string) reg.GPVirtual {
	r := field(p, name)
	SHLQ(U8(2), r)
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

// transform generates one change of basis. A tile is done for half of the
// channels at a time: L·src by columns into the stack, then the rows of that
// times Lᵀ.
func transform(m int, c ref.Change, inMemory pool) {
	name := fmt.Sprintf("Winograd%d%v", m, c)
	TEXT(name, 0, "func(t *Tiles)") // the frame is too large for NOSPLIT
	Pragma("noescape")
	Doc(fmt.Sprintf("%s is ref.Transform(ref.Change%v.Matrix(%d), t).", name, c, m))
	l := newMatrix(m, c)
	frame, half := AllocLocal(l.rows()*l.cols()*vec+vec), GP64()
	LEAQ(frame, half)
	ADDQ(U8(vec-1), half)
	ANDQ(I8(-vec), half)

	p := Dereference(Param("t"))
	src, dst, n := field(p, "Src"), field(p, "Dst"), field(p, "N")
	srcRow, srcCol := bytes(p, "SrcRow"), bytes(p, "SrcCol")
	dstRow, dstCol := bytes(p, "DstRow"), bytes(p, "DstCol")
	srcTile, dstTile := bytes(p, "SrcTile"), bytes(p, "DstTile")
	SUBQ(U8(2*vec), srcTile) // what is left to go after both halves
	SUBQ(U8(2*vec), dstTile)
	ADDQ(n, n)
	l.loadConstants(inMemory)

	Label("half")
	DECQ(n)
	JL(LabelRef("done"))
	from := newWalk(src, srcRow, l.cols())
	for j := range l.cols() {
		x := make([]reg.VecVirtual, l.cols())
		for i := range x {
			x[i] = YMM()
			VMOVUPS(from.at(i), x[i])
		}
		l.apply(x, func(i int, y reg.VecVirtual) { VMOVAPS(y, Mem{Base: half, Disp: vec * (i*l.cols() + j)}) })
		if j+1 < l.cols() {
			from.advance(srcCol)
		}
	}
	to := newWalk(dst, dstCol, l.rows())
	for i := range l.rows() {
		x := make([]reg.VecVirtual, l.cols())
		for j := range x {
			x[j] = YMM()
			VMOVAPS(Mem{Base: half, Disp: vec * (i*l.cols() + j)}, x[j])
		}
		l.apply(x, func(j int, y reg.VecVirtual) { VMOVUPS(y, to.at(j)) })
		if i+1 < l.rows() {
			to.advance(dstRow)
		}
	}
	ADDQ(U8(vec), src)
	ADDQ(U8(vec), dst)
	TESTQ(U32(1), n)
	JNE(LabelRef("half"))
	ADDQ(srcTile, src)
	ADDQ(dstTile, dst)
	JMP(LabelRef("half"))
	Label("done")
	VZEROUPPER()
	RET()
}

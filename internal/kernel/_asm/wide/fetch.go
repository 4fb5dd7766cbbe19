package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

// prefetch asks for the rows that the epilogue reads or writes, which are far apart,
// shortly before the sums need them: those of the residual where there is one, else those
// of C.
func (t *tiles) prefetch(p []gotypes.Component) {
	ld := emit.Field(p[0], "LDC")
	for j := range t.n {
		at := emit.Field(p[j], "Res0")
		TESTQ(at, at)
		CMOVQEQ(emit.Addr(p[j], "C0"), at)
		ADDQ(t.walk.Moved, at)
		for i := range t.rows {
			PREFETCHT0(Mem{Base: at, Disp: wide - 4})
			if i < t.rows-1 {
				LEAQ(Mem{Base: at, Index: ld, Scale: 4}, at)
			}
		}
	}
}

// pieces is where in memory the place among the pieces that are fetched is kept.
type pieces struct{ at, turns, next, left Mem }

func newPieces(p gotypes.Component) *pieces {
	local := AllocLocal(32)
	f := &pieces{local, local.Offset(8), local.Offset(16), local.Offset(24)}
	MOVQ(U32(0), f.turns)
	MOVQ(emit.Field(p, "Fetch"), f.next)
	MOVQ(emit.Field(p, "Fetches"), f.left)
	return f
}

// load brings the place in the piece into a register.
func (f *pieces) load() reg.GPVirtual {
	if f == nil {
		return nil
	}
	at := GP64()
	MOVQ(f.at, at)
	return at
}

func (f *pieces) store(at reg.GPVirtual) {
	if f != nil {
		MOVQ(at, f.at)
	}
}

// fetch asks for the next lines, if any are left.
func (f *pieces) fetch(at reg.GPVirtual) {
	if f == nil {
		return
	}
	CMPQ(f.turns, U8(0))
	JNE(LabelRef("lines"))
	CMPQ(f.left, U8(0))
	JEQ(LabelRef("fetchedPiece"))
	DECQ(f.left)
	piece, turns := GP64(), GP64()
	MOVQ(f.next, piece)
	MOVQ(Mem{Base: piece}, at)
	MOVQ(Mem{Base: piece, Disp: 8}, turns)
	MOVQ(turns, f.turns)
	ADDQ(U8(16), f.next)
	Label("lines")
	DECQ(f.turns)
	for line := range aheadLines {
		PREFETCHT1(Mem{Base: at, Disp: wide * line})
	}
	ADDQ(U32(wide*aheadLines), at)
	Label("fetchedPiece")
}

// raw is where in memory the place is kept among the rows that are packed next.
type raw struct {
	at, left, step Mem
	last           *Mem // of the pieces of a row; nil where a row is one piece
}

// rawRows is the same in registers.
type rawRows struct {
	at, left, step reg.GPVirtual
	last           *Mem
}

func newRaw(p gotypes.Component, rows string) *raw {
	local := AllocLocal(16)
	r := &raw{at: local, left: local.Offset(8), step: emit.Addr(p, "NextStep")}
	MOVQ(emit.Field(p, "Next"), r.at)
	MOVQ(emit.Field(p, rows), r.left)
	return r
}

func (r *raw) load() *rawRows {
	if r == nil {
		return nil
	}
	rows := &rawRows{GP64(), GP64(), GP64(), r.last}
	MOVQ(r.at, rows.at)
	MOVQ(r.left, rows.left)
	MOVQ(r.step, rows.step)
	return rows
}

func (r *raw) store(rows *rawRows) {
	if r != nil {
		MOVQ(rows.at, r.at)
		MOVQ(rows.left, r.left)
	}
}

// fetch asks for a piece of a row, which may begin anywhere in a line, if any is left.
func (r *rawRows) fetch(name string) {
	if r == nil {
		return
	}
	SUBQ(U8(1), r.left)
	JL(LabelRef(name))
	for at := range 4 {
		PREFETCHT1(Mem{Base: r.at, Disp: wide * at})
	}
	PREFETCHT1(Mem{Base: r.at, Disp: 4*wide - 4})
	if r.last != nil {
		ADDQ(U32(4*wide), r.at)
		TESTQ(r.left, *r.last)
		JNE(LabelRef(name))
	}
	ADDQ(r.step, r.at)
	Label(name)
}

// held is where in memory the number of the last steps of k is kept while those before
// them run.
type held struct{ steps Mem }

// hold takes the last steps away from k.
func (t *tiles) hold(k reg.GPVirtual) *held {
	if t.walk == nil {
		return nil
	}
	h, steps := &held{AllocLocal(8)}, GP64()
	MOVQ(U32(lateSteps), steps)
	CMPQ(steps, k)
	CMOVQGT(k, steps)
	MOVQ(steps, h.steps)
	SUBQ(steps, k)
	return h
}

// release gives them back, if they are still held, and goes to the loop of that name after what is
// to come first.
func (h *held) release(k reg.GPVirtual, name, loop string, first func()) {
	if h == nil {
		return
	}
	CMPQ(h.steps, U8(0))
	JEQ(LabelRef(name + "Released"))
	first()
	ADDQ(h.steps, k)
	MOVQ(U32(0), h.steps)
	JMP(LabelRef(loop))
	Label(name + "Released")
}

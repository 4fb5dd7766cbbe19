// Command wide generates the AVX-512 micro-kernels of the matrix product: of
// tiles, and of pairs of tiles.
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
	mr     = 6  // rows of a panel of A
	halves = 2  // of a row of a tile
	half   = 32 // bytes of a half
	wide   = 64 // bytes of a vector: a row of a tile
	unroll = 4

	// How far ahead of its use A is fetched.
	aheadA = 2048

	// How far ahead of its use B is fetched by tiles of few rows: two pairs of panels of 256
	// rows, so that the beginning of a panel is on its way too.
	aheadB = 65536

	// How many steps of k before their use the rows of C are fetched: a memory's answer
	// takes no longer, and B and A, which fill the first-level cache, do not drive
	// them out again.
	lateSteps = 64

	// How many lines of a piece are fetched in a turn of the loop.
	aheadLines = 4
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx512")
	for _, k := range []kind{packed, offset, strided, turned} {
		for _, rows := range []int{1, 2, 3, 4, 5, mr, 2 * mr} {
			(&tiles{n: 2, rows: rows, kind: k}).generate()
		}
		(&tiles{n: 1, rows: 2 * mr, kind: k}).generate()
	}
	for _, k := range []kind{strided, turned} {
		// Where twelves leave no more rows over than there are panels: of 49, 98 or 197 rows.
		(&tiles{n: 2, rows: 2*mr + 1, kind: k}).generate()
		// Where lone twelves leave one row over or four: of 49, 64 or 196 rows.
		(&tiles{n: 1, rows: 2*mr + 1, kind: k}).generate()
		(&tiles{n: 1, rows: 2*mr + 4, kind: k}).generate()
	}
	// The images of a batch of eight, for depthwise products.
	(&tiles{n: 1, rows: 8, kind: strided}).generate()
	for rows := 1; rows <= mr; rows++ {
		(&quad{rows: rows, n: quads}).generate()
		(&quad{rows: rows, n: quads, offset: true}).generate()
		(&quad{rows: rows, n: 1}).generate()
	}
	emit.Peak(emit.Z)
	Generate()
}

// kind says which operands are packed.
type kind string

const (
	packed  kind = "Packed"
	offset  kind = "Offset"  // B is read in place
	strided kind = "Strided" // A is read in place
	turned  kind = "Turned"  // the same, of blocks of 16 columns
)

// tiles is the kernel for one number of rows of a tile or of two that share A.
// Twelve rows are two panels of A. The 24 sums of a pair keep both multiply-add
// units busy while the loads, 14 or 16 a step of k, stay well below two a cycle; a
// lone tile loads 13 or 14 times for 12 sums.
type tiles struct {
	n    int
	rows int
	kind kind
	walk *emit.Walk // of the kernels that go from panel to panel, else nil
	more *pieces    // what else to fetch; nil if nothing is fetched
	raw  *raw       // what to fetch of the rows that are packed next; nil likewise
}

// sum is the register that holds row i of tile j.
func (t *tiles) sum(i, j int) reg.VecPhysical { return emit.Z(t.n*i + j) }

// free is one of the registers that hold no sum, at least six: in the loop those of B first.
func (t *tiles) free(i int) reg.VecPhysical { return emit.Z(32 - t.frees() + i%t.frees()) }

func (t *tiles) frees() int { return 32 - max(24, t.n*t.rows) }

// stored is the mask of the lanes of half h of tile j that are stored.
func stored(j, h int) reg.OpmaskPhysical {
	return []reg.OpmaskPhysical{reg.K1, reg.K2, reg.K3, reg.K4}[halves*j+h]
}

// upper masks the lanes of the second half.
var upper = reg.K5

func (t *tiles) generate() {
	name, args, params := "Tile", "t", []string{"t"}
	if t.n == 2 {
		name, args, params = "Pair", "t, u", []string{"t", "u"}
	}
	TEXT(fmt.Sprintf("%s%s%d", name, t.kind, t.rows), NOSPLIT, fmt.Sprintf("func(%s *Tile)", args))
	Pragma("noescape")
	count := fmt.Sprint(t.rows)
	if t.rows >= 2*mr {
		t.walk = &emit.Walk{Rows: t.rows}
		count += "*t.Panels"
	}
	Doc(fmt.Sprintf("%s%s%d is ref.Tile%s(…, %s) of %s, which it leaves as they are.", name, t.kind, t.rows, t.kind, count, args))
	var p []gotypes.Component
	for _, param := range params {
		p = append(p, Dereference(Param(param)))
	}
	if t.walk != nil {
		switch t.kind {
		case strided, turned:
			t.more = newPieces(p[0])
		case packed:
			t.raw = newRaw(p[0], "NextPieces")
			last := emit.Addr(p[0], "NextLast")
			t.raw.last = &last
		}
		t.walk.Begin(p[0])
	}
	for i := range t.rows {
		for j := range t.n {
			VPXORQ(t.sum(i, j), t.sum(i, j), t.sum(i, j))
		}
	}
	t.loop(p)
	t.epilogue(p)
	if t.walk != nil {
		switch t.kind {
		case strided:
			ld := emit.Field(p[0], "RowA")
			IMUL3Q(U8(uint8(4*t.rows)), ld, ld)
			ADDQ(ld, t.walk.A)
		case turned:
			ADDQ(U32(uint32(wide*t.rows)), t.walk.A)
		}
		t.walk.Next(p[0])
	}
	VZEROUPPER()
	RET()
}

// loop accumulates the products over k.
func (t *tiles) loop(p []gotypes.Component) {
	k := emit.Field(p[0], "K")
	a, b := t.lines(p[0], k), t.columns(p)
	piece := t.more.load()
	raw := t.raw.load()
	held := t.hold(k)
	unrolls := []int{unroll, 1}
	if t.kind == turned { // whose k is a multiple of 16
		unrolls = unrolls[:1]
	}
	steps := func(name string, load func(u int)) {
		for _, n := range unrolls {
			loop, done := emit.Numbered(name+"Loop", n), emit.Numbered(name+"Done", n)
			Label(loop)
			SUBQ(U32(uint32(n)), k)
			JL(LabelRef(done))
			if n > 1 {
				a.prefetch(n)
				if t.walk == nil && t.kind == packed {
					b.prefetch(n)
				}
				t.more.fetch(piece)
				raw.fetch("fetched")
			}
			for u := range n {
				load(u)
				for i := range t.rows {
					x := t.free(2 + i%(t.frees()-2))
					VBROADCASTSS(a.at(i, u), x)
					for j := range t.n {
						VFMADD231PS(x, t.free(j), t.sum(i, j))
					}
				}
				a.step()
			}
			a.advance(n)
			b.advance(n)
			if t.kind == turned {
				TESTB(U8(wide/4-1), k.As8())
				JNE(LabelRef(loop))
				ADDQ(a.one, a.base[0]) // to the next block
			}
			JMP(LabelRef(loop))
			Label(done)
			if n > 1 {
				ADDQ(U32(uint32(n)), k)
				held.release(k, name, loop, func() { t.prefetch(p) })
			}
		}
	}
	if t.kind != offset {
		steps("packed", b.loadRow)
	} else {
		b.joined("joined")
		steps("halves", b.loadHalves)
		JMP(LabelRef("summed"))
		Label("joined")
		steps("whole", b.loadWhole)
		Label("summed")
	}
	t.more.store(piece)
	t.raw.store(raw)
	if t.walk != nil && len(a.base) == 2 && t.kind != strided {
		MOVQ(a.base[1], t.walk.A) // the next panels follow
	}
}

// lines address the columns of A as they pass by. A packed one has a base for
// each panel, one that is read in place for every three rows, one in blocks for all.
type lines struct {
	base     []reg.GPVirtual
	row, one reg.GPVirtual // bytes from row to row and from step to step; nil if packed
	blocks   bool          // one is what leads from the end of a block to the next; row is nil
}

func (t *tiles) lines(p gotypes.Component, k reg.GPVirtual) *lines {
	l := &lines{}
	per := mr
	switch t.kind {
	case turned:
		per, l.blocks, l.one = t.rows, true, emit.Field(p, "StepA")
		SHLQ(Imm(2), l.one)
		SUBQ(Imm(wide), l.one)
	case strided:
		per = 3
		l.row, l.one = emit.Field(p, "RowA"), emit.Field(p, "StepA")
		SHLQ(Imm(2), l.row)
		SHLQ(Imm(2), l.one)
	}
	for i := 0; i < t.rows; i += per {
		base := GP64()
		switch {
		case i == 0 && t.walk != nil:
			MOVQ(t.walk.A, base)
		case i == 0:
			Load(p.Field("A"), base)
		case t.kind == strided:
			LEAQ(Mem{Base: l.base[i/per-1], Index: l.row, Scale: 2}, base)
			ADDQ(l.row, base)
		default:
			IMUL3Q(U8(4*mr), k, base)
			ADDQ(l.base[0], base)
		}
		l.base = append(l.base, base)
	}
	return l
}

// at is the address of row i, u steps ahead.
func (l *lines) at(i, u int) Mem {
	if l.blocks {
		return Mem{Base: l.base[0], Disp: wide*i + 4*u}
	}
	if l.row == nil {
		return Mem{Base: l.base[i/mr], Disp: 4 * (mr*u + i%mr)}
	}
	m := Mem{Base: l.base[i/3]}
	if i%3 > 0 {
		m.Index, m.Scale = l.row, uint8(i%3)
	}
	return m
}

func (l *lines) prefetch(n int) {
	for line := 0; line < 4*mr*n && l.row == nil && !l.blocks; line += 64 {
		for _, b := range l.base {
			PREFETCHT0(Mem{Base: b, Disp: aheadA + line})
		}
	}
}

// step moves on to the next column where at cannot look ahead.
func (l *lines) step() {
	for _, b := range l.base {
		if l.row != nil {
			ADDQ(l.one, b)
		}
	}
}

func (l *lines) advance(n int) {
	for _, b := range l.base {
		switch {
		case l.blocks:
			ADDQ(U32(uint32(4*n)), b)
		case l.row == nil:
			ADDQ(U32(uint32(4*mr*n)), b)
		}
	}
}

// columns are the rows of each B as they pass by, in the free registers.
type columns struct {
	*tiles
	b   [][halves]reg.GPVirtual
	off reg.GPVirtual // nil of packed ones
}

func (t *tiles) columns(p []gotypes.Component) *columns {
	c := &columns{tiles: t, b: make([][halves]reg.GPVirtual, t.n)}
	for j := range t.n {
		c.b[j][0] = emit.Field(p[j], "B0")
		if t.kind == offset {
			c.b[j][1] = emit.Field(p[j], "B1")
		}
	}
	if t.kind == offset {
		c.off = emit.Field(p[0], "Off")
		m := GP32()
		MOVL(U32(0xff00), m)
		KMOVW(m, upper)
	}
	return c
}

// loadRow loads the row of packed ones that is u steps ahead.
func (c *columns) loadRow(u int) {
	for j := range c.b {
		VMOVUPS(Mem{Base: c.b[j][0], Disp: wide * u}, c.free(j))
	}
}

// joined goes to the label where the halves of each row are neighbours. To join them in a register takes a
// turn of a unit that multiplies, on processors of Intel.
func (c *columns) joined(label string) {
	for j := range c.b {
		apart := GP64()
		MOVQ(c.b[j][1], apart)
		SUBQ(c.b[j][0], apart)
		CMPQ(apart, U8(half))
		JNE(LabelRef("apart"))
	}
	JMP(LabelRef(label))
	Label("apart")
}

// loadHalves loads the row that is u steps ahead, whose halves lie anywhere.
func (c *columns) loadHalves(u int) {
	o := c.offset(u)
	for j := range c.b {
		VMOVUPS(Mem{Base: c.b[j][0], Index: o, Scale: 1}, c.free(j).AsY())
		VMOVUPS(Mem{Base: c.b[j][1], Disp: -half, Index: o, Scale: 1}, upper, c.free(j))
	}
}

// loadWhole is loadHalves of neighbours.
func (c *columns) loadWhole(u int) {
	o := c.offset(u)
	for j := range c.b {
		VMOVUPS(Mem{Base: c.b[j][0], Index: o, Scale: 1}, c.free(j))
	}
}

func (c *columns) offset(u int) reg.GPVirtual {
	o := GP64()
	MOVLQSX(Mem{Base: c.off, Disp: 4 * u}, o)
	return o
}

// prefetch asks for rows that come later, for the second level of cache. Few rows of A take
// less time than B, of which each element is read once, takes to arrive.
func (c *columns) prefetch(n int) {
	for u := range n {
		for j := range c.b {
			PREFETCHT1(Mem{Base: c.b[j][0], Disp: aheadB + wide*u})
		}
	}
}

func (c *columns) advance(n int) {
	if c.off != nil {
		ADDQ(U32(uint32(4*n)), c.off)
		return
	}
	for j := range c.b {
		ADDQ(U32(uint32(wide*n)), c.b[j][0])
	}
}

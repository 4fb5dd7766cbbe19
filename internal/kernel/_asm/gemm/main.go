// Command gemm generates the micro-kernels of the matrix product.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

const (
	mr     = 6  // rows of a tile
	halves = 2  // vectors of a row
	vec    = 32 // bytes of a vector
	unroll = 4
	block  = 64 // bytes of a row of a block of columns

	// How far ahead of its use A is fetched: about two turns of the loop more
	// than the second-level cache takes to answer.
	aheadA = 512
)

func main() {
	ConstraintExpr("amd64,!purego")
	Package("memprobe/internal/kernel/avx2")
	masks := maskTable()
	for rows := 1; rows <= mr; rows++ {
		(&tile{rows: rows, masks: masks, kind: packed}).generate()
		(&tile{rows: rows, masks: masks, kind: offset}).generate()
		(&tile{rows: rows, masks: masks, kind: strided}).generate()
		(&tile{rows: rows, masks: masks, kind: turned}).generate()
	}
	emit.Peak(ymm)
	emit.SecondLevel()
	Generate()
}

// maskTable is 8 words of ones and 8 of zeros: n lanes begin at word 8-n.
func maskTable() Mem {
	m := GLOBL("tileMasks", RODATA|NOPTR)
	for i := range 16 {
		v := U32(0)
		if i < 8 {
			v = 0xffffffff
		}
		DATA(4*i, v)
	}
	return m
}

// kind says which operands are packed.
type kind string

const (
	packed  kind = "Packed"
	offset  kind = "Offset"  // B is read in place
	strided kind = "Strided" // A is read in place
	turned  kind = "Turned"  // the same, of blocks of 16 columns
)

// tile is the kernel for one number of rows.
type tile struct {
	rows  int
	kind  kind
	masks Mem
	walk  *emit.Walk // of the kernels that go from panel to panel, else nil
}

// acc is the register that holds half h of row i. Y12 to Y15 stay free.
func acc(i, h int) reg.VecPhysical { return ymm(halves*i + h) }

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

func (t *tile) generate() {
	name := "Tile" + string(t.kind)
	TEXT(fmt.Sprintf("%s%d", name, t.rows), NOSPLIT, "func(t *Tile)")
	Pragma("noescape")
	count := fmt.Sprint(t.rows)
	if t.rows == mr {
		t.walk = &emit.Walk{Rows: mr}
		count += "*t.Panels"
	}
	Doc(fmt.Sprintf("%s%d is ref.%s(t, %s), t being left as it is.", name, t.rows, name, count))
	p := Dereference(Param("t"))
	if t.walk != nil {
		t.walk.Begin(p)
	}
	for i := range t.rows {
		for h := range halves {
			VXORPS(acc(i, h), acc(i, h), acc(i, h))
		}
	}
	t.prefetchC(p)
	t.loop(p)
	t.epilogue(p)
	if t.walk != nil {
		switch t.kind {
		case strided:
			ld := emit.Field(p, "RowA")
			IMUL3Q(U8(4*mr), ld, ld)
			ADDQ(ld, t.walk.A)
		case turned:
			ADDQ(U32(block*mr), t.walk.A)
		}
		t.walk.Next(p)
	}
	VZEROUPPER()
	RET()
}

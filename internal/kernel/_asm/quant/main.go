// Command quant generates the kernels of products of bytes. For AVX-512 these are the
// tile, by the instructions of VNNI, and the rounding of its sums.
package main

import (
	"os"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"memprobe/internal/kernel/_asm/emit"
)

const (
	rows   = 8
	cols   = 32
	unroll = 2 // steps a turn
)

func main() {
	ConstraintExpr("amd64,!purego")
	if os.Args[len(os.Args)-1] == "avx512" {
		Package("memprobe/internal/kernel/avx512")
		wideTile("TileS8U8", func(a, b, sum Op) { VPDPBUSD(a, b, sum) })
		wideTile("TileU8S8", func(a, b, sum Op) { VPDPBUSD(b, a, sum) })
		widePasses()
	} else {
		Package("memprobe/internal/kernel/avx2")
		tile("TileS8U8", signed, unsigned)
		tile("TileU8S8", unsigned, signed)
		passes()
	}
	Generate()
}

// begin begins a tile: a, b and the offsets of the steps, and their number.
func begin(name string) (a, b, offsets, steps reg.GPVirtual) {
	TEXT(name, NOSPLIT, "func(t *ByteTile)")
	Pragma("noescape")
	Doc(name + " is ref." + name + "(t).")
	t := Dereference(Param("t"))
	return emit.Field(t, "A"), emit.Field(t, "B"), emit.Field(t, "Offsets"), emit.Field(t, "Steps")
}

// loop emits body for each step, u being its place in a turn; offsets and a move on.
func loop(name string, a, offsets, steps reg.GPVirtual, body func(u int)) {
	left := GP64()
	MOVQ(steps, left)
	Label(name)
	SUBQ(U8(unroll), left)
	JL(LabelRef(name + "last"))
	for u := range unroll {
		body(u)
	}
	ADDQ(U32(4*rows*unroll), a)
	ADDQ(U8(8*unroll), offsets)
	JMP(LabelRef(name))
	Label(name + "last")
	ADDQ(U8(unroll), left)
	JZ(LabelRef(name + "store"))
	body(0)
	Label(name + "store")
}

// wideTile holds the whole tile in 16 registers. A byte of a vector of A or B lies
// beside the three that it is summed with.
func wideTile(name string, multiply func(a, b, sum Op)) {
	a, b, offsets, steps := begin(name)
	z := []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15}
	columns, row := []reg.VecPhysical{reg.Z16, reg.Z17, reg.Z18, reg.Z19}, []reg.VecPhysical{reg.Z20, reg.Z21, reg.Z22, reg.Z23}
	for _, r := range z {
		VPXORQ(r, r, r)
	}
	loop("step", a, offsets, steps, func(u int) {
		at := GP64()
		MOVQ(Mem{Base: offsets, Disp: 8 * u}, at)
		for v := range 2 {
			VMOVDQU8(Mem{Base: b, Index: at, Scale: 1, Disp: 64 * v}, columns[2*u+v])
		}
		for i := range rows {
			r := row[i%len(row)]
			VPBROADCASTD(Mem{Base: a, Disp: 4 * (rows*u + i)}, r)
			for v := range 2 {
				multiply(r, columns[2*u+v], z[2*i+v])
			}
		}
	})
	t := Dereference(Param("t"))
	c, ldc := emit.Field(t, "C"), emit.Field(t, "LDC")
	SHLQ(U8(2), ldc)
	for i := range rows {
		for v := range 2 {
			VMOVDQU32(z[2*i+v], Mem{Base: c, Disp: 64 * v})
		}
		ADDQ(ldc, c)
	}
	VZEROUPPER()
	RET()
}

// sign says how bytes become words.
type sign bool

const (
	signed   sign = true
	unsigned sign = false
)

// mask has the even bytes of a vector.
var mask = reg.Y12

// words parts the bytes of v into the even ones, lo, and the odd ones, v itself, as words.
func (s sign) words(v, lo Op) {
	if s == unsigned {
		VPAND(mask, v, lo)
		VPSRLW(U8(8), v, v)
		return
	}
	VPSLLW(U8(8), v, lo)
	VPSRAW(U8(8), lo, lo)
	VPSRAW(U8(8), v, v)
}

// tile computes four rows by 16 columns at a time. Words are multiplied and added in
// pairs without loss; bytes would saturate.
func tile(name string, ofA, ofB sign) {
	begin(name)
	VPCMPEQW(mask, mask, mask)
	VPSRLW(U8(8), mask, mask)
	for _, part := range []struct {
		name     string
		row, col int
	}{{"a", 0, 0}, {"b", 0, 16}, {"c", 4, 0}, {"d", 4, 16}} {
		t := Dereference(Param("t"))
		a, b, offsets, steps := emit.Field(t, "A"), emit.Field(t, "B"), emit.Field(t, "Offsets"), emit.Field(t, "Steps")
		sum := []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7}
		for _, r := range sum {
			VPXOR(r, r, r)
		}
		loop(part.name, a, offsets, steps, func(u int) {
			at := GP64()
			MOVQ(Mem{Base: offsets, Disp: 8 * u}, at)
			even, odd := []reg.VecPhysical{reg.Y8, reg.Y9}, []reg.VecPhysical{reg.Y10, reg.Y11}
			for v := range 2 {
				VMOVDQU(Mem{Base: b, Index: at, Scale: 1, Disp: 4*part.col + 32*v}, odd[v])
				ofB.words(odd[v], even[v])
			}
			for i := range 4 {
				VPBROADCASTD(Mem{Base: a, Disp: 4 * (rows*u + part.row + i)}, reg.Y14)
				ofA.words(reg.Y14, reg.Y13)
				for v := range 2 {
					VPMADDWD(even[v], reg.Y13, reg.Y15)
					VPADDD(reg.Y15, sum[2*i+v], sum[2*i+v])
					VPMADDWD(odd[v], reg.Y14, reg.Y15)
					VPADDD(reg.Y15, sum[2*i+v], sum[2*i+v])
				}
			}
		})
		c, ldc := emit.Field(t, "C"), emit.Field(t, "LDC")
		SHLQ(U8(2), ldc)
		for range part.row {
			ADDQ(ldc, c)
		}
		for i := range 4 {
			for v := range 2 {
				VMOVDQU(sum[2*i+v], Mem{Base: c, Disp: 4*part.col + 32*v})
			}
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

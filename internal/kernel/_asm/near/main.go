// Command near generates the kernels of the nearest-neighbour search.
package main

import (
	"os"
	"strings"
	"sync"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	if os.Args[len(os.Args)-1] == "avx512" { // the package; parsing the flag would open the files
		wideTile("TileI16", func(b, a, product, sum Op) {
			VPMADDWD(b, a, product)
			VPADDD(product, sum, sum)
		})
		wideTile("TileI16VNNI", func(b, a, _, sum Op) { VPDPWSSD(b, a, sum) })
		wideTile("TileI8", func(b, a, _, sum Op) { VPDPBUSD(a, b, sum) })
		wide := width{16, func() reg.VecVirtual { return ZMM() }, wideSieve}
		wide.above()
		wide.peaks()
	} else {
		tile()
		narrow.above()
		narrow.peaks()
		countAbove()
		prefetch()
		squaredDistance()
		centredSums()
		roundCentred()
		addCentred()
	}
	Generate()
}

// narrow is the width of AVX2.
var narrow = width{8, func() reg.VecVirtual { return YMM() }, sieve}

func ymm(i int) reg.VecPhysical {
	return []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7,
		reg.Y8, reg.Y9, reg.Y10, reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}[i]
}

const (
	strip  = 32 // vectors of a strip
	unroll = 2  // pairs of k a turn
)

// product is the frame of a tile: rows of so many vectors of so many bytes, sums of which acc has
// vector v of row i, body adding the products of a pair, the u-th of a turn.
type product struct {
	rows, vectors, bytes int
	acc                  func(i, v int) reg.VecPhysical
	move                 func(from, to Op)
	body                 func(a, b reg.Register, u int)
}

func (t *product) generate(name, doc string) {
	TEXT(name, NOSPLIT, "func(c *int32, ldc int, a, b *int16, pairs int, accumulate bool)")
	Pragma("noescape")
	Doc(doc)
	c, ldc := Load(Param("c"), GP64()), Load(Param("ldc"), GP64())
	a, b := Load(Param("a"), GP64()), Load(Param("b"), GP64())
	pairs := Load(Param("pairs"), GP64())
	flag := GP8()
	Load(Param("accumulate"), flag)
	SHLQ(U8(2), ldc)

	each := func(f func(at Mem, r reg.VecPhysical)) {
		p := GP64()
		MOVQ(c, p)
		for i := range t.rows {
			for v := range t.vectors {
				f(Mem{Base: p, Disp: t.bytes * v}, t.acc(i, v))
			}
			if i < t.rows-1 {
				ADDQ(ldc, p)
			}
		}
	}
	TESTB(flag, flag)
	JZ(LabelRef("zero"))
	each(func(at Mem, r reg.VecPhysical) { t.move(at, r) })
	JMP(LabelRef("loop"))
	Label("zero")
	for i := range t.rows {
		for v := range t.vectors {
			VPXOR(t.acc(i, v).AsY(), t.acc(i, v).AsY(), t.acc(i, v).AsY())
		}
	}
	Label("loop")
	SUBQ(U8(unroll), pairs)
	JL(LabelRef("last"))
	for u := range unroll {
		t.body(a, b, u)
	}
	ADDQ(U32(4*strip*unroll), a)
	ADDQ(U32(4*strip*unroll), b)
	JMP(LabelRef("loop"))
	Label("last")
	ADDQ(U8(unroll), pairs)
	JZ(LabelRef("store"))
	t.body(a, b, 0)
	Label("store")
	each(func(at Mem, r reg.VecPhysical) { t.move(r, at) })
	VZEROUPPER()
	RET()
}

// tile is a quarter of the tile, of 4 rows by 16 columns: what 16 registers hold.
func tile() {
	t := &product{rows: 4, vectors: 2, bytes: 32, move: func(from, to Op) { VMOVDQU(from, to) },
		acc: func(i, v int) reg.VecPhysical { return ymm(2*i + v) }}
	t.body = func(a, b reg.Register, u int) {
		for v := range t.vectors {
			t.move(Mem{Base: b, Disp: 4*strip*u + t.bytes*v}, ymm(8+v))
		}
		for i := range t.rows {
			row := ymm(10 + i%2)
			VPBROADCASTD(Mem{Base: a, Disp: 4 * (strip*u + i)}, row)
			for v := range t.vectors {
				product := ymm(12 + (2*i+v)%4)
				VPMADDWD(ymm(8+v), row, product)
				VPADDD(product, t.acc(i, v), t.acc(i, v))
			}
		}
	}
	t.generate("QuarterTileI16", "QuarterTileI16 is 4 rows by 16 columns of ref.TileI16(c, ldc, a, b, pairs, accumulate).")
}

// wideTile holds the whole tile of 8 rows by 32 columns in 16 registers.
func wideTile(name string, multiply func(b, a, product, sum Op)) {
	zmm := func(i int) reg.VecPhysical {
		return []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
			reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
			reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27}[i]
	}
	t := &product{rows: 8, vectors: 2, bytes: 64, move: func(from, to Op) { VMOVDQU32(from, to) },
		acc: func(i, v int) reg.VecPhysical { return zmm(2*i + v) }}
	t.body = func(a, b reg.Register, u int) {
		for v := range t.vectors {
			t.move(Mem{Base: b, Disp: 4*strip*u + t.bytes*v}, zmm(16+2*u+v))
		}
		for i := range t.rows {
			row := zmm(20 + i%4)
			VPBROADCASTD(Mem{Base: a, Disp: 4 * (strip*u + i)}, row)
			for v := range t.vectors {
				multiply(zmm(16+2*u+v), row, zmm(24+(2*i+v)%4), t.acc(i, v))
			}
		}
	}
	t.generate(name, name+" is ref."+strings.TrimSuffix(name, "VNNI")+"(c, ldc, a, b, pairs, accumulate).")
}

// sieve stores the indices and the scores of the elements whose score is not less than their
// bar, both of which score finds for the eight from j on.
func sieve(score func(j reg.GPVirtual) (score, bar reg.VecVirtual)) {
	n, dst, scores := GP64(), GP64(), GP64()
	Load(Param("n"), n)
	Load(Param("dst"), dst)
	Load(Param("scores"), scores)
	spill := AllocLocal(32)
	j, hits := GP64(), GP64()
	XORQ(j, j)
	XORQ(hits, hits)
	mask, bit, value := GP32(), GP32(), GP32()

	Label("loop")
	CMPQ(j, n)
	JGE(LabelRef("done"))
	v, bar := score(j)
	VCMPPS(U8(notLess), bar, v, bar)
	VMOVMSKPS(bar, mask)
	ADDQ(U8(8), j)
	TESTL(mask, mask)
	JZ(LabelRef("loop"))
	VMOVUPS(v, spill)
	Label("bits")
	BSFL(mask, bit)
	MOVL(spill.Idx(bit.As64(), 4), value)
	MOVL(value, Mem{Base: scores, Index: hits, Scale: 4})
	LEAL(Mem{Base: j, Index: bit, Scale: 1, Disp: -8}, bit)
	MOVL(bit, Mem{Base: dst, Index: hits, Scale: 4})
	INCQ(hits)
	LEAL(Mem{Base: mask, Disp: -1}, bit)
	ANDL(bit, mask)
	JNZ(LabelRef("bits"))
	JMP(LabelRef("loop"))

	Label("done")
	Store(hits, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// firstSixteen are the bytes 0 to 15.
var firstSixteen = sync.OnceValue(func() Mem {
	m := GLOBL("firstSixteen", RODATA|NOPTR)
	for i := range 16 {
		DATA(i, U8(i))
	}
	return m
})

// wideSieve is sieve of sixteen at a time.
func wideSieve(score func(j reg.GPVirtual) (score, bar reg.VecVirtual)) {
	n, dst, scores := GP64(), GP64(), GP64()
	Load(Param("n"), n)
	Load(Param("dst"), dst)
	Load(Param("scores"), scores)
	j, hits, count := GP64(), GP64(), GP64()
	XORQ(j, j)
	XORQ(hits, hits)
	indices, sixteen := ZMM(), ZMM()
	VPMOVZXBD(firstSixteen(), indices)
	step := GP32()
	MOVL(U32(16), step)
	VPBROADCASTD(step, sixteen)
	found, mask, index := ZMM(), K(), ZMM()

	Label("loop")
	CMPQ(j, n)
	JGE(LabelRef("done"))
	v, bar := score(j)
	VCMPPS(U8(notLess), bar, v, mask)
	KMOVW(mask, count.As32())
	POPCNTL(count.As32(), count.As32())
	VPCOMPRESSD_Z(indices, mask, index)
	VCOMPRESSPS_Z(v, mask, found)
	VMOVDQU32(index, Mem{Base: dst, Index: hits, Scale: 4})
	VMOVUPS(found, Mem{Base: scores, Index: hits, Scale: 4})
	ADDQ(count, hits)
	VPADDD(sixteen, indices, indices)
	ADDQ(U8(16), j)
	JMP(LabelRef("loop"))

	Label("done")
	Store(hits, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// notLess is ordered: false for NaN.
const notLess = 0x0d

// width is the registers of so many lanes, and the sieve of them.
type width struct {
	lanes  int
	vector func() reg.VecVirtual
	sieve  func(score func(j reg.GPVirtual) (score, bar reg.VecVirtual))
}

// repeated is a parameter in all lanes of a vector.
func (w width) repeated(name string) reg.VecVirtual {
	at, _ := Param(name).Resolve()
	v := w.vector()
	VBROADCASTSS(at.Addr, v)
	return v
}

// scores is the arguments of which scores are made.
type scores struct {
	w                  width
	dots, weight, bias reg.Register
	a, b, c            reg.VecVirtual
	score, shift       reg.VecVirtual
}

func (w width) scores() *scores {
	return &scores{w, Load(Param("dots"), GP64()), Load(Param("weight"), GP64()), Load(Param("bias"), GP64()),
		w.repeated("a"), w.repeated("b"), w.repeated("c"), w.vector(), w.vector()}
}

// at finds the scores of a vector from j on.
func (s *scores) at(j reg.GPVirtual) reg.VecVirtual {
	VCVTDQ2PS(Mem{Base: s.dots, Index: j, Scale: 4}, s.score)
	VMULPS(Mem{Base: s.weight, Index: j, Scale: 4}, s.a, s.shift)
	VMULPS(s.shift, s.score, s.score)
	VMULPS(Mem{Base: s.bias, Index: j, Scale: 4}, s.b, s.shift)
	VADDPS(s.c, s.shift, s.shift)
	VADDPS(s.shift, s.score, s.score)
	return s.score
}

func (w width) above() {
	TEXT("Above", NOSPLIT, "func(dst *int32, scores *float32, dots *int32, weight, bias, bar *float32, n int, a, b, c, threshold float32) int")
	Pragma("noescape")
	Doc("Above is ref.Above(dst, scores, dots, weight, bias, bar, n, a, b, c, threshold).")
	s, bars := w.scores(), Load(Param("bar"), GP64())
	threshold, bar := w.repeated("threshold"), w.vector()
	w.sieve(func(j reg.GPVirtual) (reg.VecVirtual, reg.VecVirtual) {
		VMINPS(Mem{Base: bars, Index: j, Scale: 4}, threshold, bar)
		return s.at(j), bar
	})
}

func (w width) peaks() {
	TEXT("Peaks", NOSPLIT, "func(peaks *float32, dots *int32, weight, bias *float32, n int, a, b, c float32)")
	Pragma("noescape")
	Doc("Peaks is ref.Peaks(peaks, dots, weight, bias, n, a, b, c).")
	peaks, n, j := Load(Param("peaks"), GP64()), Load(Param("n"), GP64()), GP64()
	s := w.scores()
	XORQ(j, j)
	Label("loop")
	CMPQ(j, n)
	JGE(LabelRef("done"))
	at := Mem{Base: peaks, Index: j, Scale: 4}
	v := s.at(j)
	VMAXPS(at, v, v)
	VMOVUPS(v, at)
	ADDQ(U8(w.lanes), j)
	JMP(LabelRef("loop"))
	Label("done")
	VZEROUPPER()
	RET()
}

func countAbove() {
	TEXT("CountAbove", NOSPLIT, "func(v *float32, n int, threshold float32) int")
	Pragma("noescape")
	Doc("CountAbove is ref.CountAbove(v, n, threshold).")
	v, n := GP64(), GP64()
	Load(Param("v"), v)
	Load(Param("n"), n)
	threshold := narrow.repeated("threshold")
	hits, count := YMM(), GP64()
	VPXOR(hits, hits, hits)
	Label("loop")
	mask := YMM()
	VMOVUPS(Mem{Base: v}, mask)
	VCMPPS(U8(notLess), threshold, mask, mask)
	VPSUBD(mask, hits, hits) // −1 where the comparison holds
	ADDQ(U8(32), v)
	SUBQ(U8(8), n)
	JG(LabelRef("loop"))
	half := XMM()
	VEXTRACTI128(U8(1), hits, half)
	VPADDD(half, hits.AsX(), hits.AsX())
	VPSHUFD(U8(0x4e), hits.AsX(), half)
	VPADDD(half, hits.AsX(), hits.AsX())
	VPSHUFD(U8(0xb1), hits.AsX(), half)
	VPADDD(half, hits.AsX(), hits.AsX())
	VMOVD(hits.AsX(), count.As32())
	Store(count, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func prefetch() {
	TEXT("Prefetch", NOSPLIT, "func(x []uint8)")
	Pragma("noescape")
	Doc("Prefetch asks for the cache lines of x.")
	x, n := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	ADDQ(x, n)
	Label("loop")
	CMPQ(x, n)
	JGE(LabelRef("done"))
	PREFETCHT0(Mem{Base: x})
	ADDQ(U8(64), x)
	JMP(LabelRef("loop"))
	Label("done")
	RET()
}

// Command vec generates the passes over vectors: element by element, reductions, the
// rows of normalisations, optimiser steps, transposes. For AVX-512 these are the costly
// ones alone.
//
// A pass is described by a function on registers, see sweep, fold and rows; the
// loop around it, with a masked tail, comes from here.
package main

import (
	"fmt"
	"os"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("amd64,!purego")
	if os.Args[len(os.Args)-1] == "avx512" { // the package; parsing the flag would open the files
		lanes, wide = 16, true
		arithmetic()
		activations()
		wideFold("Sum", []string{"x"}, func(x []vec, acc vec) { VADDPD(x[0], acc, acc) })
		wideFold("SumSq", []string{"x"}, func(x []vec, acc vec) { VFMADD231PD(x[0], x[0], acc) })
		wideFold("Dot", []string{"a", "b"}, func(x []vec, acc vec) { VFMADD231PD(x[0], x[1], acc) })
		wideExpSum()
		wideSoftmaxRows()
		wideExtremeOf("MaxOf", VMAXPS, word(0xff800000))
		wideExtremeOf("MinOf", VMINPS, word(0x7f800000))
		Generate()
		return
	}
	mask = laneMasks()
	arithmetic()
	activations()
	reductions()
	normalisations()
	optimisers()
	transpose()
	repeat()
	fromUint8()
	splitJoin()
	Generate()
}

var (
	lanes = 8     // elements of a register
	wide  = false // 512 bits
)

// costly are the passes whose arithmetic takes longer than their bytes, so that wider
// registers pay, and how many of their constants they have registers for, see keep.
var costly = map[string]int{
	"Exp": 14, "Log": 0, "Erf": 10, "ErfGrad": 14, "Tanh": 14, "Sigmoid": 14, "Softplus": 14,
	"SoftplusGrad": 14, "Gelu": 15, "GeluGrad": 12, "GeluTanh": 14, "GeluTanhGrad": 14,
	"Silu": 11, "SiluGrad": 14,
}

func register() reg.VecVirtual {
	if wide {
		return ZMM()
	}
	return YMM()
}

// mask has 8 words of ones and 8 of zeros: the first n lanes begin at word 8-n.
var mask Mem

func laneMasks() Mem {
	m := GLOBL("laneMasks", RODATA|NOPTR)
	for i := range 2 * lanes {
		v := U32(0)
		if i < lanes {
			v = 0xffffffff
		}
		DATA(4*i, v)
	}
	return m
}

// loadMask returns the mask of the first n lanes, 0 <= n < 8.
func loadMask(n reg.GPVirtual) reg.VecVirtual {
	at, back, m := GP64(), GP64(), YMM()
	LEAQ(mask.Offset(4*lanes), at)
	MOVQ(n, back)
	NEGQ(back)
	VMOVUPS(Mem{Base: at, Index: back, Scale: 4}, m)
	return m
}

// firstLanes moves the first n lanes of a register, 0 < n < lanes, from and to memory; of 256 bits
// there is a mask of them.
func firstLanes(n reg.GPVirtual) (load func(Mem, vec), store func(vec, Mem), mask vec) {
	if !wide {
		m := loadMask(n)
		return func(from Mem, r vec) { VMASKMOVPS(from, m, r) }, func(r vec, to Mem) { VMASKMOVPS(r, m, to) }, m
	}
	m := lanesMask(n)
	return func(from Mem, r vec) { VMOVUPS_Z(from, m, r) }, func(r vec, to Mem) { VMOVUPS(r, m, to) }, nil
}

// lanesMask is the mask of the first n lanes of 512 bits.
func lanesMask(n reg.GPVirtual) reg.OpmaskVirtual {
	ones, m := GP64(), K()
	MOVQ(U32(0xffff), ones)
	BZHIQ(n, ones, ones)
	KMOVW(ones.As32(), m)
	return m
}

// text begins a function. Its comment names the equivalent Go loop.
func text(name, signature string) {
	TEXT(name, NOSPLIT, "func"+signature)
	Pragma("noescape")
	if doc, ok := docs[name]; ok {
		Doc(doc)
		return
	}
	args := signature[1:strings.Index(signature, ")")]
	var names []string
	for _, field := range strings.Split(args, ", ") {
		names = append(names, strings.Fields(field)[0])
	}
	Doc(fmt.Sprintf("%s is ref.%s(%s).", name, name, strings.Join(names, ", ")))
}

// docs has the comments of functions whose twin in ref has other arguments.
var docs = map[string]string{
	"Index":         "Index is the least i with x[i] == v, or with x[i] a NaN where v is one; -1 if there is none.",
	"TransposeRows": "TransposeRows is ref.Transpose(dst, src, 8, cols, ldd, lds); cols is a multiple of 8.",
	"SGDPlain":      "SGDPlain is ref.SGDStep without momentum.",
	"SGDMomentum":   "SGDMomentum is ref.SGDStep with momentum.",
	"SGDNesterov":   "SGDNesterov is ref.SGDStep with Nesterov's momentum.",
	"AdamStep":      "AdamStep is ref.AdamStep, the fields of AdamCoef one by one.",
	"Split":         "Split is ref.Split(even, odd, src); len(even) is a multiple of 8.",
	"Join":          "Join is ref.Join(dst, even, odd); len(even) is a multiple of 8.",
	"FromUint8":     "FromUint8 is high·x + low·x, the latter rounded, then the sum; len(dst) is a multiple of 8.",
}

func pointer(name string) reg.GPVirtual { return Load(Param(name).Base(), GP64()).(reg.GPVirtual) }

// broadcast fills a register with a scalar argument.
func broadcast(name string) reg.VecVirtual { return broadcastOf(Param(name)) }

func broadcastOf(c gotypes.Component) reg.VecVirtual {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	r := register()
	VBROADCASTSS(b.Addr, r)
	return r
}

// args are the registers that a pass works on.
type args struct {
	x []reg.VecVirtual // one vector of each source
	s []reg.VecVirtual // the scalars, in every lane

	mask reg.VecVirtual // of the lanes that there are; nil where all are
}

// within is v with zeros in lanes that there are not, where x is 0.
func (a args) within(v vec) vec {
	if a.mask == nil {
		return v
	}
	return and(v, a.mask)
}

// sweep is a pass over elements. Every slice has the length of the first of dst;
// a slice may be in dst and in src.
type sweep struct {
	dst, src []string
	scalars  []string
	unroll   int
	woven    bool                          // f is of the functions of op.go alone, see weave
	f        func(a args) []reg.VecVirtual // the vectors of dst
}

func (w sweep) generate(name, signature string) {
	if _, ok := costly[name]; wide && !ok {
		return
	}
	text(name, signature)
	p := map[string]reg.GPVirtual{}
	for _, s := range append(append([]string{}, w.dst...), w.src...) {
		if _, ok := p[s]; !ok {
			p[s] = pointer(s)
		}
	}
	n := Load(Param(w.dst[0]).Len(), GP64()).(reg.GPVirtual)
	var s []reg.VecVirtual
	for _, name := range w.scalars {
		s = append(s, broadcast(name))
	}
	if wide {
		keep(costly[name], func() {
			var x []reg.VecVirtual
			for range w.src {
				x = append(x, register())
			}
			w.f(args{x: x, s: s})
		})
	}
	w.loop("", p, n, s)
	kept = nil
	VZEROUPPER()
	RET()
}

// loop goes over n elements at the pointers p; it leaves n and p changed.
func (w sweep) loop(label string, p map[string]reg.GPVirtual, n reg.GPVirtual, s []reg.VecVirtual) {
	step := func(unroll int) {
		weave(w.woven, unroll, func(u int) {
			var x []reg.VecVirtual
			for _, name := range w.src {
				x = append(x, op(func(r vec) { VMOVUPS(Mem{Base: p[name], Disp: 4 * lanes * u}, r) }))
			}
			for i, r := range w.f(args{x: x, s: s}) {
				emit(func() { VMOVUPS(r, Mem{Base: p[w.dst[i]], Disp: 4 * lanes * u}) })
			}
		})
		w.advance(p, 4*lanes*unroll)
	}
	if w.unroll > 1 {
		Label(label + "blocks")
		SUBQ(U8(lanes*w.unroll), n)
		JL(LabelRef(label + "rest"))
		step(w.unroll)
		JMP(LabelRef(label + "blocks"))
		Label(label + "rest")
		ADDQ(U8(lanes*w.unroll), n)
	}
	Label(label + "vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef(label + "tail"))
	step(1)
	JMP(LabelRef(label + "vectors"))
	Label(label + "tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef(label + "done"))
	load, store, mask := firstLanes(n)
	var x []reg.VecVirtual
	for _, name := range w.src {
		r := register()
		load(Mem{Base: p[name]}, r)
		x = append(x, r)
	}
	for i, r := range w.f(args{x, s, mask}) {
		store(r, Mem{Base: p[w.dst[i]]})
	}
	Label(label + "done")
}

// advance moves every pointer on, in an order that does not change from run to run.
func (w sweep) advance(p map[string]reg.GPVirtual, bytes int) {
	seen := map[string]bool{}
	for _, s := range append(append([]string{}, w.dst...), w.src...) {
		if !seen[s] {
			seen[s] = true
			ADDQ(U32(bytes), p[s])
		}
	}
}

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// widen returns the two halves of v as float64s.
func widen(v vec) (lo, hi vec) {
	lo, hi = YMM(), YMM()
	top := XMM()
	VEXTRACTF128(U8(1), v, top)
	VCVTPS2PD(v.AsX(), lo)
	VCVTPS2PD(top, hi)
	return lo, hi
}

// total is a sum of float64s in progress. Vectors go in turn to the first and to
// the second pair of accumulators, so that additions need not wait for each other.
// Narrow ones go to one accumulator of float32s in turn.
type total struct {
	acc    []vec
	turn   int
	narrow bool // the accumulators hold float32s
}

func newTotal(pairs int) *total {
	t := &total{}
	for range 2 * pairs {
		t.acc = append(t.acc, YMM())
	}
	t.clear()
	return t
}

func (t *total) clear() {
	for _, v := range t.acc {
		VXORPD(v, v, v)
	}
}

// pair returns the accumulators whose turn it is.
func (t *total) pair() (lo, hi vec) {
	lo, hi = t.acc[t.turn], t.acc[t.turn+1]
	t.turn = (t.turn + 2) % len(t.acc)
	return lo, hi
}

// add adds the lanes of v.
func (t *total) add(v vec) {
	if t.narrow {
		sum := t.next()
		VADDPS(v, sum, sum)
		return
	}
	t.addWide(widen(v))
}

func (t *total) addWide(lo, hi vec) {
	a, b := t.pair()
	VADDPD(lo, a, a)
	VADDPD(hi, b, b)
}

// addProduct adds the lanes of a·b: exact as products of float32s are, or as narrow sums rounded once.
func (t *total) addProduct(a, b vec) {
	if t.narrow {
		VFMADD231PS(a, b, t.next())
		return
	}
	alo, ahi := widen(a)
	blo, bhi := widen(b)
	t.addWideProduct(alo, ahi, blo, bhi)
}

func (t *total) addWideProduct(alo, ahi, blo, bhi vec) {
	a, b := t.pair()
	VFMADD231PD(alo, blo, a)
	VFMADD231PD(ahi, bhi, b)
}

// next returns the accumulator of float32s whose turn it is.
func (t *total) next() vec {
	v := t.acc[t.turn]
	t.turn = (t.turn + 1) % len(t.acc)
	return v
}

// value adds the lanes up, in float64.
func (t *total) value() reg.VecVirtual {
	s, low, high := YMM(), XMM(), XMM()
	if t.narrow {
		a, b := t.acc[0], t.acc[2]
		VADDPS(t.acc[1], a, a)
		VADDPS(t.acc[3], b, b)
		VADDPS(b, a, a)
		lo, hi := widen(a)
		t.acc = []vec{lo, hi}
	}
	VADDPD(t.acc[1], t.acc[0], s)
	for i := 2; i < len(t.acc); i += 2 {
		rest := YMM()
		VADDPD(t.acc[i+1], t.acc[i], rest)
		VADDPD(rest, s, s)
	}
	VEXTRACTF128(U8(1), s, high)
	VADDPD(s.AsX(), high, low)
	VPERMILPD(U8(1), low, high)
	VADDSD(high, low, low)
	return low
}

// fold is a reduction of the elements of src to one or two totals. Each vector
// calls f once; f adds to its totals by total.add and total.addProduct, or, where
// narrow is set, to its float32 accumulators, two for each total in turn.
type fold struct {
	src     []string
	scalars []string
	results []string
	f       func(a args, t []*total)
	narrow  bool
}

func (f fold) generate(name, signature string) {
	text(name, signature)
	p := map[string]reg.GPVirtual{}
	for _, s := range f.src {
		p[s] = pointer(s)
	}
	n := Load(Param(f.src[0]).Len(), GP64()).(reg.GPVirtual)
	var s []vec
	for _, name := range f.scalars {
		s = append(s, broadcast(name))
	}
	var totals []*total
	for range f.results {
		t := newTotal(2)
		t.narrow = f.narrow
		totals = append(totals, t)
	}
	sweep{src: f.src, unroll: 4, f: func(a args) []vec { f.f(a, totals); return nil }}.loop("", p, n, s)
	for i, r := range f.results {
		v := totals[i].value()
		if r == "" {
			Store(v, ReturnIndex(i))
		} else {
			Store(v, Return(r))
		}
	}
	VZEROUPPER()
	RET()
}

func reductions() {
	fold{src: []string{"x"}, results: []string{""},
		f: func(a args, t []*total) { t[0].add(a.x[0]) },
	}.generate("Sum", "(x []float32) float64")
	fold{src: []string{"x"}, results: []string{""},
		f: func(a args, t []*total) {
			lo, hi := widen(a.x[0])
			t[0].addWideProduct(lo, hi, lo, hi)
		},
	}.generate("SumSq", "(x []float32) float64")
	fold{src: []string{"a", "b"}, results: []string{""},
		f: func(a args, t []*total) { t[0].addProduct(a.x[0], a.x[1]) },
	}.generate("Dot", "(a, b []float32) float64")
	fold{src: []string{"a", "b"}, results: []string{""}, narrow: true,
		f: func(a args, t []*total) { t[0].addProduct(a.x[0], a.x[1]) },
	}.generate("ShortDot", "(a, b []float32) float64")
	addWide()
	extremeOf("MaxOf", func(m, x vec) { VMAXPS(x, m, m) }, word(0xff800000))
	extremeOf("MinOf", func(m, x vec) { VMINPS(x, m, m) }, word(0x7f800000))
	index()
	expSum()
	sweep{dst: []string{"at"}, src: []string{"at", "x", "m"}, scalars: []string{"k"}, unroll: 2,
		f: func(a args) []vec {
			x, m := a.x[1], a.x[2]
			hit := or(cmp(eq, x, m), and(cmp(unord, x, x), cmp(unord, m, m)))
			return result(choose(hit, a.s[0], a.x[0]))
		},
	}.generate("Match", "(at, x, m []float32, k float32)")
}

// addWide generates the addition of a vector to sums of float64s.
func addWide() {
	text("AddWide", "(sum []float64, x []float32)")
	sum, x := pointer("sum"), pointer("x")
	n := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("rest"))
	for half := range 2 {
		v, at := YMM(), Mem{Base: sum, Disp: 32 * half}
		VCVTPS2PD(Mem{Base: x, Disp: 16 * half}, v)
		VADDPD(at, v, v)
		VMOVUPD(v, at)
	}
	ADDQ(U8(4*lanes), x)
	ADDQ(U8(8*lanes), sum)
	JMP(LabelRef("vectors"))
	Label("rest")
	ADDQ(U8(lanes), n)
	Label("singles")
	DECQ(n)
	JL(LabelRef("done"))
	v := XMM()
	VXORPD(v, v, v)
	VCVTSS2SD(Mem{Base: x}, v, v)
	VADDSD(Mem{Base: sum}, v, v)
	VMOVSD(v, Mem{Base: sum})
	ADDQ(U8(4), x)
	ADDQ(U8(8), sum)
	JMP(LabelRef("singles"))
	Label("done")
	VZEROUPPER()
	RET()
}

// extremeOf generates MaxOf or MinOf. start is what an empty x gives.
func extremeOf(name string, f func(m, x vec), start Mem) {
	text(name, "(x []float32) float32")
	x := pointer("x")
	n := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	var m [2]vec
	nan := YMM()
	for i := range m {
		m[i] = loadNew(start)
	}
	VXORPS(nan, nan, nan)
	take := func(v, m vec) {
		VORPS(cmp(unord, v, v), nan, nan)
		f(m, v)
	}
	Label("pairs")
	SUBQ(U8(2*lanes), n)
	JL(LabelRef("rest"))
	for i := range m {
		v := YMM()
		VMOVUPS(Mem{Base: x, Disp: 32 * i}, v)
		take(v, m[i])
	}
	ADDQ(U8(64), x)
	JMP(LabelRef("pairs"))
	Label("rest")
	ADDQ(U8(2*lanes), n)
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("tail"))
	v := YMM()
	VMOVUPS(Mem{Base: x}, v)
	take(v, m[0])
	ADDQ(U8(32), x)
	JMP(LabelRef("vectors"))
	Label("tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef("done"))
	keep := loadMask(n)
	last := YMM()
	VMASKMOVPS(Mem{Base: x}, keep, last)
	take(choose(keep, last, load(start)), m[0])
	Label("done")
	f(m[0], m[1])
	top, low := XMM(), XMM()
	VEXTRACTF128(U8(1), m[0], top)
	fx := func(a, b reg.VecVirtual) {
		if name == "MaxOf" {
			VMAXPS(a, b, b)
		} else {
			VMINPS(a, b, b)
		}
	}
	VMOVAPS(m[0].AsX(), low)
	fx(top, low)
	VPERMILPS(U8(0x4e), low, top)
	fx(top, low)
	VPERMILPS(U8(0xb1), low, top)
	fx(top, low)
	any := GP32()
	VMOVMSKPS(nan, any)
	TESTL(any, any)
	JZ(LabelRef("number"))
	VMOVSS(word(0x7fc00000), low)
	Label("number")
	Store(low, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// index generates the search for the first element that equals v, or that is
// NaN where v is.
func index() {
	text("Index", "(x []float32, v float32) int")
	x := pointer("x")
	n := Load(Param("x").Len(), GP64()).(reg.GPVirtual)
	v := broadcast("v")
	vNaN := cmp(unord, v, v)
	at, hit := GP64(), GP64()
	XORQ(at, at)
	found := func(e vec) {
		m := or(cmp(eq, e, v), and(vNaN, cmp(unord, e, e)))
		VMOVMSKPS(m, hit.As32())
	}
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("tail"))
	e := YMM()
	VMOVUPS(Mem{Base: x, Index: at, Scale: 4}, e)
	found(e)
	TESTQ(hit, hit)
	JNZ(LabelRef("hit"))
	ADDQ(U8(lanes), at)
	JMP(LabelRef("vectors"))
	Label("tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef("miss"))
	last, keep := YMM(), loadMask(n)
	VMASKMOVPS(Mem{Base: x, Index: at, Scale: 4}, keep, last)
	found(last)
	in := GP64()
	VMOVMSKPS(keep, in.As32())
	ANDQ(in, hit)
	JZ(LabelRef("miss"))
	Label("hit")
	BSFQ(hit, hit)
	ADDQ(hit, at)
	Store(at, ReturnIndex(0))
	VZEROUPPER()
	RET()
	Label("miss")
	MOVQ(I32(-1), at)
	Store(at, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func expSum() {
	text("ExpSum", "(dst, x []float32, m float32) float64")
	p := map[string]reg.GPVirtual{"dst": pointer("dst"), "x": pointer("x")}
	n := Load(Param("dst").Len(), GP64()).(reg.GPVirtual)
	m, t := broadcast("m"), newTotal(1)
	sweep{dst: []string{"dst"}, src: []string{"x"}, unroll: 3}.reduceTail(p, n, func(x vec) vec {
		return expFlush(sub(x, m))
	}, t)
	Store(t.value(), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// reduceTail is loop for a pass that stores f(x) and adds it to t, where the
// lanes beyond the end must not count.
func (w sweep) reduceTail(p map[string]reg.GPVirtual, n reg.GPVirtual, f func(x vec) vec, t *total) {
	step := func(vectors int) {
		var y []vec
		weave(true, vectors, func(i int) {
			x := op(func(r vec) { VMOVUPS(Mem{Base: p["x"], Disp: 32 * i}, r) })
			y = append(y, f(x))
		})
		for i, y := range y {
			VMOVUPS(y, Mem{Base: p["dst"], Disp: 32 * i})
			t.add(y)
		}
		w.advance(p, 32*vectors)
	}
	Label("blocks")
	SUBQ(U8(lanes*w.unroll), n)
	JL(LabelRef("rest"))
	step(w.unroll)
	JMP(LabelRef("blocks"))
	Label("rest")
	ADDQ(U8(lanes*w.unroll), n)
	Label("vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("tail"))
	step(1)
	JMP(LabelRef("vectors"))
	Label("tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef("done"))
	m, last := loadMask(n), YMM()
	VMASKMOVPS(Mem{Base: p["x"]}, m, last)
	y := and(f(last), m)
	VMASKMOVPS(y, m, Mem{Base: p["dst"]})
	t.add(y)
	Label("done")
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows is a pass over rows of s contiguous elements. Parameters are slices with
// one scalar for each row; totals are slices of float64s to which each row adds. Two narrow
// totals are summed in float32 for up to span elements of a row.
type rows struct {
	dst, src       []string
	params, totals []string
	narrow         bool
	f              func(a args, t []*total) []vec
}

// span is how many elements narrow totals take: 32 in each lane of four accumulators.
const span = 1024

func (w rows) generate(name, signature string) {
	text(name, signature)
	p := map[string]reg.GPVirtual{}
	for _, s := range append(append([]string{}, w.dst...), w.src...) {
		p[s] = pointer(s)
	}
	size, row, n := Load(Param("s"), GP64()).(reg.GPVirtual), GP64(), GP64()
	XORQ(row, row)
	unroll := 2
	var totals []*total
	for range w.totals {
		t := newTotal(2)
		if w.narrow {
			t.narrow, unroll = true, len(t.acc)
		}
		totals = append(totals, t)
	}
	CMPQ(size, U8(1))
	JE(LabelRef("columns"))
	if w.narrow || len(w.totals) == 0 {
		w.quads(p, size, row, totals)
	}
	Label("row")
	CMPQ(row, w.count())
	JGE(LabelRef("end"))
	var s []vec
	for _, name := range w.params {
		base, v := pointer(name), YMM()
		VBROADCASTSS(Mem{Base: base, Index: row, Scale: 4}, v)
		s = append(s, v)
	}
	rest := GP64()
	MOVQ(size, n)
	if w.narrow {
		MOVQ(size, rest)
		Label("part")
		MOVQ(U32(span), n)
		CMPQ(rest, n)
		CMOVQLT(rest, n)
		SUBQ(n, rest)
	}
	for _, t := range totals {
		t.clear()
	}
	inner := sweep{dst: w.dst, src: w.src, unroll: unroll, f: func(a args) []vec { return w.f(a, totals) }}
	inner.loop("row_", p, n, s)
	for _, name := range append(append([]string{}, w.dst...), w.src...) {
		LEAQ(Mem{Base: p[name], Index: n, Scale: 4}, p[name])
	}
	if w.narrow {
		w.addPair(row, totals[0], totals[1])
		TESTQ(rest, rest)
		JNZ(LabelRef("part"))
	} else {
		for i, name := range w.totals {
			v, at := totals[i].value(), Mem{Base: pointer(name), Index: row, Scale: 8}
			VADDSD(at, v, v)
			VMOVSD(v, at)
		}
	}
	INCQ(row)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
	Label("columns")
	w.columns(p)
}

// quads generates the pass over four rows at a time, as long as there are four, where rows are of 16
// or 32 elements: a loop of their own would take longer than these.
// An accumulator belongs to one of the rows.
func (w rows) quads(p map[string]reg.GPVirtual, size, row reg.GPVirtual, totals []*total) {
	Label("quads")
	TESTQ(U32(15), size)
	JNZ(LabelRef("row"))
	bytes, thrice, left := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: size, Disp: -1}, left)
	CMPQ(left, U8(32))
	JCC(LabelRef("row")) // none, or many
	MOVQ(size, bytes)
	SHLQ(U8(2), bytes)
	LEAQ(Mem{Base: bytes, Index: bytes, Scale: 2}, thrice)
	Label("quad")
	LEAQ(Mem{Base: row, Disp: 4}, left)
	CMPQ(left, w.count())
	JG(LabelRef("row"))
	for _, t := range totals {
		t.clear()
	}
	params := map[string]reg.GPVirtual{}
	for _, name := range w.params {
		params[name] = pointer(name)
		LEAQ(Mem{Base: params[name], Index: row, Scale: 4}, params[name])
	}
	MOVQ(size, left)
	Label("quad_part")
	for r := range 4 {
		var s []vec
		for _, name := range w.params {
			v := YMM()
			VBROADCASTSS(Mem{Base: params[name], Disp: 4 * r}, v)
			s = append(s, v)
		}
		var one []*total
		for _, t := range totals {
			one = append(one, &total{acc: t.acc[r : r+1], narrow: true})
		}
		at := func(name string, half int) Mem {
			m := Mem{Base: p[name], Disp: 32 * half}
			switch r {
			case 1, 2:
				m.Index, m.Scale = bytes, uint8(r)
			case 3:
				m.Index, m.Scale = thrice, 1
			}
			return m
		}
		for half := range 2 {
			var x []vec
			for _, name := range w.src {
				v := YMM()
				VMOVUPS(at(name, half), v)
				x = append(x, v)
			}
			for i, v := range w.f(args{x: x, s: s}, one) {
				VMOVUPS(v, at(w.dst[i], half))
			}
		}
	}
	streams := append(append([]string{}, w.dst...), w.src...)
	for _, name := range streams {
		ADDQ(U8(64), p[name])
	}
	SUBQ(U8(16), left)
	JNZ(LabelRef("quad_part"))
	for _, name := range streams {
		ADDQ(thrice, p[name])
	}
	for i, t := range totals {
		pairs, top, sums := YMM(), XMM(), YMM()
		VHADDPS(t.acc[1], t.acc[0], t.acc[0])
		VHADDPS(t.acc[3], t.acc[2], t.acc[2])
		VHADDPS(t.acc[2], t.acc[0], pairs)
		VEXTRACTF128(U8(1), pairs, top)
		VADDPS(pairs.AsX(), top, top)
		VCVTPS2PD(top, sums)
		to := Mem{Base: pointer(w.totals[i]), Index: row, Scale: 8}
		VADDPD(to, sums, sums)
		VMOVUPD(sums, to)
	}
	ADDQ(U8(4), row)
	JMP(LabelRef("quad"))
}

// addPair adds two narrow totals to those of a row.
func (w rows) addPair(row reg.GPVirtual, a, b *total) {
	var wide [2]vec
	for i, t := range []*total{a, b} {
		top, low := XMM(), XMM()
		VADDPS(t.acc[1], t.acc[0], t.acc[0])
		VADDPS(t.acc[3], t.acc[2], t.acc[2])
		VADDPS(t.acc[2], t.acc[0], t.acc[0])
		VEXTRACTF128(U8(1), t.acc[0], top)
		VADDPS(t.acc[0].AsX(), top, low)
		wide[i] = YMM()
		VCVTPS2PD(low, wide[i])
	}
	both, top, have := YMM(), XMM(), XMM()
	VHADDPD(wide[1], wide[0], both)
	VEXTRACTF128(U8(1), both, top)
	VADDPD(both.AsX(), top, top)
	at := [2]Mem{}
	for i, name := range w.totals {
		at[i] = Mem{Base: pointer(name), Index: row, Scale: 8}
	}
	VMOVSD(at[0], have)
	VMOVHPD(at[1], have, have)
	VADDPD(have, top, top)
	VMOVSD(top, at[0])
	VMOVHPD(top, at[1])
}

// count loads the number of rows.
func (w rows) count() reg.GPVirtual {
	name := append(append([]string{}, w.totals...), w.params...)[0]
	return Load(Param(name).Len(), GP64()).(reg.GPVirtual)
}

// columns generates the pass for rows of one element: 8 rows are a vector, and so
// are their parameters and totals.
func (w rows) columns(p map[string]reg.GPVirtual) {
	for _, s := range append(append([]string{}, w.params...), w.totals...) {
		p[s] = pointer(s)
	}
	n, at := w.count(), GP64()
	XORQ(at, at)
	f32 := func(name string) Mem { return Mem{Base: p[name], Index: at, Scale: 4} }
	f64 := func(name string, half int) Mem { return Mem{Base: p[name], Index: at, Scale: 8, Disp: 32 * half} }
	step := func(load, store func(v vec, m Mem, half int)) {
		var a args
		for _, s := range w.src {
			v := YMM()
			load(v, f32(s), -1)
			a.x = append(a.x, v)
		}
		for _, s := range w.params {
			v := YMM()
			load(v, f32(s), -1)
			a.s = append(a.s, v)
		}
		var totals []*total
		for _, s := range w.totals {
			t := &total{acc: []vec{YMM(), YMM()}}
			for half, v := range t.acc {
				load(v, f64(s, half), half)
			}
			totals = append(totals, t)
		}
		for i, v := range w.f(a, totals) {
			store(v, f32(w.dst[i]), -1)
		}
		for i, t := range totals {
			for half, v := range t.acc {
				store(v, f64(w.totals[i], half), half)
			}
		}
	}
	Label("columns_vectors")
	SUBQ(U8(lanes), n)
	JL(LabelRef("columns_tail"))
	step(func(v vec, m Mem, _ int) { VMOVUPS(m, v) }, func(v vec, m Mem, _ int) { VMOVUPS(v, m) })
	ADDQ(U8(lanes), at)
	JMP(LabelRef("columns_vectors"))
	Label("columns_tail")
	ADDQ(U8(lanes), n)
	JZ(LabelRef("columns_done"))
	m := loadMask(n)
	wide := [2]vec{YMM(), YMM()}
	top := XMM()
	VEXTRACTF128(U8(1), m, top)
	VPMOVSXDQ(m.AsX(), wide[0])
	VPMOVSXDQ(top, wide[1])
	step(func(v vec, at Mem, half int) {
		if half < 0 {
			VMASKMOVPS(at, m, v)
		} else {
			VMASKMOVPD(at, wide[half], v)
		}
	}, func(v vec, at Mem, half int) {
		if half < 0 {
			VMASKMOVPS(v, m, at)
		} else {
			VMASKMOVPD(v, wide[half], at)
		}
	})
	Label("columns_done")
	VZEROUPPER()
	RET()
}

// normalized is a·(x-mean) + b.
func normalized(x, mean, a, b vec) vec { return fma(sub(x, mean), a, b) }

func normalisations() {
	rows{src: []string{"x"}, totals: []string{"sum"},
		f: func(a args, t []*total) []vec {
			t[0].add(a.x[0])
			return nil
		},
	}.generate("AddSums", "(sum []float64, x []float32, s int)")
	rows{src: []string{"x"}, params: []string{"shift"}, totals: []string{"sum", "sumSq"}, narrow: true,
		f: func(a args, t []*total) []vec {
			d := a.within(sub(a.x[0], a.s[0]))
			t[0].add(d)
			t[1].addProduct(d, d)
			return nil
		},
	}.generate("Moments", "(sum, sumSq []float64, x, shift []float32, s int)")
	moments := func(d, centred vec, t []*total) {
		t[0].add(d)
		t[1].addProduct(d, centred)
	}
	rows{src: []string{"dy", "x"}, params: []string{"mean"}, totals: []string{"sum", "dot"}, narrow: true,
		f: func(a args, t []*total) []vec {
			moments(a.x[0], sub(a.x[1], a.s[0]), t)
			return nil
		},
	}.generate("GradMoments", "(sum, dot []float64, dy, x, mean []float32, s int)")
	rows{src: []string{"dy", "x"}, params: []string{"mean", "a", "b"}, totals: []string{"sum", "dot"}, narrow: true,
		f: func(a args, t []*total) []vec {
			centred := sub(a.x[1], a.s[0])
			moments(gate(a.x[0], fma(centred, a.s[1], a.s[2])), centred, t)
			return nil
		},
	}.generate("GatedGradMoments", "(sum, dot []float64, dy, x, mean, a, b []float32, s int)")
	rows{dst: []string{"d"}, src: []string{"dy", "y", "x"}, params: []string{"mean"}, totals: []string{"sum", "dot"}, narrow: true,
		f: func(a args, t []*total) []vec {
			d := gate(a.x[0], a.x[1])
			moments(d, sub(a.x[2], a.s[0]), t)
			return result(d)
		},
	}.generate("ReluGradMoments", "(sum, dot []float64, d, dy, y, x, mean []float32, s int)")

	for _, residual := range []bool{false, true} {
		for _, withRelu := range []bool{false, true} {
			name, signature, src := "Normalize", "x", []string{"x"}
			if residual {
				name, signature, src = name+"Add", "x, residual", append(src, "residual")
			}
			if withRelu {
				name += "Relu"
			}
			rows{dst: []string{"y"}, src: src, params: []string{"mean", "a", "b"},
				f: func(a args, _ []*total) []vec {
					y := normalized(a.x[0], a.s[0], a.s[1], a.s[2])
					if residual {
						y = add(y, a.x[1])
					}
					if withRelu {
						y = relu(y)
					}
					return result(y)
				},
			}.generate(name, fmt.Sprintf("(y, %s, mean, a, b []float32, s int)", signature))
		}
	}
	grad := func(dy, x, mean, p, q, c vec) []vec {
		return result(fma(dy, p, fma(sub(x, mean), q, c)))
	}
	rows{dst: []string{"dx"}, src: []string{"dy", "x"}, params: []string{"mean", "p", "q", "c"},
		f: func(a args, _ []*total) []vec { return grad(a.x[0], a.x[1], a.s[0], a.s[1], a.s[2], a.s[3]) },
	}.generate("NormalizeGrad", "(dx, dy, x, mean, p, q, c []float32, s int)")
	rows{dst: []string{"dx"}, src: []string{"dy", "x"}, params: []string{"mean", "a", "b", "p", "q", "c"},
		f: func(a args, _ []*total) []vec {
			centred := sub(a.x[1], a.s[0])
			d := gate(a.x[0], fma(centred, a.s[1], a.s[2]))
			return result(fma(d, a.s[3], fma(centred, a.s[4], a.s[5])))
		},
	}.generate("GatedNormalizeGrad", "(dx, dy, x, mean, a, b, p, q, c []float32, s int)")
	rows{dst: []string{"y"}, src: []string{"x"}, params: []string{"a"},
		f: func(a args, _ []*total) []vec { return result(mul(a.x[0], a.s[0])) },
	}.generate("MulRows", "(y, x, a []float32, s int)")
	rowPasses()
}

// rowPasses are those over one row with a scale for each element.
func rowPasses() {
	centred := func(x vec, a args) vec { return mul(sub(x, a.s[0]), a.s[1]) }
	sweep{dst: []string{"y"}, src: []string{"x", "scale", "bias"}, scalars: []string{"mean", "inv"}, unroll: 2,
		f: func(a args) []vec { return result(fma(centred(a.x[0], a), a.x[1], a.x[2])) },
	}.generate("RowNorm", "(y, x, scale, bias []float32, mean, inv float32)")
	fold{src: []string{"dy", "x", "scale"}, scalars: []string{"mean", "inv"}, results: []string{"sum", "dot"}, narrow: true,
		f: func(a args, t []*total) {
			g, sum := mul(a.x[0], a.x[2]), t[0].next()
			VADDPS(g, sum, sum)
			VFMADD231PS(g, centred(a.x[1], a), t[1].next())
		},
	}.generate("RowNormGradSums", "(dy, x, scale []float32, mean, inv float32) (sum, dot float64)")
	sweep{dst: []string{"dx", "dscale", "dbias"}, src: []string{"dy", "x", "scale", "dscale", "dbias"},
		scalars: []string{"mean", "inv", "c", "d"}, unroll: 1,
		f: func(a args) []vec {
			dy, scale := a.x[0], a.x[2]
			z := centred(a.x[1], a)
			g := fnma(z, a.s[3], fma(dy, scale, neg(a.s[2])))
			return []vec{mul(g, a.s[1]), fma(dy, z, a.x[3]), add(a.x[4], dy)}
		},
	}.generate("RowNormGrad", "(dx, dscale, dbias, dy, x, scale []float32, mean, inv, c, d float32)")
	gradient("SoftmaxGrad", "y", "s", 4, func(a args, dy, y vec) vec { return mul(y, sub(dy, a.s[0])) })
	gradient("LogSoftmaxGrad", "y", "s", 2, func(a args, dy, y vec) vec { return fnma(expFlush(y), a.s[0], dy) })
}

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows is a pass over rows of s contiguous elements. Parameters are slices with
// one scalar for each row; totals are slices of float64s to which each row adds.
type rows struct {
	dst, src       []string
	params, totals []string
	f              func(a args, t []*total) []vec
}

func (w rows) generate(name, signature string) {
	text(name, signature)
	p := map[string]reg.GPVirtual{}
	for _, s := range append(append([]string{}, w.dst...), w.src...) {
		p[s] = pointer(s)
	}
	size, row, n := Load(Param("s"), GP64()), GP64(), GP64()
	XORQ(row, row)
	var totals []*total
	for range w.totals {
		totals = append(totals, newTotal(2))
	}
	CMPQ(size, U8(1))
	JE(LabelRef("columns"))
	Label("row")
	CMPQ(row, w.count())
	JGE(LabelRef("end"))
	var s []vec
	for _, name := range w.params {
		base, v := pointer(name), YMM()
		VBROADCASTSS(Mem{Base: base, Index: row, Scale: 4}, v)
		s = append(s, v)
	}
	for _, t := range totals {
		t.clear()
	}
	MOVQ(size, n)
	inner := sweep{dst: w.dst, src: w.src, unroll: 2, f: func(a args) []vec { return w.f(a, totals) }}
	inner.loop("row_", p, n, s)
	for _, name := range append(append([]string{}, w.dst...), w.src...) {
		LEAQ(Mem{Base: p[name], Index: n, Scale: 4}, p[name])
	}
	for i, name := range w.totals {
		base, v := pointer(name), totals[i].value()
		at := Mem{Base: base, Index: row, Scale: 8}
		VADDSD(at, v, v)
		VMOVSD(v, at)
	}
	INCQ(row)
	JMP(LabelRef("row"))
	Label("end")
	VZEROUPPER()
	RET()
	Label("columns")
	w.columns(p)
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
	rows{src: []string{"x"}, totals: []string{"sum", "sumSq"},
		f: func(a args, t []*total) []vec {
			lo, hi := widen(a.x[0])
			t[0].addWide(lo, hi)
			t[1].addWideProduct(lo, hi, lo, hi)
			return nil
		},
	}.generate("Moments", "(sum, sumSq []float64, x []float32, s int)")
	gradMoments := func(dy, x vec, t []*total) []vec {
		lo, hi := widen(dy)
		xlo, xhi := widen(x)
		t[0].addWide(lo, hi)
		t[1].addWideProduct(lo, hi, xlo, xhi)
		return nil
	}
	rows{src: []string{"dy", "x"}, totals: []string{"sum", "dot"},
		f: func(a args, t []*total) []vec { return gradMoments(a.x[0], a.x[1], t) },
	}.generate("GradMoments", "(sum, dot []float64, dy, x []float32, s int)")
	rows{src: []string{"dy", "x"}, params: []string{"mean", "a", "b"}, totals: []string{"sum", "dot"},
		f: func(a args, t []*total) []vec {
			dy, x := a.x[0], a.x[1]
			return gradMoments(gate(dy, normalized(x, a.s[0], a.s[1], a.s[2])), x, t)
		},
	}.generate("GatedGradMoments", "(sum, dot []float64, dy, x, mean, a, b []float32, s int)")

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

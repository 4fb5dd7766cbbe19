package vec

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
)

// pass is one pass over vectors, at float32 and as its oracle at float64. Both
// take up to three sources; the scalars are part of them. A result may differ by
// ulp units in the last place or by abs, whichever is more; for gradients abs is
// per unit of dy above 1.
type pass struct {
	name     string
	sources  int
	run      func(dst, a, b, c []float32)
	oracle   func(dst, a, b, c []float64)
	ulp, abs float64
	// lo and hi bound the last source, unless both are 0.
	lo, hi float32
}

func u(name string, f func(_, _ []float32), g func(_, _ []float64), ulp, abs float64) pass {
	return pass{name: name, sources: 1, ulp: ulp, abs: abs,
		run:    func(dst, a, _, _ []float32) { f(dst, a) },
		oracle: func(dst, a, _, _ []float64) { g(dst, a) }}
}

func u1(name string, f func(_, _ []float32, _ float32), g func(_, _ []float64, _ float64), k float32,
	ulp, abs float64) pass {
	return u(name, func(dst, x []float32) { f(dst, x, k) }, func(dst, x []float64) { g(dst, x, float64(k)) }, ulp, abs)
}

func u2(name string, f func(_, _ []float32, _, _ float32), g func(_, _ []float64, _, _ float64), k, l float32,
	ulp, abs float64) pass {
	return u(name, func(dst, x []float32) { f(dst, x, k, l) },
		func(dst, x []float64) { g(dst, x, float64(k), float64(l)) }, ulp, abs)
}

func b(name string, f func(_, _, _ []float32), g func(_, _, _ []float64), ulp, abs float64) pass {
	return pass{name: name, sources: 2, ulp: ulp, abs: abs,
		run:    func(dst, a, b, _ []float32) { f(dst, a, b) },
		oracle: func(dst, a, b, _ []float64) { g(dst, a, b) }}
}

func b1(name string, f func(_, _, _ []float32, _ float32), g func(_, _, _ []float64, _ float64), k float32,
	ulp, abs float64) pass {
	return b(name, func(dst, a, b []float32) { f(dst, a, b, k) },
		func(dst, a, b []float64) { g(dst, a, b, float64(k)) }, ulp, abs)
}

func b2(name string, f func(_, _, _ []float32, _, _ float32), g func(_, _, _ []float64, _, _ float64), k, l float32,
	ulp, abs float64) pass {
	return b(name, func(dst, a, b []float32) { f(dst, a, b, k, l) },
		func(dst, a, b []float64) { g(dst, a, b, float64(k), float64(l)) }, ulp, abs)
}

// passes lists every pass with its error bound: 0.5 units for what is rounded
// once, the bounds that the package states for the functions.
func passes() []pass {
	const once = 0.5
	return []pass{
		b("Add", Add[float32], ref.Add[float64], once, 0), b("Sub", Sub[float32], ref.Sub[float64], once, 0),
		b("Mul", Mul[float32], ref.Mul[float64], once, 0), b("Div", Div[float32], ref.Div[float64], once, 0),
		b("Max", Max[float32], ref.Max[float64], 0, 0), b("Min", Min[float32], ref.Min[float64], 0, 0),
		{name: "Fma", sources: 3, run: Fma[float32], oracle: ref.Fma[float64], ulp: 0.501},
		u1("AddScalar", AddScalar[float32], ref.AddScalar[float64], 0.3, once, 0),
		u1("MulScalar", MulScalar[float32], ref.MulScalar[float64], -0.7, once, 0),
		u1("DivScalar", DivScalar[float32], ref.DivScalar[float64], 3, once, 0),
		u1("ScalarDiv", ScalarDiv[float32], ref.ScalarDiv[float64], 3, once, 0),
		u2("Affine", Affine[float32], ref.Affine[float64], 1.7, -0.4, 0.501, 0),
		u("Abs", Abs[float32], ref.Abs[float64], 0, 0), u("Neg", Neg[float32], ref.Neg[float64], 0, 0),
		u("Sqrt", Sqrt[float32], ref.Sqrt[float64], once, 0),
		u("Reciprocal", Reciprocal[float32], ref.Reciprocal[float64], once, 0),
		u("Relu", Relu[float32], ref.Relu[float64], 0, 0), b("ReluGrad", ReluGrad[float32], ref.ReluGrad[float64], 0, 0),
		u1("LeakyRelu", LeakyRelu[float32], ref.LeakyRelu[float64], 0.1, once, 0),
		b1("LeakyReluGrad", LeakyReluGrad[float32], ref.LeakyReluGrad[float64], 0.1, once, 0),
		u2("Clip", Clip[float32], ref.Clip[float64], -1, 0.5, 0, 0),
		b2("ClipGrad", ClipGrad[float32], ref.ClipGrad[float64], -1, 0.5, 0, 0),
		u("Exp", Exp[float32], ref.Exp[float64], 1.2, 0), u("Log", Log[float32], ref.Log[float64], 1, 0),
		u("Erf", Erf[float32], ref.Erf[float64], 1.5, 0), b("ErfGrad", ErfGrad[float32], ref.ErfGrad[float64], 3, 2e-38),
		u1("Elu", Elu[float32], ref.Elu[float64], 1.3, 2.5, 0),
		b1("EluGrad", EluGrad[float32], ref.EluGrad[float64], 1.3, 3, 3e-45),
		u("Tanh", Tanh[float32], ref.Tanh[float64], 2.5, 0),
		ranged(b("TanhGrad", TanhGrad[float32], ref.TanhGrad[float64], 2, 0), -1, 1),
		u("Sigmoid", Sigmoid[float32], ref.Sigmoid[float64], 2.5, 5e-39),
		ranged(b("SigmoidGrad", SigmoidGrad[float32], ref.SigmoidGrad[float64], 2, 0), 0, 1),
		u("Gelu", Gelu[float32], ref.Gelu[float64], 4, 2e-37),
		b("GeluGrad", GeluGrad[float32], ref.GeluGrad[float64], 6, 2e-7),
		u("GeluTanh", GeluTanh[float32], ref.GeluTanh[float64], 5, 3e-8),
		b("GeluTanhGrad", GeluTanhGrad[float32], ref.GeluTanhGrad[float64], 4, 3e-7),
		u("Silu", Silu[float32], ref.Silu[float64], 3, 4e-37),
		b("SiluGrad", SiluGrad[float32], ref.SiluGrad[float64], 3, 2e-7),
		u("Softplus", Softplus[float32], ref.Softplus[float64], 2, 2e-38),
		b("SoftplusGrad", SoftplusGrad[float32], ref.SoftplusGrad[float64], 3, 5e-39),
		u2("HardSigmoid", HardSigmoid[float32], ref.HardSigmoid[float64], 0.2, 0.5, 0.501, 0),
		b2("HardSigmoidGrad", HardSigmoidGrad[float32], ref.HardSigmoidGrad[float64], 0.2, 0.5, once, 0),
		u("HardSwish", HardSwish[float32], ref.HardSwish[float64], 2, 2e-7),
		b("HardSwishGrad", HardSwishGrad[float32], ref.HardSwishGrad[float64], 2, 1e-7),
		b1("SoftmaxGrad", table32.SoftmaxGrad, ref.SoftmaxGrad[float64], 0.3, 3, 0),
		ranged(b1("LogSoftmaxGrad", table32.LogSoftmaxGrad, ref.LogSoftmaxGrad[float64], 0.3, 2, 1e-7), -100, 0),
	}
}

func ranged(p pass, lo, hi float32) pass {
	p.lo, p.hi = lo, hi
	return p
}

// specials are arguments where something may go wrong.
var specials = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 3, -3, 0.5, -0.5,
	math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1e-40, -1e-40, 0x1p-126, -0x1p-126,
	math.MaxFloat32, -math.MaxFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()),
	87.3, -87.3, 88.8, -88.8, -103.9, -104.1, 9, -9, 20, -20, 1e-8, -1e-8}

// arguments fills x with numbers of many magnitudes, one in four being special.
func arguments(x []float32, seed uint64) {
	s := rng.New(seed, rng.Init)
	for i := range x {
		v := s.Uint64()
		switch {
		case v&3 == 0:
			x[i] = specials[v>>2%uint64(len(specials))]
		case v&3 == 1:
			x[i] = float32(s.Float64()*2-1) * 12
		default:
			x[i] = float32((s.Float64()*2 - 1) * math.Exp(s.Float64()*16-12))
		}
	}
}

// within reports the first result that is off by more than a pass allows. A
// result is off by its distance to the exact one in units of the last place.
func (p *pass) within(got []float32, want []float64, args [][]float32) error {
	for i, w := range want {
		g, scale := float64(got[i]), 1.0
		if p.sources == 2 {
			scale = max(1, math.Abs(float64(args[0][i])))
			if math.IsInf(scale, 0) && p.abs > 0 {
				continue // a derivative within the bound of 0 may be of any sign
			}
		}
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		w32 := float32(w)
		if math.IsInf(w, 0) || math.IsInf(float64(w32), 0) {
			if got[i] == w32 || !math.IsInf(w, 0) && p.ulp > 0.5 && math.Abs(g) > 0.9999*math.MaxFloat32 {
				continue
			}
		} else if diff := math.Abs(g - w); diff <= max(p.ulp*unit(w32), p.abs*scale) {
			continue
		}
		var at []float32
		for _, a := range args[:p.sources] {
			at = append(at, a[i])
		}
		return fmt.Errorf("%s%v = %v, want %v, off by %.3g units", p.name, at, got[i], w, math.Abs(g-w)/unit(w32))
	}
	return nil
}

// Every pass of one varying argument, over floats of all signs, magnitudes and kinds
// at the same distance of bits.
func TestPassesOverAllFloats(t *testing.T) {
	const n = 1 << 16
	step := uint64(1021)
	if testing.Short() {
		step *= 10
	}
	x, ones, got := make([]float32, n), make([]float32, n), make([]float32, n)
	wideX, wideOnes, want := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range ones {
		ones[i], wideOnes[i] = 1, 1
	}
	for _, p := range passes() {
		if p.sources > 2 {
			continue
		}
		for first := uint64(0); first < 1<<32; first += n * step {
			for i := range x {
				x[i] = math.Float32frombits(uint32(first + uint64(i)*step))
				if p.lo != p.hi && !(x[i] >= p.lo && x[i] <= p.hi) {
					x[i] = p.hi
				}
				wideX[i] = float64(x[i])
			}
			args := [][]float32{x}
			if p.sources == 1 {
				p.run(got, x, nil, nil)
				p.oracle(want, wideX, nil, nil)
			} else {
				args = [][]float32{ones, x}
				p.run(got, ones, x, nil)
				p.oracle(want, wideOnes, wideX, nil)
			}
			if err := p.within(got, want, args); err != nil {
				t.Error(err)
				break
			}
		}
	}
}

// unit is the worth of the last bit of x.
func unit(x float32) float64 {
	e := max(int(math.Float32bits(x)>>23&0xff), 1)
	return math.Ldexp(1, e-150)
}

func TestPassesAtEveryLength(t *testing.T) {
	for _, p := range passes() {
		t.Run(p.name, func(t *testing.T) {
			for n := range 258 {
				var args [3][]float32
				for k := range args {
					args[k], _ = kerneltest.Guarded(n, (n+k)%8)
					arguments(args[k], uint64(1000*k+n))
					if k == p.sources-1 && p.lo != p.hi {
						ref.Clip(args[k], args[k], p.lo, p.hi)
					}
				}
				dst, check := kerneltest.Guarded(n, n%8)
				p.run(dst, args[0], args[1], args[2])
				want := make([]float64, n)
				p.oracle(want, kerneltest.Wide(args[0]), kerneltest.Wide(args[1]), kerneltest.Wide(args[2]))
				if err := p.within(dst, want, args[:]); err != nil {
					t.Fatalf("length %d: %v", n, err)
				}
				if err := check(); err != nil {
					t.Fatal(err)
				}
				p.run(args[0], args[0], args[1], args[2]) // in place
				if err := kerneltest.Same(args[0], dst); err != nil {
					t.Fatalf("length %d, in place: %v", n, err)
				}
			}
		})
	}
}

// TestErrorBounds goes through the arguments of the functions of one variable in
// even steps of their bits.
func TestErrorBounds(t *testing.T) {
	step := uint64(4 * 1009)
	if testing.Short() {
		step *= 10
	}
	const block = 1024
	for _, p := range passes() {
		if p.sources != 1 {
			continue
		}
		x, y := make([]float32, block), make([]float32, block)
		want := make([]float64, block)
		worst, at := 0.0, float32(0)
		for bits := uint64(0); bits < 1<<32; {
			for i := range x {
				x[i] = math.Float32frombits(uint32(bits))
				bits += step
			}
			p.run(y, x, nil, nil)
			p.oracle(want, kerneltest.Wide(x), nil, nil)
			if err := p.within(y, want, [][]float32{x}); err != nil {
				t.Error(err)
			}
			for i, w := range want {
				if e := math.Abs(float64(y[i])-w) / unit(float32(w)); e > worst && math.Abs(w) < math.MaxFloat32 &&
					math.Abs(w) > p.abs*1e7 {
					worst, at = e, x[i]
				}
			}
		}
		t.Logf("%-12s %.3f units at %v", p.name, worst, at)
	}
}

func TestMulRows(t *testing.T) {
	for n := range 70 {
		a := kerneltest.Normal(1+n%5, 1, 0)
		x := kerneltest.Normal(n*len(a), 2, 0)
		dst, check := kerneltest.Guarded(len(x), n%8)
		MulRows(dst, x, a, n)
		for i, got := range dst {
			if want := x[i] * a[i/n]; got != want {
				t.Fatalf("rows of %d: element %d is %g, want %g", n, i, got, want)
			}
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRepeat(t *testing.T) {
	for n := range 70 {
		x := kerneltest.Normal(1+n%5, 1, 0)
		dst, check := kerneltest.Guarded(n*len(x), n%8)
		Repeat(dst, x, n)
		for i, got := range dst {
			if got != x[i/n] {
				t.Fatalf("%d times: element %d is %g, want %g", n, i, got, x[i/n])
			}
		}
		if err := check(); err != nil {
			t.Fatal(err)
		}
	}
}

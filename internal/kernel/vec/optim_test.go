package vec

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// steps takes five steps with both and compares what they have written.
func steps(t *testing.T, name string, state int, f func(step int, s [][]float32, g []float32),
	g func(step int, s [][]float64, g []float64)) {
	t.Helper()
	for n := range 258 {
		var got [][]float32
		var want [][]float64
		var checks []func() error
		for i := range state {
			v, check := kerneltest.Guarded(n, (n+i)%8)
			clear(v)
			if i == 0 {
				copy(v, kerneltest.Normal(n, 1, 0))
			}
			got, want, checks = append(got, v), append(want, kerneltest.Wide(v)), append(checks, check)
		}
		for step := range 5 {
			grad := kerneltest.Normal(n, uint64(10+step), 0)
			f(step+1, got, grad)
			g(step+1, want, kerneltest.Wide(grad))
		}
		for i := range got {
			if n > 0 {
				// Five steps, each of a handful of roundings.
				if err := tol.Scaled(got[i], want[i], 3e-6); err != nil {
					t.Fatalf("%s: length %d: state %d: %v", name, n, i, err)
				}
			}
			if err := checks[i](); err != nil {
				t.Fatalf("%s: state %d: %v", name, i, err)
			}
		}
	}
}

func TestSGD(t *testing.T) {
	for _, s := range []SGD{
		{LR: 0.1, GradScale: 1}, {LR: 0.1, Momentum: 0.9, WeightDecay: 5e-4, GradScale: 1},
		{LR: 0.1, Momentum: 0.9, WeightDecay: 5e-4, GradScale: 0.3, Nesterov: true},
	} {
		steps(t, fmt.Sprintf("%+v", s), 2,
			func(_ int, st [][]float32, g []float32) { SGDStep(s, st[0], g, st[1]) },
			func(_ int, st [][]float64, g []float64) { ref.SGDStep(s, st[0], g, st[1]) })
	}
}

func TestAdam(t *testing.T) {
	for _, a := range []Adam{
		{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, GradScale: 1},
		{LR: 1e-2, Beta1: 0.8, Beta2: 0.99, Eps: 1e-6, WeightDecay: 0.1, GradScale: 0.5},
		{LR: 1e-2, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, WeightDecay: 0.1, GradScale: 1, Decoupled: true},
	} {
		steps(t, fmt.Sprintf("%+v", a), 3,
			func(i int, st [][]float32, g []float32) { a.Step = i; AdamStep(a, st[0], g, st[1], st[2]) },
			func(i int, st [][]float64, g []float64) {
				a.Step = i
				ref.AdamStep(ref.Coef[float64](a), st[0], g, st[1], st[2])
			})
	}
}

func TestPassesAllocateNothing(t *testing.T) {
	x, y, m, v := kerneltest.Normal(100, 1, 0), kerneltest.Normal(100, 2, 0), make([]float32, 100), make([]float32, 100)
	bytes := make([]uint8, 100)
	if n := testing.AllocsPerRun(10, func() {
		Add(y, x, y)
		Gelu(y, x)
		Axpy(y, x, 0.5)
		FromUint8(y[:97], bytes)
		y[0] = float32(Dot(x, y)) + MaxOf(x) + float32(ArgMax(x))
		SGDStep(SGD{LR: 0.1, Momentum: 0.9, GradScale: 1}, y, x, m)
		AdamStep(Adam{LR: 0.1, Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, GradScale: 1, Step: 1}, y, x, m, v)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// Four steps of PyTorch 1.13's optimisers, in float64.
func TestOptimizersAgreeWithPyTorch(t *testing.T) {
	sgd := func(s SGD) func(int, [3][]float64, []float64) {
		return func(_ int, v [3][]float64, g []float64) { SGDStep(s, v[0], g, v[1]) }
	}
	adam := func(a Adam) func(int, [3][]float64, []float64) {
		return func(step int, v [3][]float64, g []float64) { a.Step = step; AdamStep(a, v[0], g, v[1], v[2]) }
	}
	for _, c := range []struct {
		name string
		step func(step int, v [3][]float64, g []float64)
		want []float64
	}{
		{"SGD", sgd(SGD{LR: 0.1, WeightDecay: 0.05, GradScale: 1}),
			[]float64{0.370971754062, -1.145784878281, 1.90049875125, 0.2009925125}},
		{"momentum", sgd(SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 0.05, GradScale: 1}),
			[]float64{0.208149435312, -1.014274543906, 1.81538957625, 0.0501007625}},
		{"Nesterov", sgd(SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 0.05, GradScale: 1, Nesterov: true}),
			[]float64{0.110864432449, -0.93569819544, 1.735550164465, 0.249817939651}},
		{"Adam", adam(Adam{LR: 0.1, Beta1: 0.8, Beta2: 0.95, Eps: 1e-6, WeightDecay: 0.05, GradScale: 1}),
			[]float64{0.100603516568, -0.850758701772, 1.604563218092, -0.082510827451}},
		{"AdamW", adam(Adam{LR: 0.1, Beta1: 0.8, Beta2: 0.95, Eps: 1e-6, WeightDecay: 0.05, GradScale: 1, Decoupled: true}),
			[]float64{0.093066086175, -0.828178873321, 1.70445713871, -0.081623782381}},
	} {
		v := [3][]float64{{0.5, -1.25, 2, 0}, make([]float64, 4), make([]float64, 4)}
		for s := range 4 {
			c.step(s+1, v, []float64{0.3, -0.2, 0.1 * float64(s), 1 - float64(s)})
		}
		if err := tol.Close(v[0], c.want, 1e-11, 0); err != nil { // as many digits as are given
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

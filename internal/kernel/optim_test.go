package kernel

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// steps takes five steps with both and compares what they have written.
func steps(t *testing.T, name string, state int, f func(step int, s [][]float32, g []float32), g func(step int, s [][]float64, g []float64)) {
	t.Helper()
	for n := range 258 {
		var got [][]float32
		var want [][]float64
		var checks []func() error
		for i := range state {
			v, check := guarded(n, (n+i)%8)
			clear(v)
			if i == 0 {
				copy(v, normal(n, 1, 0))
			}
			got, want, checks = append(got, v), append(want, widen(v)), append(checks, check)
		}
		for step := range 5 {
			grad := normal(n, uint64(10+step), 0)
			f(step+1, got, grad)
			g(step+1, want, widen(grad))
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
			func(i int, st [][]float64, g []float64) { a.Step = i; ref.AdamStep(coef(a), st[0], g, st[1], st[2]) })
	}
}

func coef(a Adam) *ref.AdamCoef[float64] { c := ref.Coef[float64](a); return &c }

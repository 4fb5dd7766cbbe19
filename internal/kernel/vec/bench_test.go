package vec

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/parallel"
)

// BenchmarkPass measures one thread on vectors that fit the second-level cache.
func BenchmarkPass(b *testing.B) {
	const n = 32768
	x, y, dst := kerneltest.Normal(n, 1, 0), kerneltest.Normal(n, 2, 0), make([]float32, n)
	m, v := make([]float32, n), make([]float32, n)
	for _, c := range []struct {
		name string
		f    func()
	}{
		{"Add", func() { Add(dst, x, y) }}, {"Relu", func() { Relu(dst, x) }}, {"Exp", func() { Exp(dst, x) }},
		{"Log", func() { Log(dst, x) }}, {"Tanh", func() { Tanh(dst, x) }}, {"Sigmoid", func() { Sigmoid(dst, x) }},
		{"Erf", func() { Erf(dst, x) }}, {"Gelu", func() { Gelu(dst, x) }}, {"GeluGrad", func() { GeluGrad(dst, y, x) }},
		{"GeluTanh", func() { GeluTanh(dst, x) }}, {"Silu", func() { Silu(dst, x) }}, {"Sum", func() { Sum(x) }},
		{"Dot", func() { Dot(x, y) }}, {"MaxOf", func() { MaxOf(x) }},
		{"SGD", func() {
			SGDStep(SGD{LR: 0.1, Momentum: 0.9, WeightDecay: 1e-4, GradScale: 1}, dst, x, m)
		}},
		{"Adam", func() {
			AdamStep(Adam{LR: 1e-3, Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, GradScale: 1, Step: 10}, dst, x, m, v)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				c.f()
			}
			b.ReportMetric(float64(b.N)*n/1e9/b.Elapsed().Seconds(), "Gelem/s")
		})
	}
}

func BenchmarkPermute(b *testing.B) {
	for _, c := range []struct{ shape, perm []int }{
		{[]int{32, 96, 56 * 56}, []int{0, 2, 1}}, {[]int{8, 197, 12, 64}, []int{0, 2, 1, 3}},
		{[]int{8, 65, 3, 64}, []int{0, 2, 3, 1}},
		{[]int{32, 2, 58, 28 * 28}, []int{0, 2, 1, 3}}, {[]int{1024, 1024}, []int{1, 0}},
	} {
		n := 1
		for _, d := range c.shape {
			n *= d
		}
		x, y := kerneltest.Normal(n, 1, 0), make([]float32, n)
		b.Run(fmt.Sprintf("%v by %v", c.shape, c.perm), func(b *testing.B) {
			kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
				pm := NewPermute[float32](p, c.shape, c.perm)
				kerneltest.Moved(b, 2, n)
				for b.Loop() {
					pm.Run(y, x)
				}
			})
		})
	}
}

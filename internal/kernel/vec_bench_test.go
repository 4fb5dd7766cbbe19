package kernel

import (
	"fmt"
	"testing"

	"memprobe/internal/parallel"
)

// moved reports bytes a second, counting every array once for each time that
// the definition has to read or write it.
func moved(b *testing.B, arrays, elements int) { b.SetBytes(int64(4 * arrays * elements)) }

func benchThreads(b *testing.B, f func(b *testing.B, p *parallel.Pool)) {
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			p := parallel.New(n)
			defer p.Close()
			f(b, p)
		})
	}
}

func BenchmarkBatchNorm(b *testing.B) {
	for _, s := range []BatchNormSpec{
		{N: 64, C: 16, S: 1024}, {N: 32, C: 64, S: 1024}, {N: 32, C: 128, S: 256}, {N: 32, C: 256, S: 64}, {N: 32, C: 512, S: 16},
		{N: 128, C: 512, S: 1}, {N: 64, C: 512, S: 4}, {N: 32, C: 512, S: 49},
	} {
		s.Relu, s.Eps = true, 1e-5
		n := s.N * s.C * s.S
		x, y, dx := normal(n, 1, 0), make([]float32, n), make([]float32, n)
		dy := normal(n, 2, 0)
		scale := normal(s.C, 3, 1)
		var k [5][]float32
		for i := range k {
			k[i] = make([]float32, s.C)
		}
		for _, residual := range []bool{false, true} {
			s.Residual = residual
			dres := make([]float32, n)
			shape := fmt.Sprintf("%dx%dx%d/residual=%v", s.N, s.C, s.S, residual)
			b.Run("forward/"+shape, func(b *testing.B) {
				benchThreads(b, func(b *testing.B, p *parallel.Pool) {
					bn := NewBatchNorm[float32](p, s)
					moved(b, 2, n)
					for b.Loop() {
						bn.Forward(y, x, dy, scale, scale, k[0], k[1], k[2])
					}
				})
			})
			b.Run("backward/"+shape, func(b *testing.B) {
				benchThreads(b, func(b *testing.B, p *parallel.Pool) {
					bn := NewBatchNorm[float32](p, s)
					moved(b, 3, n)
					for b.Loop() {
						bn.Backward(dx, dres, k[3], k[4], dy, x, y, scale, scale, k[0], k[2])
					}
				})
			})
		}
	}
}

func BenchmarkLayerNorm(b *testing.B) {
	for _, s := range []LayerNormSpec{{Rows: 8 * 65, D: 192}, {Rows: 8 * 197, D: 768}} {
		s.Eps = 1e-5
		n := s.Rows * s.D
		x, y, dx := normal(n, 1, 0), make([]float32, n), make([]float32, n)
		scale, ds, db := normal(s.D, 2, 1), make([]float32, s.D), make([]float32, s.D)
		mean, invstd := make([]float32, s.Rows), make([]float32, s.Rows)
		shape := fmt.Sprintf("%dx%d", s.Rows, s.D)
		b.Run("forward/"+shape, func(b *testing.B) {
			benchThreads(b, func(b *testing.B, p *parallel.Pool) {
				ln := NewLayerNorm[float32](p, s)
				moved(b, 2, n)
				for b.Loop() {
					ln.Forward(y, x, scale, scale, mean, invstd)
				}
			})
		})
		b.Run("backward/"+shape, func(b *testing.B) {
			benchThreads(b, func(b *testing.B, p *parallel.Pool) {
				ln := NewLayerNorm[float32](p, s)
				moved(b, 3, n)
				for b.Loop() {
					ln.Backward(dx, ds, db, y, x, scale, mean, invstd)
				}
			})
		})
	}
}

func BenchmarkSoftmax(b *testing.B) {
	for _, s := range []SoftmaxSpec{{Outer: 8 * 3 * 65, D: 65, Inner: 1}, {Outer: 8 * 12 * 197, D: 197, Inner: 1}, {Outer: 256, D: 1000, Inner: 1}} {
		n := s.Outer * s.D
		x, y, dx := normal(n, 1, 0), make([]float32, n), make([]float32, n)
		shape := fmt.Sprintf("%dx%d", s.Outer, s.D)
		b.Run("forward/"+shape, func(b *testing.B) {
			benchThreads(b, func(b *testing.B, p *parallel.Pool) {
				sm := NewSoftmax[float32](p, s)
				moved(b, 2, n)
				for b.Loop() {
					sm.Forward(y, x)
				}
			})
		})
		b.Run("backward/"+shape, func(b *testing.B) {
			benchThreads(b, func(b *testing.B, p *parallel.Pool) {
				sm := NewSoftmax[float32](p, s)
				moved(b, 3, n)
				for b.Loop() {
					sm.Backward(dx, x, y)
				}
			})
		})
	}
}

// BenchmarkPass measures one thread on vectors that fit the second-level cache.
func BenchmarkPass(b *testing.B) {
	const n = 32768
	x, y, dst := normal(n, 1, 0), normal(n, 2, 0), make([]float32, n)
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
		{[]int{32, 96, 56 * 56}, []int{0, 2, 1}}, {[]int{8, 197, 12, 64}, []int{0, 2, 1, 3}}, {[]int{8, 65, 3, 64}, []int{0, 2, 3, 1}},
		{[]int{32, 2, 58, 28 * 28}, []int{0, 2, 1, 3}}, {[]int{1024, 1024}, []int{1, 0}},
	} {
		n := 1
		for _, d := range c.shape {
			n *= d
		}
		x, y := normal(n, 1, 0), make([]float32, n)
		b.Run(fmt.Sprintf("%v by %v", c.shape, c.perm), func(b *testing.B) {
			benchThreads(b, func(b *testing.B, p *parallel.Pool) {
				pm := NewPermute[float32](p, c.shape, c.perm)
				moved(b, 2, n)
				for b.Loop() {
					pm.Run(y, x)
				}
			})
		})
	}
}

func BenchmarkPool(b *testing.B) {
	for _, s := range []PoolSpec{
		{N: 32, C: 64, H: 32, W: 32, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
		{N: 8, C: 64, H: 112, W: 112, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 8, C: 64, H: 35, W: 35, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	} {
		nx, ny := s.Lengths()
		x, dx, y, dy, index := normal(nx, 1, 0), make([]float32, nx), make([]float32, ny), normal(ny, 2, 0), make([]int32, ny)
		n := NewPool[float32](nil, s)
		n.Max(y, index, x)
		for _, c := range []struct {
			name string
			f    func()
		}{
			{"max", func() { n.Max(y, nil, x) }}, {"max+index", func() { n.Max(y, index, x) }},
			{"max grad", func() { n.MaxGrad(dx, dy, index) }},
			{"avg", func() { n.Avg(y, x) }}, {"avg grad", func() { n.AvgGrad(dx, dy) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d/%dx%dx%dx%d", c.name, s.KH, s.KW, s.N, s.C, s.H, s.W), func(b *testing.B) {
				moved(b, 1, nx+ny)
				for b.Loop() {
					c.f()
				}
			})
		}
	}
}

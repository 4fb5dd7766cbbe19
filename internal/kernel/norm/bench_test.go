package norm

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/parallel"
)

func BenchmarkBatchNorm(b *testing.B) {
	for _, s := range []BatchSpec{
		{N: 64, C: 16, S: 1024}, {N: 32, C: 64, S: 1024}, {N: 32, C: 128, S: 256}, {N: 32, C: 256, S: 64},
		{N: 32, C: 512, S: 16},
		{N: 128, C: 512, S: 1}, {N: 64, C: 512, S: 4}, {N: 32, C: 512, S: 49},
	} {
		s.Relu, s.Eps = true, 1e-5
		n := s.N * s.C * s.S
		x, y, dx := kerneltest.Normal(n, 1, 0), make([]float32, n), make([]float32, n)
		dy := kerneltest.Normal(n, 2, 0)
		scale := kerneltest.Normal(s.C, 3, 1)
		var k [5][]float32
		for i := range k {
			k[i] = make([]float32, s.C)
		}
		for _, residual := range []bool{false, true} {
			s.Residual = residual
			dres := make([]float32, n)
			shape := fmt.Sprintf("%dx%dx%d/residual=%v", s.N, s.C, s.S, residual)
			b.Run("forward/"+shape, func(b *testing.B) {
				kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
					bn := NewBatch[float32](p, s)
					kerneltest.Moved(b, 2, n)
					for b.Loop() {
						bn.Forward(y, x, dy, scale, scale, k[0], k[1], k[2])
					}
				})
			})
			b.Run("backward/"+shape, func(b *testing.B) {
				kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
					bn := NewBatch[float32](p, s)
					kerneltest.Moved(b, 3, n)
					for b.Loop() {
						bn.Backward(dx, dres, k[3], k[4], dy, x, y, scale, scale, k[0], k[2])
					}
				})
			})
		}
	}
}

func BenchmarkLayerNorm(b *testing.B) {
	for _, s := range []LayerSpec{{Rows: 8 * 65, D: 192}, {Rows: 8 * 197, D: 768}} {
		s.Eps = 1e-5
		n := s.Rows * s.D
		x, y, dx := kerneltest.Normal(n, 1, 0), make([]float32, n), make([]float32, n)
		scale, ds, db := kerneltest.Normal(s.D, 2, 1), make([]float32, s.D), make([]float32, s.D)
		mean, invstd := make([]float32, s.Rows), make([]float32, s.Rows)
		shape := fmt.Sprintf("%dx%d", s.Rows, s.D)
		b.Run("forward/"+shape, func(b *testing.B) {
			kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
				ln := NewLayer[float32](p, s)
				kerneltest.Moved(b, 2, n)
				for b.Loop() {
					ln.Forward(y, x, scale, scale, mean, invstd)
				}
			})
		})
		b.Run("backward/"+shape, func(b *testing.B) {
			kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
				ln := NewLayer[float32](p, s)
				kerneltest.Moved(b, 3, n)
				for b.Loop() {
					ln.Backward(dx, ds, db, y, x, scale, mean, invstd)
				}
			})
		})
	}
}

func BenchmarkSoftmax(b *testing.B) {
	for _, s := range []SoftmaxSpec{{Outer: 8 * 3 * 65, D: 65, Inner: 1}, {Outer: 8 * 12 * 197, D: 197, Inner: 1},
		{Outer: 256, D: 1000, Inner: 1}} {
		n := s.Outer * s.D
		x, y, dx := kerneltest.Normal(n, 1, 0), make([]float32, n), make([]float32, n)
		shape := fmt.Sprintf("%dx%d", s.Outer, s.D)
		b.Run("forward/"+shape, func(b *testing.B) {
			kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
				sm := NewSoftmax[float32](p, s)
				kerneltest.Moved(b, 2, n)
				for b.Loop() {
					sm.Forward(y, x)
				}
			})
		})
		b.Run("backward/"+shape, func(b *testing.B) {
			kerneltest.BenchThreads(b, func(b *testing.B, p *parallel.Pool) {
				sm := NewSoftmax[float32](p, s)
				kerneltest.Moved(b, 3, n)
				for b.Loop() {
					sm.Backward(dx, x, y)
				}
			})
		})
	}
}

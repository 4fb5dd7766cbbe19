//go:build amd64 && !purego

package gemm

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
)

func TestGemmBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	for _, s := range []Spec{
		{M: 130, N: 150, K: 600}, {M: 1, N: 100, K: 70, TransB: true},
		{M: 65, N: 65, K: 16, TransB: true, Batch: 5, StrideA: 65 * 16, StrideB: 65 * 16, StrideC: 65 * 65},
	} {
		na, nb, nc := s.Normal().Lengths()
		g := New(nil, s)
		a, b := kerneltest.Noise(na, 1), kerneltest.Noise(nb, 2)
		kerneltest.SameBits(t, s, func() []float32 {
			c := make([]float32, nc)
			g.Run(c, a, b, nil, make([]float32, g.Scratch()))
			return c
		})
	}
}

func TestStrassenBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	for _, s := range halvedCases() {
		o := operands(s)
		kerneltest.SameBits(t, s, func() []float32 { return o.run(t, nil, s) })
	}
}

package pool

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/kerneltest"
)

func BenchmarkPool(b *testing.B) {
	for _, s := range []Spec{
		{N: 32, C: 64, H: 32, W: 32, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
		{N: 8, C: 64, H: 112, W: 112, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 8, C: 64, H: 32, W: 32, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 8, C: 64, H: 35, W: 35, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	} {
		nx, ny := s.Lengths()
		x, dx, y, dy, index := kerneltest.Normal(nx, 1, 0), make([]float32, nx), make([]float32, ny),
			kerneltest.Normal(ny, 2, 0), make([]int32, ny)
		n := New[float32](nil, s)
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
				kerneltest.Moved(b, 1, nx+ny)
				for b.Loop() {
					c.f()
				}
			})
		}
	}
}

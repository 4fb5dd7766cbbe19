package gemm

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
	"memprobe/internal/tol"
)

// Planes of all images in one product give what a product for each image does, with what
// follows it, and the same bits for any number of threads.
func TestProductsOfPlanes(t *testing.T) {
	for _, plane := range []int{1, 2, 3, 4, 5, 7, 9, 13, 16, 20} {
		for _, residual := range []bool{false, true} {
			const images, in, out = 7, 19, 23
			s := Spec{M: out, K: in, BiasRow: true, Act: tile.ActClip, Lo: -0.5, Hi: 0.75}
			a, x, bias := kerneltest.Noise(out*in, 1), kerneltest.Noise(images*in*plane, 2), kerneltest.Noise(out, 3)
			res := kerneltest.Noise(images*out*plane, 4)
			want := make([]float64, images*out*plane)
			one := s
			if one.N = plane; residual {
				one.Act = tile.ActNone
			}
			for n := range images {
				y := want[n*out*plane:][:out*plane]
				ref.Gemm(one, y, kerneltest.Wide(a), kerneltest.Wide(x[n*in*plane:][:in*plane]), kerneltest.Wide(bias))
				for i := range y {
					if residual {
						y[i] = min(max(y[i]+float64(res[n*out*plane+i]), -0.5), 0.75)
					}
				}
			}
			kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
				g := NewOfPlanes(p, s, images, plane, residual)
				y, scratch, added := kerneltest.Noise(len(want), 5), kerneltest.Noise(g.Scratch(), 6), []float32(nil)
				if residual {
					added = res
				}
				packed := make([]float32, g.PackedLenA())
				g.PackA(packed, a)
				g.RunResidual(y, packed, x, bias, added, scratch)
				kerneltest.Intact(t, y)
				kerneltest.Intact(t, scratch)
				if err := tol.Close(y, want, 2e-7*(in+4), 1e-6); err != nil { // 19 products of at most 1
					t.Fatalf("planes of %d, residual %v: %v", plane, residual, err)
				}
				return [][]float32{y}
			})
		}
	}
}

// A packed B gives the bits of one that a run packs, and all of it is reported as read.
func TestPackedBIsReportedWhole(t *testing.T) {
	for _, transposed := range []bool{false, true} {
		s := Spec{M: 9, N: 700, K: 130, TransB: transposed}
		p := parallel.New(2)
		a, b := kerneltest.Noise(s.M*s.K, 1), kerneltest.Noise(s.K*s.N, 2)
		g, read := New(p, s), 0
		packed := make([]float32, g.PackedLenB())
		g.PackB(packed, b, func(part []float32) {
			if len(part) == 0 || &part[0] != &b[read] {
				t.Errorf("transposed %v: a part does not follow the one before", transposed)
			}
			read += len(part)
		})
		if read != len(b) {
			t.Errorf("transposed %v: %d of %d elements are reported", transposed, read, len(b))
		}
		got, want := make([]float32, s.M*s.N), make([]float32, s.M*s.N)
		g.RunPackedB(got, a, packed, nil, make([]float32, g.Scratch()))
		g.Run(want, a, b, nil, make([]float32, g.Scratch()))
		if err := kerneltest.Same(got, want); err != nil {
			t.Errorf("transposed %v: %v", transposed, err)
		}
		p.Close()
	}
}

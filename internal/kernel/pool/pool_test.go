package pool

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// poolSpecs draws valid specs; small images, so that borders are met often.
func poolSpecs(n int) []Spec {
	specs := []Spec{
		{N: 2, C: 3, H: 32, W: 32, KH: 2, KW: 2, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1},
		{N: 1, C: 2, H: 56, W: 57, KH: 3, KW: 3, StrideH: 2, StrideW: 2, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
		{N: 1, C: 2, H: 35, W: 35, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
			PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, CountIncludePad: true},
	}
	r := rng.New(1, rng.Init)
	for len(specs) < n {
		s := Spec{N: 1 + r.IntN(2), C: 1 + r.IntN(3), H: 1 + r.IntN(20), W: 1 + r.IntN(20),
			KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3),
			DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2),
			PadTop: r.IntN(3), PadLeft: r.IntN(3), PadBottom: r.IntN(3), PadRight: r.IntN(3),
			Ceil: r.IntN(2) == 0, CountIncludePad: r.IntN(2) == 0}
		if s.Validate() == nil {
			specs = append(specs, s)
		}
	}
	return specs
}

func TestPool(t *testing.T) {
	for _, s := range poolSpecs(150) {
		t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) {
			nx, ny := s.Lengths()
			x, dy := kerneltest.Normal(nx, 1, 0), kerneltest.Normal(ny, 2, 0)
			for i := range x { // many ties
				x[i] = float32(math.Round(2 * float64(x[i])))
			}
			if nx > 3 {
				x[nx/2], x[nx/3] = float32(math.NaN()), float32(math.Inf(-1))
			}
			y, index, dx := make([]float32, ny), make([]int32, ny), make([]float32, nx)
			ref.MaxPool(s, y, index, x)
			ref.MaxPoolGrad(s, dx, dy, index)
			avg, davg := make([]float64, ny), make([]float64, nx)
			ref.AvgPool(s, avg, kerneltest.Wide(x))
			ref.AvgPoolGrad(s, davg, kerneltest.Wide(dy))
			kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
				n := New[float32](p, s)
				gy, gi, gdx := make([]float32, ny), make([]int32, ny), make([]float32, nx)
				only := make([]float32, ny)
				n.Max(gy, gi, x)
				n.Max(only, nil, x)
				n.MaxGrad(gdx, dy, gi)
				for i := range gi {
					if gi[i] != index[i] {
						t.Fatalf("index[%d] = %d, want %d", i, gi[i], index[i])
					}
				}
				for name, c := range map[string][2][]float32{"max": {gy, y}, "max alone": {only, y}, "dx": {gdx, dx}} {
					if err := kerneltest.Same(c[0], c[1]); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
				ga, gda := make([]float32, ny), make([]float32, nx)
				n.Avg(ga, x)
				n.AvgGrad(gda, dy)
				kerneltest.Agree(t, "avg", ga, avg, 1e-6)
				kerneltest.Agree(t, "avg dx", gda, davg, 1e-6)
				return [][]float32{gy, gdx, ga, gda}
			})
		})
	}
}

func TestGlobalPool(t *testing.T) {
	for _, c := range []struct{ planes, size int }{{7, 1}, {600, 16}, {5, 49}, {3, 20000}} {
		nx := c.planes * c.size
		x, dy := kerneltest.Normal(nx, 1, 0), kerneltest.Normal(c.planes, 2, 0)
		kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
			n := NewGlobal[float32](p, c.planes, c.size)
			avg, davg := make([]float32, c.planes), make([]float32, nx)
			top, dtop, index := make([]float32, c.planes), make([]float32, nx), make([]int32, c.planes)
			n.Avg(avg, x)
			n.AvgGrad(davg, dy)
			n.Max(top, index, x)
			n.MaxGrad(dtop, dy, index)
			wantAvg, wantDx := make([]float64, c.planes), make([]float64, nx)
			for i, v := range x {
				p := i / c.size
				wantAvg[p] += float64(v) / float64(c.size)
				wantDx[i] = float64(dy[p]) / float64(c.size)
				if v > x[p*c.size+int(index[p])] {
					t.Errorf("%v is above the maximum %v of plane %d", v, top[p], p)
				}
				if want := map[bool]float32{true: dy[p]}[i-p*c.size == int(index[p])]; dtop[i] != want {
					t.Errorf("gradient %v at %d, want %v", dtop[i], i, want)
				}
			}
			kerneltest.Agree(t, "avg", avg, wantAvg, 1e-6)
			kerneltest.Agree(t, "davg", davg, wantDx, 1e-7)
			return [][]float32{avg, davg, top, dtop}
		})
	}
}

package norm

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

func TestBatchNorm(t *testing.T) {
	for _, s := range []BatchSpec{
		{N: 3, C: 5, S: 1024}, {N: 4, C: 70, S: 16}, {N: 5, C: 3, S: 49}, {N: 33, C: 600, S: 1}, {N: 2, C: 9, S: 2},
		{N: 1, C: 4, S: 7}, {N: 6, C: 40, S: 33}, {N: 2, C: 130, S: 8},
	} {
		for mode := range 4 {
			s.Relu, s.Residual, s.Eps = mode&1 != 0, mode&2 != 0, 1e-5
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { testBatchNorm(t, s) })
		}
	}
}

func testBatchNorm(t *testing.T, s BatchSpec) {
	size := s.N * s.C * s.S
	x, res, dy := kerneltest.Normal(size, 1, 3), kerneltest.Normal(size, 2, 0), kerneltest.Normal(size, 3, 0.1)
	scale, bias := kerneltest.Normal(s.C, 4, 1), kerneltest.Normal(s.C, 5, 0)
	vec := func(n int) []float32 { return make([]float32, n) }
	zeros := func(n int) []float64 { return make([]float64, n) }

	y, mean, variance, invstd := zeros(size), zeros(s.C), zeros(s.C), zeros(s.C)
	ref.BatchNorm(s, y, kerneltest.Wide(x), kerneltest.Wide(res), kerneltest.Wide(scale), kerneltest.Wide(bias), mean,
		variance, invstd)

	kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
		n := NewBatch[float32](p, s)
		gy, gm, gv, gi := vec(size), vec(s.C), vec(s.C), vec(s.C)
		n.Forward(gy, x, res, scale, bias, gm, gv, gi)
		kerneltest.Agree(t, "y", gy, y, 2e-6)
		kerneltest.Agree(t, "mean", gm, mean, 1e-7)
		kerneltest.Agree(t, "variance", gv, variance, 1e-6)
		kerneltest.Agree(t, "invstd", gi, invstd, 1e-6)

		iy := vec(size)
		n.Infer(iy, x, res, scale, bias, gm, gv)
		kerneltest.Agree(t, "inferred y", iy, y, 2e-6)

		// The oracle takes ReLU's mask from the y it is given.
		dx, dres, dscale, dbias := zeros(size), zeros(size), zeros(s.C), zeros(s.C)
		ref.BatchNormGrad(s, dx, dres, dscale, dbias, kerneltest.Wide(dy), kerneltest.Wide(x), kerneltest.Wide(gy),
			kerneltest.Wide(scale), kerneltest.Wide(gm), kerneltest.Wide(gi))
		gdx, gdres, gds, gdb := vec(size), vec(size), vec(s.C), vec(s.C)
		n.Backward(gdx, gdres, gds, gdb, dy, x, gy, scale, bias, gm, gi)
		kerneltest.Agree(t, "dx", gdx, dx, 2e-5)
		kerneltest.Agree(t, "dscale", gds, dscale, 1e-6)
		kerneltest.Agree(t, "dbias", gdb, dbias, 1e-6)
		if s.Residual {
			kerneltest.Agree(t, "dres", gdres, dres, 0)
		}
		return [][]float32{gy, gm, gv, gi, iy, gdx, gds, gdb, gdres}
	})
}

func TestLayerNorm(t *testing.T) {
	for _, s := range []LayerSpec{{Rows: 7, D: 192}, {Rows: 700, D: 33}, {Rows: 3, D: 1}, {Rows: 5, D: 9000},
		{Rows: 2000, D: 12}} {
		for mode := range 2 {
			s.RMS, s.Eps = mode != 0, 1e-5
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { testLayerNorm(t, s) })
		}
	}
}

func testLayerNorm(t *testing.T, s LayerSpec) {
	size := s.Rows * s.D
	x, dy, scale, bias := kerneltest.Normal(size, 1, 2), kerneltest.Normal(size, 2, 0.1), kerneltest.Normal(s.D, 3, 1),
		kerneltest.Normal(s.D, 4, 0)
	vec := func(n int) []float32 { return make([]float32, n) }
	zeros := func(n int) []float64 { return make([]float64, n) }

	y, mean, invstd := zeros(size), zeros(s.Rows), zeros(s.Rows)
	ref.LayerNorm(s, y, kerneltest.Wide(x), kerneltest.Wide(scale), kerneltest.Wide(bias), mean, invstd)
	kerneltest.Threads(t, func(p *parallel.Pool) [][]float32 {
		n := NewLayer[float32](p, s)
		gy, gm, gi := vec(size), vec(s.Rows), vec(s.Rows)
		n.Forward(gy, x, scale, bias, gm, gi)
		kerneltest.Agree(t, "y", gy, y, 2e-6)
		kerneltest.Agree(t, "mean", gm, mean, 1e-7)
		kerneltest.Agree(t, "invstd", gi, invstd, 1e-6)

		dx, dscale, dbias := zeros(size), zeros(s.D), zeros(s.D)
		ref.LayerNormGrad(s, dx, dscale, dbias, kerneltest.Wide(dy), kerneltest.Wide(x), kerneltest.Wide(scale),
			kerneltest.Wide(gm), kerneltest.Wide(gi))
		gdx, gds, gdb := vec(size), vec(s.D), vec(s.D)
		n.Backward(gdx, gds, gdb, dy, x, scale, gm, gi)
		if s.D > 1 { // one element has no gradient but rounding
			kerneltest.Agree(t, "dx", gdx, dx, 2e-6)
		}
		kerneltest.Agree(t, "dscale", gds, dscale, 5e-6) // sums over rows in float32
		kerneltest.Agree(t, "dbias", gdb, dbias, 5e-6)
		return [][]float32{gy, gm, gi, gdx, gds, gdb}
	})
}

func TestNormAllocatesNothing(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	s := BatchSpec{N: 4, C: 16, S: 64, Eps: 1e-5, Relu: true}
	size := s.N * s.C * s.S
	x, y, dx, c := kerneltest.Normal(size, 1, 0), make([]float32, size), make([]float32, size),
		kerneltest.Normal(s.C, 2, 1)
	var st [5][]float32
	for i := range st {
		st[i] = make([]float32, s.C)
	}
	bn := NewBatch[float32](p, s)
	ln := NewLayer[float32](p, LayerSpec{Rows: s.N * s.S, D: s.C, Eps: 1e-5})
	rows := [2][]float32{make([]float32, s.N*s.S), make([]float32, s.N*s.S)}
	sm, lsm := NewSoftmax[float32](p, SoftmaxSpec{Outer: 64, D: 64, Inner: 1}),
		NewSoftmax[float32](p, SoftmaxSpec{Outer: 64, D: 64, Inner: 1, Log: true})
	ce, mse := NewCrossEntropy[float32](p, 64, 64), NewMSE[float32](p, size)
	if n := testing.AllocsPerRun(10, func() {
		bn.Forward(y, x, nil, c, c, st[0], st[1], st[2])
		bn.Backward(dx, nil, st[3], st[4], y, x, nil, c, c, st[0], st[2])
		ln.Forward(y, x, c, c, rows[0], rows[1])
		ln.Backward(dx, st[3], st[4], y, x, c, rows[0], rows[1])
		sm.Forward(y, x)
		sm.Backward(dx, x, y)
		lsm.Forward(y, x)
		lsm.Backward(dx, x, y)
		ce.Run(dx, x, y)
		mse.Run(dx, x, y)
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// A mean that is a thousand times the deviation takes none of the variance's figures.
func TestVarianceBesideLargeMean(t *testing.T) {
	s := BatchSpec{N: 4, C: 3, S: 2500, Eps: 1e-5}
	size := s.N * s.C * s.S
	x, scale, bias := kerneltest.Normal(size, 1, 1000), kerneltest.Normal(s.C, 2, 1), kerneltest.Normal(s.C, 3, 0)
	y, mean, variance, invstd := make([]float64, size), make([]float64, s.C), make([]float64, s.C), make([]float64, s.C)
	ref.BatchNorm(s, y, kerneltest.Wide(x), nil, kerneltest.Wide(scale), kerneltest.Wide(bias), mean, variance, invstd)
	n := NewBatch[float32](nil, s)
	gy, gm, gv, gi := make([]float32, size), make([]float32, s.C), make([]float32, s.C), make([]float32, s.C)
	n.Forward(gy, x, nil, scale, bias, gm, gv, gi)
	kerneltest.Agree(t, "mean", gm, mean, 1e-7)
	kerneltest.Agree(t, "variance", gv, variance, 1e-6)
	kerneltest.Agree(t, "invstd", gi, invstd, 1e-6)
}

// One element far from the others, wherever it is, takes none of the variance's figures either.
func TestVarianceBesideOutlier(t *testing.T) {
	s := BatchSpec{N: 16, C: 3, S: 1024, Eps: 1e-5}
	size := s.N * s.C * s.S
	for _, at := range []int{0, 1, 63, 500, 5000} {
		x, scale, bias := kerneltest.Normal(size, 1, 0), kerneltest.Normal(s.C, 2, 1), kerneltest.Normal(s.C, 3, 0)
		for c := range s.C {
			x[c*s.S+at%s.S+at/s.S*s.C*s.S] = 3e5
		}
		y, mean, variance, invstd := make([]float64, size), make([]float64, s.C), make([]float64, s.C), make([]float64, s.C)
		ref.BatchNorm(s, y, kerneltest.Wide(x), nil, kerneltest.Wide(scale), kerneltest.Wide(bias), mean, variance, invstd)
		n := NewBatch[float32](nil, s)
		gy, gm, gv, gi := make([]float32, size), make([]float32, s.C), make([]float32, s.C), make([]float32, s.C)
		n.Forward(gy, x, nil, scale, bias, gm, gv, gi)
		for c, m := range mean {
			if d := math.Abs(float64(gm[c])-m) * invstd[c]; d > 1e-6 {
				t.Errorf("element %d: the mean is off by %g deviations", at, d)
			}
		}
		kerneltest.Agree(t, "variance", gv, variance, 1e-6)
		kerneltest.Agree(t, "invstd", gi, invstd, 1e-6)
	}
}

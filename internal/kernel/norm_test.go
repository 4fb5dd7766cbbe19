package kernel

import (
	"fmt"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// normal returns n draws from N(mean, 1).
func normal(n int, seed uint64, mean float64) []float32 {
	s := rng.New(seed, rng.Init)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.Normal() + mean)
	}
	return x
}

// agree wants equality to a fraction of each output's scale.
func agree(t *testing.T, name string, got []float32, want []float64, rel float64) {
	t.Helper()
	if err := tol.Scaled(got, want, rel); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// threadCounts are those that must give the same bits; with the last of them most work is
// cut into more chunks than with the others.
var threadCounts = []int{1, 2, 3, 9}

// threads calls f with pools of several sizes and wants the same bits from each.
func threads(t *testing.T, f func(p *parallel.Pool) [][]float32) {
	t.Helper()
	var first [][]float32
	for _, n := range threadCounts {
		p := parallel.New(n)
		out := f(p)
		p.Close()
		if first == nil {
			first = out
		}
		for i := range out {
			if err := same(out[i], first[i]); err != nil {
				t.Errorf("output %d with %d threads: %v", i, n, err)
			}
		}
	}
}

func TestBatchNorm(t *testing.T) {
	for _, s := range []BatchNormSpec{
		{N: 3, C: 5, S: 1024}, {N: 4, C: 70, S: 16}, {N: 5, C: 3, S: 49}, {N: 33, C: 600, S: 1}, {N: 2, C: 9, S: 2},
		{N: 1, C: 4, S: 7}, {N: 6, C: 40, S: 33}, {N: 2, C: 130, S: 8},
	} {
		for mode := range 4 {
			s.Relu, s.Residual, s.Eps = mode&1 != 0, mode&2 != 0, 1e-5
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { testBatchNorm(t, s) })
		}
	}
}

func testBatchNorm(t *testing.T, s BatchNormSpec) {
	size := s.N * s.C * s.S
	x, res, dy := normal(size, 1, 3), normal(size, 2, 0), normal(size, 3, 0.1)
	scale, bias := normal(s.C, 4, 1), normal(s.C, 5, 0)
	vec := func(n int) []float32 { return make([]float32, n) }
	zeros := func(n int) []float64 { return make([]float64, n) }

	y, mean, variance, invstd := zeros(size), zeros(s.C), zeros(s.C), zeros(s.C)
	ref.BatchNorm(s, y, wide(x), wide(res), wide(scale), wide(bias), mean, variance, invstd)

	threads(t, func(p *parallel.Pool) [][]float32 {
		n := NewBatchNorm[float32](p, s)
		gy, gm, gv, gi := vec(size), vec(s.C), vec(s.C), vec(s.C)
		n.Forward(gy, x, res, scale, bias, gm, gv, gi)
		agree(t, "y", gy, y, 2e-6)
		agree(t, "mean", gm, mean, 1e-7)
		agree(t, "variance", gv, variance, 1e-6)
		agree(t, "invstd", gi, invstd, 1e-6)

		iy := vec(size)
		n.Infer(iy, x, res, scale, bias, gm, gv)
		agree(t, "inferred y", iy, y, 2e-6)

		// The oracle takes ReLU's mask from the y it is given.
		dx, dres, dscale, dbias := zeros(size), zeros(size), zeros(s.C), zeros(s.C)
		ref.BatchNormGrad(s, dx, dres, dscale, dbias, wide(dy), wide(x), wide(gy), wide(scale), wide(gm), wide(gi))
		gdx, gdres, gds, gdb := vec(size), vec(size), vec(s.C), vec(s.C)
		n.Backward(gdx, gdres, gds, gdb, dy, x, gy, scale, bias, gm, gi)
		agree(t, "dx", gdx, dx, 2e-5)
		agree(t, "dscale", gds, dscale, 1e-6)
		agree(t, "dbias", gdb, dbias, 1e-6)
		if s.Residual {
			agree(t, "dres", gdres, dres, 0)
		}
		return [][]float32{gy, gm, gv, gi, iy, gdx, gds, gdb, gdres}
	})
}

func TestLayerNorm(t *testing.T) {
	for _, s := range []LayerNormSpec{{Rows: 7, D: 192}, {Rows: 700, D: 33}, {Rows: 3, D: 1}, {Rows: 5, D: 9000}, {Rows: 2000, D: 12}} {
		for mode := range 2 {
			s.RMS, s.Eps = mode != 0, 1e-5
			t.Run(fmt.Sprintf("%+v", s), func(t *testing.T) { testLayerNorm(t, s) })
		}
	}
}

func testLayerNorm(t *testing.T, s LayerNormSpec) {
	size := s.Rows * s.D
	x, dy, scale, bias := normal(size, 1, 2), normal(size, 2, 0.1), normal(s.D, 3, 1), normal(s.D, 4, 0)
	vec := func(n int) []float32 { return make([]float32, n) }
	zeros := func(n int) []float64 { return make([]float64, n) }

	y, mean, invstd := zeros(size), zeros(s.Rows), zeros(s.Rows)
	ref.LayerNorm(s, y, wide(x), wide(scale), wide(bias), mean, invstd)
	threads(t, func(p *parallel.Pool) [][]float32 {
		n := NewLayerNorm[float32](p, s)
		gy, gm, gi := vec(size), vec(s.Rows), vec(s.Rows)
		n.Forward(gy, x, scale, bias, gm, gi)
		agree(t, "y", gy, y, 2e-6)
		agree(t, "mean", gm, mean, 1e-7)
		agree(t, "invstd", gi, invstd, 1e-6)

		dx, dscale, dbias := zeros(size), zeros(s.D), zeros(s.D)
		ref.LayerNormGrad(s, dx, dscale, dbias, wide(dy), wide(x), wide(scale), wide(gm), wide(gi))
		gdx, gds, gdb := vec(size), vec(s.D), vec(s.D)
		n.Backward(gdx, gds, gdb, dy, x, scale, gm, gi)
		if s.D > 1 { // one element has no gradient but rounding
			agree(t, "dx", gdx, dx, 2e-6)
		}
		agree(t, "dscale", gds, dscale, 5e-6) // sums over rows in float32
		agree(t, "dbias", gdb, dbias, 5e-6)
		return [][]float32{gy, gm, gi, gdx, gds, gdb}
	})
}

func TestNormAllocatesNothing(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	s := BatchNormSpec{N: 4, C: 16, S: 64, Eps: 1e-5, Relu: true}
	size := s.N * s.C * s.S
	x, y, dx, c := normal(size, 1, 0), make([]float32, size), make([]float32, size), normal(s.C, 2, 1)
	var st [5][]float32
	for i := range st {
		st[i] = make([]float32, s.C)
	}
	bn := NewBatchNorm[float32](p, s)
	ln := NewLayerNorm[float32](p, LayerNormSpec{Rows: s.N * s.S, D: s.C, Eps: 1e-5})
	rows := [2][]float32{make([]float32, s.N*s.S), make([]float32, s.N*s.S)}
	sm, lsm := NewSoftmax[float32](p, SoftmaxSpec{Outer: 64, D: 64, Inner: 1}), NewSoftmax[float32](p, SoftmaxSpec{Outer: 64, D: 64, Inner: 1, Log: true})
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

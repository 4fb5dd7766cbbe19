package ref_test

import (
	"math"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// numeric returns the central differences of f with respect to x.
func numeric(x []float64, f func() float64) []float64 {
	const h = 1e-6
	g := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + h
		up := f()
		x[i] = v - h
		g[i] = (up - f()) / (2 * h)
		x[i] = v
	}
	return g
}

// wave returns n numbers that are neither equal nor at a kink.
func wave(n int, phase float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 2*math.Sin(phase+1.7*float64(i)) + 0.013
	}
	return x
}

// check compares with central differences, good to about 1e-9 of a value of 1.
func check(t *testing.T, name string, got, want []float64) {
	t.Helper()
	if err := tol.Close(got, want, 1e-7, 1e-7); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestActivationGradients(t *testing.T) {
	type fn = func(dst, x []float64)
	type grad = func(dx, dy, v []float64)
	for name, c := range map[string]struct {
		f     fn
		g     grad
		fromY bool
	}{
		"Relu":      {ref.Relu[float64], ref.ReluGrad[float64], true},
		"Tanh":      {ref.Tanh[float64], ref.TanhGrad[float64], true},
		"Sigmoid":   {ref.Sigmoid[float64], ref.SigmoidGrad[float64], true},
		"Erf":       {ref.Erf[float64], ref.ErfGrad[float64], false},
		"Gelu":      {ref.Gelu[float64], ref.GeluGrad[float64], false},
		"GeluTanh":  {ref.GeluTanh[float64], ref.GeluTanhGrad[float64], false},
		"Silu":      {ref.Silu[float64], ref.SiluGrad[float64], false},
		"Softplus":  {ref.Softplus[float64], ref.SoftplusGrad[float64], false},
		"HardSwish": {ref.HardSwish[float64], ref.HardSwishGrad[float64], false},
		"LeakyRelu": {func(y, x []float64) { ref.LeakyRelu(y, x, 0.2) },
			func(dx, dy, x []float64) { ref.LeakyReluGrad(dx, dy, x, 0.2) }, false},
		"Elu": {func(y, x []float64) { ref.Elu(y, x, 0.7) },
			func(dx, dy, x []float64) { ref.EluGrad(dx, dy, x, 0.7) }, false},
		"Clip": {func(y, x []float64) { ref.Clip(y, x, -1, 0.5) },
			func(dx, dy, x []float64) { ref.ClipGrad(dx, dy, x, -1, 0.5) }, false},
		"HardSigmoid": {func(y, x []float64) { ref.HardSigmoid(y, x, 0.4, 0.5) },
			func(dx, dy, x []float64) { ref.HardSigmoidGrad(dx, dy, x, 0.4, 0.5) }, false},
		"Softmax":    {softmax(false), softmaxGrad(false), true},
		"LogSoftmax": {softmax(true), softmaxGrad(true), true},
		"Average pool": {func(y, x []float64) { ref.AvgPool(pool, y, x) },
			func(dx, dy, _ []float64) { ref.AvgPoolGrad(pool, dx, dy) }, false},
		"Max pool": {func(y, x []float64) { ref.MaxPool(pool, y, nil, x) }, func(dx, dy, x []float64) {
			y, index := make([]float64, len(x)), make([]int32, len(x))
			ref.MaxPool(pool, y, index, x)
			ref.MaxPoolGrad(pool, dx, dy, index)
		}, false},
	} {
		x, dy := wave(24, 0.3), wave(24, 1)
		y, dx := make([]float64, 24), make([]float64, 24)
		eval := func() float64 { c.f(y, x); return ref.Dot(dy, y) }
		want := numeric(x, eval)
		eval()
		if c.fromY {
			c.g(dx, dy, y)
		} else {
			c.g(dx, dy, x)
		}
		check(t, name, dx, want)
	}
}

// pool has as many outputs as inputs.
var pool = ref.PoolSpec{N: 1, C: 2, H: 3, W: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
	PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1}

func softmax(log bool) func(y, x []float64) {
	return func(y, x []float64) { ref.Softmax(ref.SoftmaxSpec{Outer: 2, D: 3, Inner: 4, Log: log}, y, x) }
}

func softmaxGrad(log bool) func(dx, dy, y []float64) {
	return func(dx, dy, y []float64) {
		ref.SoftmaxBackward(ref.SoftmaxSpec{Outer: 2, D: 3, Inner: 4, Log: log}, dx, dy, y)
	}
}

func TestBatchNormGradient(t *testing.T) {
	s := ref.BatchNormSpec{N: 3, C: 2, S: 4, Eps: 1e-5, Relu: true, Residual: true}
	x, res, dy, scale, bias := wave(24, 0), wave(24, 1), wave(24, 2), wave(2, 3), wave(2, 4)
	y, mean, variance, invstd := make([]float64, 24), make([]float64, 2), make([]float64, 2), make([]float64, 2)
	eval := func() float64 {
		ref.BatchNorm(s, y, x, res, scale, bias, mean, variance, invstd)
		return ref.Dot(dy, y)
	}
	wx, wres, ws, wb := numeric(x, eval), numeric(res, eval), numeric(scale, eval), numeric(bias, eval)
	eval()
	dx, dres, ds, db := make([]float64, 24), make([]float64, 24), make([]float64, 2), make([]float64, 2)
	ref.BatchNormGrad(s, dx, dres, ds, db, dy, x, y, scale, mean, invstd)
	check(t, "x", dx, wx)
	check(t, "residual", dres, wres)
	check(t, "scale", ds, ws)
	check(t, "bias", db, wb)
}

func TestLayerNormGradient(t *testing.T) {
	for _, rms := range []bool{false, true} {
		s := ref.LayerNormSpec{Rows: 3, D: 5, Eps: 1e-5, RMS: rms}
		x, dy, scale, bias := wave(15, 0), wave(15, 2), wave(5, 3), wave(5, 4)
		y, mean, invstd := make([]float64, 15), make([]float64, 3), make([]float64, 3)
		eval := func() float64 {
			ref.LayerNorm(s, y, x, scale, bias, mean, invstd)
			return ref.Dot(dy, y)
		}
		wx, ws, wb := numeric(x, eval), numeric(scale, eval), numeric(bias, eval)
		eval()
		dx, ds, db := make([]float64, 15), make([]float64, 5), make([]float64, 5)
		ref.LayerNormGrad(s, dx, ds, db, dy, x, scale, mean, invstd)
		check(t, "x", dx, wx)
		check(t, "scale", ds, ws)
		check(t, "bias", db, wb)
	}
}

func TestLossGradients(t *testing.T) {
	x, target, dx := wave(12, 0), wave(12, 1), make([]float64, 12)
	for name, f := range map[string]func() float64{
		"cross-entropy": func() float64 { return ref.CrossEntropy(3, 4, dx, x, target) },
		"squared error": func() float64 { return ref.MSE(dx, x, target) },
	} {
		want := numeric(x, f)
		f()
		check(t, name, dx, want)
	}
}

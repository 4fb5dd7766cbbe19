//go:build amd64 && !purego

package vec

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/ref"
)

// fastest is package avx2 where the CPU can run it, with the costly passes of package
// avx512 where it can run those, else plain Go.
func fastest() Table[float32] {
	if !cpu.AVX2 {
		return plain[float32]()
	}
	t := narrow()
	if cpu.AVX512 {
		widen(&t)
	}
	return t
}

// widen takes from package avx512 what it has.
func widen(t *Table[float32]) {
	t.Exp, t.Log, t.Erf, t.ErfGrad = avx512.Exp, avx512.Log, avx512.Erf, avx512.ErfGrad
	t.Tanh, t.Sigmoid = avx512.Tanh, avx512.Sigmoid
	t.Gelu, t.GeluTanh, t.Silu, t.Softplus = avx512.Gelu, avx512.GeluTanh, avx512.Silu, avx512.Softplus
	t.GeluGrad, t.GeluTanhGrad = avx512.GeluGrad, avx512.GeluTanhGrad
	t.SiluGrad, t.SoftplusGrad = avx512.SiluGrad, avx512.SoftplusGrad
	t.SoftmaxRows = avx512.SoftmaxRows
	t.Sum, t.SumSq, t.Dot = avx512.Sum, avx512.SumSq, avx512.Dot
	t.ExpSum, t.MaxOf, t.MinOf = avx512.ExpSum, avx512.MaxOf, avx512.MinOf
}

// narrow is package avx2.
func narrow() Table[float32] {
	return Table[float32]{
		Add: avx2.Add, Sub: avx2.Sub, Mul: avx2.Mul, Div: avx2.Div, Max: avx2.Max, Min: avx2.Min, Fma: avx2.Fma,
		AddScalar: avx2.AddScalar, MulScalar: avx2.MulScalar, DivScalar: avx2.DivScalar, ScalarDiv: avx2.ScalarDiv,
		Axpy: avx2.Axpy, Affine: avx2.Affine,
		Abs: avx2.Abs, Neg: avx2.Neg, Sqrt: avx2.Sqrt, Reciprocal: avx2.Reciprocal,
		Exp: avx2.Exp, Log: avx2.Log, Erf: avx2.Erf,
		Relu: avx2.Relu, Tanh: avx2.Tanh, Sigmoid: avx2.Sigmoid, Gelu: avx2.Gelu, GeluTanh: avx2.GeluTanh,
		Silu: avx2.Silu, Softplus: avx2.Softplus, HardSwish: avx2.HardSwish,
		LeakyRelu: avx2.LeakyRelu, Elu: avx2.Elu, Clip: avx2.Clip, HardSigmoid: avx2.HardSigmoid,
		ReluGrad: avx2.ReluGrad, TanhGrad: avx2.TanhGrad, SigmoidGrad: avx2.SigmoidGrad, ErfGrad: avx2.ErfGrad,
		GeluGrad: avx2.GeluGrad, GeluTanhGrad: avx2.GeluTanhGrad, SiluGrad: avx2.SiluGrad,
		SoftplusGrad: avx2.SoftplusGrad, HardSwishGrad: avx2.HardSwishGrad,
		LeakyReluGrad: avx2.LeakyReluGrad, EluGrad: avx2.EluGrad,
		ClipGrad: avx2.ClipGrad, HardSigmoidGrad: avx2.HardSigmoidGrad,

		Sum: avx2.Sum, SumSq: avx2.SumSq, Dot: avx2.Dot, ShortDot: avx2.ShortDot,
		AddWide: avx2.AddWide, MaxOf: avx2.MaxOf, MinOf: avx2.MinOf,
		ArgMax: func(x []float32) int { return avx2.Index(x, avx2.MaxOf(x)) },
		ArgMin: func(x []float32) int { return avx2.Index(x, avx2.MinOf(x)) },
		ExpSum: avx2.ExpSum, SoftmaxRows: softmaxRows, SoftmaxGrad: avx2.SoftmaxGrad, LogSoftmaxGrad: avx2.LogSoftmaxGrad,
		Repeat: avx2.Repeat, FromUint8: fromUint8, Transpose: transpose, Match: avx2.Match,
		Split: splitPairs, Join: joinPairs, SGD: sgd, Adam: adam,
		AddSums: avx2.AddSums, Moments: avx2.Moments, GradMoments: avx2.GradMoments, GatedGradMoments: avx2.GatedGradMoments,
		ReluGradMoments: avx2.ReluGradMoments, MulRows: avx2.MulRows, Normalize: avx2.Normalize, NormalizeRelu: avx2.NormalizeRelu,
		NormalizeAdd: avx2.NormalizeAdd, NormalizeAddRelu: avx2.NormalizeAddRelu,
		NormalizeGrad: avx2.NormalizeGrad, GatedNormGrad: avx2.GatedNormalizeGrad,
		RowNorm: avx2.RowNorm, RowNormGradSums: avx2.RowNormGradSums, RowNormGrad: avx2.RowNormGrad,
	}
}

// fromUint8 pads the last elements to a whole vector. A byte times 1/255, of which the greater part is
// multiplied exactly and the lesser one nearly so, is rounded as the division is, which takes longer.
func fromUint8(dst []float32, x []uint8) {
	const high = float32(1. / 255)
	const low = float32(1./255 - float64(high))
	n := len(dst) &^ 7
	avx2.FromUint8(dst[:n], x[:n], high, low)
	if n < len(dst) {
		var in [8]uint8
		var out [8]float32
		copy(in[:], x[n:len(dst)])
		avx2.FromUint8(out[:], in[:], high, low)
		copy(dst[n:], out[:])
	}
}

// transpose leaves the rows and columns that do not fill a block of 8 to Go.
func transpose(dst, src []float32, rows, cols, ldd, lds int) {
	whole := cols &^ 7
	i := 0
	for ; i+8 <= rows; i += 8 {
		avx2.TransposeRows(dst[i:], src[i*lds:], whole, ldd, lds)
		if whole < cols {
			ref.Transpose(dst[whole*ldd+i:], src[i*lds+whole:], 8, cols-whole, ldd, lds)
		}
	}
	if i < rows {
		ref.Transpose(dst[i:], src[i*lds:], rows-i, cols, ldd, lds)
	}
}

// softmaxRows is [ref.SoftmaxRows].
func softmaxRows(y, x []float32, d int) {
	for ; len(x) > 0; x, y = x[d:], y[d:] {
		row := y[:d]
		avx2.MulScalar(row, row, float32(1/avx2.ExpSum(row, x, avx2.MaxOf(x[:d]))))
	}
}

func sgd(s SGD, w, g, buf []float32) {
	lr, momentum, decay, scale := float32(s.LR), float32(s.Momentum), float32(s.WeightDecay), float32(s.GradScale)
	switch {
	case s.Momentum == 0:
		avx2.SGDPlain(w, g, lr, decay, scale)
	case s.Nesterov:
		avx2.SGDNesterov(w, g, buf, lr, decay, scale, momentum)
	default:
		avx2.SGDMomentum(w, g, buf, lr, decay, scale, momentum)
	}
}

func adam(c ref.AdamCoef[float32], w, g, m, v []float32) {
	avx2.AdamStep(w, g, m, v, c.GradScale, c.Coupled, c.Keep, c.Beta1, c.Rest1,
		c.Beta2, c.Rest2, c.RootScale, c.Eps, c.Rate)
}

func splitPairs(even, odd, src []float32) {
	n := len(even) &^ 7
	avx2.Split(even[:n], odd[:n], src[:2*n])
	ref.Split(even[n:], odd[n:], src[2*n:])
}

func joinPairs(dst, even, odd []float32) {
	n := len(even) &^ 7
	avx2.Join(dst[:2*n], even[:n], odd[:n])
	ref.Join(dst[2*n:], even[n:], odd[n:])
}

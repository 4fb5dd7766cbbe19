//go:build amd64 && !purego

package kernel

import (
	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/ref"
)

// fastest is package avx2 where the CPU can run it, else plain Go.
func fastest() table[float32] {
	if !useAVX2 {
		return plain[float32]()
	}
	return table[float32]{
		add: avx2.Add, sub: avx2.Sub, mul: avx2.Mul, div: avx2.Div, max: avx2.Max, min: avx2.Min, fma: avx2.Fma,
		addScalar: avx2.AddScalar, mulScalar: avx2.MulScalar, divScalar: avx2.DivScalar, scalarDiv: avx2.ScalarDiv,
		axpy: avx2.Axpy, affine: avx2.Affine,
		abs: avx2.Abs, neg: avx2.Neg, sqrt: avx2.Sqrt, reciprocal: avx2.Reciprocal,
		exp: avx2.Exp, log: avx2.Log, erf: avx2.Erf,
		relu: avx2.Relu, tanh: avx2.Tanh, sigmoid: avx2.Sigmoid, gelu: avx2.Gelu, geluTanh: avx2.GeluTanh,
		silu: avx2.Silu, softplus: avx2.Softplus, hardSwish: avx2.HardSwish,
		leakyRelu: avx2.LeakyRelu, elu: avx2.Elu, clip: avx2.Clip, hardSigmoid: avx2.HardSigmoid,
		reluGrad: avx2.ReluGrad, tanhGrad: avx2.TanhGrad, sigmoidGrad: avx2.SigmoidGrad, erfGrad: avx2.ErfGrad,
		geluGrad: avx2.GeluGrad, geluTanhGrad: avx2.GeluTanhGrad, siluGrad: avx2.SiluGrad,
		softplusGrad: avx2.SoftplusGrad, hardSwishGrad: avx2.HardSwishGrad,
		leakyReluGrad: avx2.LeakyReluGrad, eluGrad: avx2.EluGrad,
		clipGrad: avx2.ClipGrad, hardSigmoidGrad: avx2.HardSigmoidGrad,

		sum: avx2.Sum, sumSq: avx2.SumSq, dot: avx2.Dot, shortDot: avx2.ShortDot, maxOf: avx2.MaxOf, minOf: avx2.MinOf,
		argMax: func(x []float32) int { return avx2.Index(x, avx2.MaxOf(x)) },
		argMin: func(x []float32) int { return avx2.Index(x, avx2.MinOf(x)) },
		expSum: avx2.ExpSum, softmaxGrad: avx2.SoftmaxGrad, logSoftmaxGrad: avx2.LogSoftmaxGrad,
		fromUint8: fromUint8, transpose: transpose, match: avx2.Match, split: splitPairs, join: joinPairs, sgd: sgd, adam: adam,
		moments: avx2.Moments, gradMoments: avx2.GradMoments, gatedGradMoments: avx2.GatedGradMoments,
		normalize: avx2.Normalize, normalizeRelu: avx2.NormalizeRelu,
		normalizeAdd: avx2.NormalizeAdd, normalizeAddRelu: avx2.NormalizeAddRelu,
		normalizeGrad: avx2.NormalizeGrad, gatedNormGrad: avx2.GatedNormalizeGrad,
		rowNorm: avx2.RowNorm, rowNormGradSums: avx2.RowNormGradSums, rowNormGrad: avx2.RowNormGrad,
	}
}

// fromUint8 pads the last elements to a whole vector.
func fromUint8(dst []float32, x []uint8, a, b float32) {
	n := len(dst) &^ 7
	avx2.FromUint8(dst[:n], x[:n], a, b)
	if n < len(dst) {
		var in [8]uint8
		var out [8]float32
		copy(in[:], x[n:len(dst)])
		avx2.FromUint8(out[:], in[:], a, b)
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
	avx2.AdamStep(w, g, m, v, c.GradScale, c.Coupled, c.Keep, c.Beta1, c.Rest1, c.Beta2, c.Rest2, c.RootScale, c.Eps, c.Rate)
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

package kernel

import "memprobe/internal/kernel/ref"

// Float lists the element types of the passes over vectors. Only float32 has
// kernels in assembly; float64 serves gradient checks.
type Float = ref.Float

// Shapes of the passes over vectors, by what they take.
type (
	unary[T Float]   = func(dst, x []T)
	unary1[T Float]  = func(dst, x []T, a T)
	unary2[T Float]  = func(dst, x []T, a, b T)
	binary[T Float]  = func(dst, a, b []T)
	binary1[T Float] = func(dst, a, b []T, c T)
	binary2[T Float] = func(dst, a, b []T, c, d T)
)

// table is one implementation of every pass over vectors. The functions trust
// their arguments to be long enough.
type table[T Float] struct {
	add, sub, mul, div, max, min                   binary[T]
	fma                                            func(dst, a, b, c []T)
	addScalar, mulScalar, divScalar, scalarDiv     unary1[T]
	axpy                                           unary1[T]
	affine                                         unary2[T]
	abs, neg, sqrt, reciprocal, exp, log, erf      unary[T]
	relu, tanh, sigmoid, gelu, geluTanh            unary[T]
	silu, softplus, hardSwish                      unary[T]
	leakyRelu, elu                                 unary1[T]
	clip, hardSigmoid                              unary2[T]
	reluGrad, tanhGrad, sigmoidGrad, erfGrad       binary[T]
	geluGrad, geluTanhGrad, siluGrad, softplusGrad binary[T]
	hardSwishGrad                                  binary[T]
	leakyReluGrad, eluGrad                         binary1[T]
	clipGrad, hardSigmoidGrad                      binary2[T]

	sum, sumSq       func(x []T) float64
	dot, shortDot    func(a, b []T) float64
	maxOf, minOf     func(x []T) T
	argMax, argMin   func(x []T) int
	expSum           func(dst, x []T, m T) float64
	softmaxGrad      binary1[T]
	logSoftmaxGrad   binary1[T]
	fromUint8        func(dst []T, x []uint8, a, b T)
	transpose        func(dst, src []T, rows, cols, ldd, lds int)
	match            func(at, x, m []T, k T)
	split            func(even, odd, src []T)
	join             func(dst, even, odd []T)
	sgd              func(s ref.SGD, w, g, buf []T)
	adam             func(c ref.AdamCoef[T], w, g, m, v []T)
	moments          func(sum, sumSq []float64, x []T, s int)
	gradMoments      func(sum, dot []float64, dy, x []T, s int)
	gatedGradMoments func(sum, dot []float64, dy, x, mean, a, b []T, s int)
	normalize        func(y, x, mean, a, b []T, s int)
	normalizeRelu    func(y, x, mean, a, b []T, s int)
	normalizeAdd     func(y, x, residual, mean, a, b []T, s int)
	normalizeAddRelu func(y, x, residual, mean, a, b []T, s int)
	normalizeGrad    func(dx, dy, x, mean, p, q, c []T, s int)
	gatedNormGrad    func(dx, dy, x, mean, a, b, p, q, c []T, s int)
	rowNorm          func(y, x, scale, bias []T, mean, inv T)
	rowNormGradSums  func(dy, x, scale []T, mean, inv T) (sum, dot float64)
	rowNormGrad      func(dx, dscale, dbias, dy, x, scale []T, mean, inv, c, d T)
}

// plain is the implementation in Go.
func plain[T Float]() table[T] {
	return table[T]{
		add: ref.Add[T], sub: ref.Sub[T], mul: ref.Mul[T], div: ref.Div[T], max: ref.Max[T], min: ref.Min[T],
		fma:       ref.Fma[T],
		addScalar: ref.AddScalar[T], mulScalar: ref.MulScalar[T], divScalar: ref.DivScalar[T], scalarDiv: ref.ScalarDiv[T],
		axpy: ref.Axpy[T], affine: ref.Affine[T],
		abs: ref.Abs[T], neg: ref.Neg[T], sqrt: ref.Sqrt[T], reciprocal: ref.Reciprocal[T],
		exp: ref.Exp[T], log: ref.Log[T], erf: ref.Erf[T],
		relu: ref.Relu[T], tanh: ref.Tanh[T], sigmoid: ref.Sigmoid[T], gelu: ref.Gelu[T], geluTanh: ref.GeluTanh[T],
		silu: ref.Silu[T], softplus: ref.Softplus[T], hardSwish: ref.HardSwish[T],
		leakyRelu: ref.LeakyRelu[T], elu: ref.Elu[T], clip: ref.Clip[T], hardSigmoid: ref.HardSigmoid[T],
		reluGrad: ref.ReluGrad[T], tanhGrad: ref.TanhGrad[T], sigmoidGrad: ref.SigmoidGrad[T], erfGrad: ref.ErfGrad[T],
		geluGrad: ref.GeluGrad[T], geluTanhGrad: ref.GeluTanhGrad[T], siluGrad: ref.SiluGrad[T],
		softplusGrad: ref.SoftplusGrad[T], hardSwishGrad: ref.HardSwishGrad[T],
		leakyReluGrad: ref.LeakyReluGrad[T], eluGrad: ref.EluGrad[T],
		clipGrad: ref.ClipGrad[T], hardSigmoidGrad: ref.HardSigmoidGrad[T],

		sum: ref.Sum[T], sumSq: ref.SumSq[T], dot: ref.Dot[T], shortDot: ref.ShortDot[T], maxOf: ref.MaxOf[T], minOf: ref.MinOf[T],
		argMax: ref.ArgMax[T], argMin: ref.ArgMin[T],
		expSum: ref.ExpSum[T], softmaxGrad: ref.SoftmaxGrad[T], logSoftmaxGrad: ref.LogSoftmaxGrad[T],
		fromUint8: ref.FromUint8[T], transpose: ref.Transpose[T], match: ref.Match[T], split: ref.Split[T], join: ref.Join[T], sgd: ref.SGDStep[T], adam: ref.AdamStep[T],
		moments: ref.Moments[T], gradMoments: ref.GradMoments[T], gatedGradMoments: ref.GatedGradMoments[T],
		normalize: ref.Normalize[T], normalizeRelu: ref.NormalizeRelu[T],
		normalizeAdd: ref.NormalizeAdd[T], normalizeAddRelu: ref.NormalizeAddRelu[T],
		normalizeGrad: ref.NormalizeGrad[T], gatedNormGrad: ref.GatedNormalizeGrad[T],
		rowNorm: ref.RowNorm[T], rowNormGradSums: ref.RowNormGradSums[T], rowNormGrad: ref.RowNormGrad[T],
	}
}

// The implementations in use, chosen when the program starts.
var (
	table32 = fastest()
	table64 = plain[float64]()
)

// of returns the implementation in use for T.
func of[T Float]() *table[T] {
	var t any = &table64
	if _, ok := t.(*table[T]); !ok {
		t = &table32
	}
	return t.(*table[T])
}

package vec

import "memprobe/internal/kernel/ref"

// Float lists the element types of the passes over vectors. Only float32 has
// kernels in assembly; float64 serves gradient checks.
type Float = ref.Float

// Shapes of the passes over vectors, by what they take.
type (
	unary[T Float]   = func(dst, x []T)
	unary1[T Float]  = func(dst, x []T, a T)
	unary2[T Float]  = func(dst, x []T, a, b T)
	Binary[T Float]  = func(dst, a, b []T)
	binary1[T Float] = func(dst, a, b []T, c T)
	binary2[T Float] = func(dst, a, b []T, c, d T)
)

// Table is one implementation of every pass over vectors. The functions trust
// their arguments to be long enough.
type Table[T Float] struct {
	Add, Sub, Mul, Div, Max, Min                   Binary[T]
	Fma                                            func(dst, a, b, c []T)
	AddScalar, MulScalar, DivScalar, ScalarDiv     unary1[T]
	Axpy                                           unary1[T]
	Affine                                         unary2[T]
	Abs, Neg, Sqrt, Reciprocal, Exp, Log, Erf      unary[T]
	Relu, Tanh, Sigmoid, Gelu, GeluTanh            unary[T]
	Silu, Softplus, HardSwish                      unary[T]
	LeakyRelu, Elu                                 unary1[T]
	Clip, HardSigmoid                              unary2[T]
	ReluGrad, TanhGrad, SigmoidGrad, ErfGrad       Binary[T]
	GeluGrad, GeluTanhGrad, SiluGrad, SoftplusGrad Binary[T]
	HardSwishGrad                                  Binary[T]
	LeakyReluGrad, EluGrad                         binary1[T]
	ClipGrad, HardSigmoidGrad                      binary2[T]

	Sum, SumSq       func(x []T) float64
	Dot, ShortDot    func(a, b []T) float64
	AddWide          func(sum []float64, x []T)
	MaxOf, MinOf     func(x []T) T
	ArgMax, ArgMin   func(x []T) int
	ExpSum           func(dst, x []T, m T) float64
	SoftmaxRows      func(y, x []T, d int)
	SoftmaxGrad      binary1[T]
	LogSoftmaxGrad   binary1[T]
	Repeat           func(dst, x []T, n int)
	FromUint8        func(dst []T, x []uint8)
	Transpose        func(dst, src []T, rows, cols, ldd, lds int)
	Match            func(at, x, m []T, k T)
	Split            func(even, odd, src []T)
	Join             func(dst, even, odd []T)
	SGD              func(s ref.SGD, w, g, buf []T)
	Adam             func(c ref.AdamCoef[T], w, g, m, v []T)
	AddSums          func(sum []float64, x []T, s int)
	Moments          func(sum, sumSq []float64, x, shift []T, s int)
	GradMoments      func(sum, dot []float64, dy, x, mean []T, s int)
	GatedGradMoments func(sum, dot []float64, dy, x, mean, a, b []T, s int)
	ReluGradMoments  func(sum, dot []float64, d, dy, y, x, mean []T, s int)
	MulRows          func(y, x, a []T, s int)
	Normalize        func(y, x, mean, a, b []T, s int)
	NormalizeRelu    func(y, x, mean, a, b []T, s int)
	NormalizeAdd     func(y, x, residual, mean, a, b []T, s int)
	NormalizeAddRelu func(y, x, residual, mean, a, b []T, s int)
	NormalizeGrad    func(dx, dy, x, mean, p, q, c []T, s int)
	GatedNormGrad    func(dx, dy, x, mean, a, b, p, q, c []T, s int)
	RowNorm          func(y, x, scale, bias []T, mean, inv T)
	RowNormGradSums  func(dy, x, scale []T, mean, inv T) (sum, dot float64)
	RowNormGrad      func(dx, dscale, dbias, dy, x, scale []T, mean, inv, c, d T)
}

// plain is the implementation in Go.
func plain[T Float]() Table[T] {
	return Table[T]{
		Add: ref.Add[T], Sub: ref.Sub[T], Mul: ref.Mul[T], Div: ref.Div[T], Max: ref.Max[T], Min: ref.Min[T],
		Fma:       ref.Fma[T],
		AddScalar: ref.AddScalar[T], MulScalar: ref.MulScalar[T], DivScalar: ref.DivScalar[T], ScalarDiv: ref.ScalarDiv[T],
		Axpy: ref.Axpy[T], Affine: ref.Affine[T],
		Abs: ref.Abs[T], Neg: ref.Neg[T], Sqrt: ref.Sqrt[T], Reciprocal: ref.Reciprocal[T],
		Exp: ref.Exp[T], Log: ref.Log[T], Erf: ref.Erf[T],
		Relu: ref.Relu[T], Tanh: ref.Tanh[T], Sigmoid: ref.Sigmoid[T], Gelu: ref.Gelu[T], GeluTanh: ref.GeluTanh[T],
		Silu: ref.Silu[T], Softplus: ref.Softplus[T], HardSwish: ref.HardSwish[T],
		LeakyRelu: ref.LeakyRelu[T], Elu: ref.Elu[T], Clip: ref.Clip[T], HardSigmoid: ref.HardSigmoid[T],
		ReluGrad: ref.ReluGrad[T], TanhGrad: ref.TanhGrad[T], SigmoidGrad: ref.SigmoidGrad[T], ErfGrad: ref.ErfGrad[T],
		GeluGrad: ref.GeluGrad[T], GeluTanhGrad: ref.GeluTanhGrad[T], SiluGrad: ref.SiluGrad[T],
		SoftplusGrad: ref.SoftplusGrad[T], HardSwishGrad: ref.HardSwishGrad[T],
		LeakyReluGrad: ref.LeakyReluGrad[T], EluGrad: ref.EluGrad[T],
		ClipGrad: ref.ClipGrad[T], HardSigmoidGrad: ref.HardSigmoidGrad[T],

		Sum: ref.Sum[T], SumSq: ref.SumSq[T], Dot: ref.Dot[T], ShortDot: ref.ShortDot[T],
		AddWide: ref.AddWide[T], MaxOf: ref.MaxOf[T], MinOf: ref.MinOf[T],
		ArgMax: ref.ArgMax[T], ArgMin: ref.ArgMin[T],
		ExpSum: ref.ExpSum[T], SoftmaxRows: ref.SoftmaxRows[T], SoftmaxGrad: ref.SoftmaxGrad[T], LogSoftmaxGrad: ref.LogSoftmaxGrad[T],
		Repeat: ref.Repeat[T], FromUint8: ref.FromUint8[T], Transpose: ref.Transpose[T], Match: ref.Match[T],
		Split: ref.Split[T], Join: ref.Join[T], SGD: ref.SGDStep[T], Adam: ref.AdamStep[T],
		AddSums: ref.AddSums[T], Moments: ref.Moments[T], GradMoments: ref.GradMoments[T], GatedGradMoments: ref.GatedGradMoments[T],
		ReluGradMoments: ref.ReluGradMoments[T], MulRows: ref.MulRows[T], Normalize: ref.Normalize[T], NormalizeRelu: ref.NormalizeRelu[T],
		NormalizeAdd: ref.NormalizeAdd[T], NormalizeAddRelu: ref.NormalizeAddRelu[T],
		NormalizeGrad: ref.NormalizeGrad[T], GatedNormGrad: ref.GatedNormalizeGrad[T],
		RowNorm: ref.RowNorm[T], RowNormGradSums: ref.RowNormGradSums[T], RowNormGrad: ref.RowNormGrad[T],
	}
}

// The implementations in use, chosen when the program starts.
var (
	table32 = fastest()
	table64 = plain[float64]()
)

// Of returns the implementation in use for T.
func Of[T Float]() *Table[T] {
	var t any = &table64
	if _, ok := t.(*Table[T]); !ok {
		t = &table32
	}
	return t.(*Table[T])
}

package ops

import (
	"math"

	"memprobe/internal/kernel"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// span is how many elements one chunk of an elementwise loop takes: 64 KiB of
// float32, so that a chunk's operands stay in the second-level cache.
const span = 1 << 14

// maps is an elementwise function of one operand for both float types.
type maps struct {
	f32 func(dst, x []float32)
	f64 func(dst, x []float64)
}

// each makes a vector function of a scalar one.
func each(f func(float64) float64) maps {
	return maps{eachOf[float32](f), eachOf[float64](f)}
}

func eachOf[T tensor.Float](f func(float64) float64) func(dst, x []T) {
	return func(dst, x []T) {
		for i, v := range x {
			dst[i] = T(f(float64(v)))
		}
	}
}

// unary is the entry of an elementwise operator; of reads its attributes.
func unary(op string, since int, of func(n *Node) maps) Def {
	return Def{
		Op: op, Since: since, InPlace: true,
		Infer: func(n *Node) error { return sameAs(n, 1, 1) },
		Bind: func(n *Node, e *Env) (func(), error) {
			m := of(n)
			switch n.In[0].DType {
			case tensor.Float32:
				return mapLoop(e, m.f32), nil
			case tensor.Float64:
				return mapLoop(e, m.f64), nil
			}
			return nil, n.Errorf("input is %v, want float32", n.In[0].DType)
		},
	}
}

func simple(op string, since int, m maps) Def {
	return unary(op, since, func(*Node) maps { return m })
}

// sameAs gives output 0 the type and shape of input 0.
func sameAs(n *Node, least, most int) error {
	if err := n.Want(least, most); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func mapLoop[T tensor.Element](e *Env, f func(dst, x []T)) func() {
	x, y := e.In[0], e.Out[0]
	n := y.Len()
	body := func(_, chunk int) {
		lo, hi := parallel.Range(chunk, span, n)
		f(tensor.Data[T](y)[lo:hi], tensor.Data[T](x)[lo:hi])
	}
	return func() { e.Pool.For(parallel.Chunks(n, span), body) }
}

var activations = []Def{
	simple("Relu", 1, maps{kernel.Relu[float32], kernel.Relu[float64]}),
	simple("Tanh", 1, maps{kernel.Tanh[float32], kernel.Tanh[float64]}),
	simple("Sigmoid", 1, maps{kernel.Sigmoid[float32], kernel.Sigmoid[float64]}),
	simple("Softplus", 1, maps{kernel.Softplus[float32], kernel.Softplus[float64]}),
	simple("HardSwish", 14, maps{kernel.HardSwish[float32], kernel.HardSwish[float64]}),
	unary("LeakyRelu", 1, func(n *Node) maps {
		a := n.Float("alpha", 0.01)
		return maps{
			func(y, x []float32) { kernel.LeakyRelu(y, x, a) },
			func(y, x []float64) { kernel.LeakyRelu(y, x, float64(a)) },
		}
	}),
	unary("Elu", 1, func(n *Node) maps {
		a := n.Float("alpha", 1)
		return maps{
			func(y, x []float32) { kernel.Elu(y, x, a) },
			func(y, x []float64) { kernel.Elu(y, x, float64(a)) },
		}
	}),
	unary("HardSigmoid", 1, func(n *Node) maps {
		a, b := n.Float("alpha", 0.2), n.Float("beta", 0.5)
		return maps{
			func(y, x []float32) { kernel.HardSigmoid(y, x, a, b) },
			func(y, x []float64) { kernel.HardSigmoid(y, x, float64(a), float64(b)) },
		}
	}),
	unary("Gelu", 20, func(n *Node) maps {
		if n.Str("approximate", "none") == "tanh" {
			return maps{kernel.GeluTanh[float32], kernel.GeluTanh[float64]}
		}
		return maps{kernel.Gelu[float32], kernel.Gelu[float64]}
	}),
	unary("Selu", 1, func(n *Node) maps {
		a, g := float64(n.Float("alpha", 1.6732632)), float64(n.Float("gamma", 1.050701))
		return each(func(x float64) float64 {
			if x <= 0 {
				return g * a * math.Expm1(x)
			}
			return g * x
		})
	}),
	unary("Celu", 12, func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		return each(func(x float64) float64 { return math.Max(0, x) + math.Min(0, a*math.Expm1(x/a)) })
	}),
	unary("ThresholdedRelu", 10, func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		return each(func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		})
	}),
	unary("Swish", 24, func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		return each(func(x float64) float64 { return x / (1 + math.Exp(-a*x)) })
	}),
	simple("Mish", 18, each(func(x float64) float64 { return x * math.Tanh(softplus(x)) })),
	simple("Softsign", 1, each(func(x float64) float64 { return x / (1 + math.Abs(x)) })),
}

// softplus is log(1+exp(x)) without overflow.
func softplus(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

var functions = []Def{
	simple("Abs", 1, maps{kernel.Abs[float32], kernel.Abs[float64]}),
	simple("Neg", 1, maps{kernel.Neg[float32], kernel.Neg[float64]}),
	simple("Exp", 1, each(math.Exp)),
	simple("Log", 1, each(math.Log)),
	simple("Sqrt", 1, each(math.Sqrt)),
	simple("Erf", 9, each(math.Erf)),
	simple("Reciprocal", 1, each(func(x float64) float64 { return 1 / x })),
	simple("Floor", 1, each(math.Floor)),
	simple("Ceil", 1, each(math.Ceil)),
	simple("Round", 11, each(math.RoundToEven)),
	simple("Sign", 9, each(func(x float64) float64 {
		switch {
		case x > 0:
			return 1
		case x < 0:
			return -1
		}
		return x
	})),
	simple("Sin", 7, each(math.Sin)), simple("Cos", 7, each(math.Cos)), simple("Tan", 7, each(math.Tan)),
	simple("Asin", 7, each(math.Asin)), simple("Acos", 7, each(math.Acos)), simple("Atan", 7, each(math.Atan)),
	simple("Sinh", 9, each(math.Sinh)), simple("Cosh", 9, each(math.Cosh)),
	simple("Asinh", 9, each(math.Asinh)), simple("Acosh", 9, each(math.Acosh)), simple("Atanh", 9, each(math.Atanh)),
}

var identities = []Def{
	{Op: "Identity", Since: 1, View: true, Infer: func(n *Node) error { return sameAs(n, 1, 1) }},
	{Op: "Dropout", Since: 1, Infer: inferDropout, View: true},
	{Op: "Clip", Since: 1, InPlace: true, Infer: func(n *Node) error { return sameAs(n, 1, 1) },
		Bind: func(n *Node, e *Env) (func(), error) {
			return bindClip(n, e, float64(n.Float("min", -math.MaxFloat32)), float64(n.Float("max", math.MaxFloat32)))
		}},
	{Op: "Clip", Since: 11, InPlace: true, Infer: func(n *Node) error { return sameAs(n, 1, 3) }, Bind: bindClip11},
}

// inferDropout is evaluation's: the output is the input. A mask has no use there.
func inferDropout(n *Node) error {
	if len(n.Out) > 1 && n.Out[1] != nil {
		return n.Errorf("the mask output is not supported in evaluation")
	}
	return sameAs(n, 1, 3)
}

func bindClip11(n *Node, e *Env) (func(), error) {
	bounds := [2]float64{math.Inf(-1), math.Inf(1)}
	for i := range bounds {
		v := n.Input(i + 1)
		if v == nil {
			continue
		}
		if v.Const == nil || v.Len() != 1 {
			return nil, n.Errorf("input %d must be a constant scalar", i+1)
		}
		switch v.DType {
		case tensor.Float32:
			bounds[i] = float64(v.Const.F32[0])
		case tensor.Float64:
			bounds[i] = v.Const.F64[0]
		case tensor.Int64:
			bounds[i] = float64(v.Const.I64[0])
		default:
			return nil, n.Errorf("input %d is %v, which is not supported", i+1, v.DType)
		}
	}
	return bindClip(n, e, bounds[0], bounds[1])
}

func bindClip(n *Node, e *Env, lo, hi float64) (func(), error) {
	switch n.In[0].DType {
	case tensor.Float32:
		return mapLoop(e, func(y, x []float32) { kernel.Clip(y, x, float32(lo), float32(hi)) }), nil
	case tensor.Float64:
		return mapLoop(e, func(y, x []float64) { kernel.Clip(y, x, lo, hi) }), nil
	}
	return nil, n.Errorf("input is %v, want float32", n.In[0].DType)
}

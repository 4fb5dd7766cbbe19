package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
)

var activations = []function{
	simple("Relu", 1, hinted, maps{f32: vec.Relu[float32], f64: vec.Relu[float64], g32: vec.ReluGrad[float32],
		g64: vec.ReluGrad[float64], ofY: true, whole: func(x int64) int64 { return max(x, 0) }}),
	simple("Tanh", 1, hinted, maps{f32: vec.Tanh[float32], f64: vec.Tanh[float64], g32: vec.TanhGrad[float32],
		g64: vec.TanhGrad[float64], ofY: true}),
	simple("Sigmoid", 1, hinted, maps{f32: vec.Sigmoid[float32], f64: vec.Sigmoid[float64], g32: vec.SigmoidGrad[float32],
		g64: vec.SigmoidGrad[float64], ofY: true}),
	simple("Softplus", 1, "", maps{f32: vec.Softplus[float32], f64: vec.Softplus[float64], g32: vec.SoftplusGrad[float32],
		g64: vec.SoftplusGrad[float64]}),
	simple("HardSwish", 14, "", maps{f32: vec.HardSwish[float32], f64: vec.HardSwish[float64],
		g32: vec.HardSwishGrad[float32], g64: vec.HardSwishGrad[float64]}),
	{op: "LeakyRelu", since: 1, attributes: "alpha:f consumed_inputs:I; 6 alpha:f", of: func(n *Node) maps {
		a := n.Float("alpha", 0.01)
		return maps{
			f32: func(y, x []float32) { vec.LeakyRelu(y, x, a) },
			f64: func(y, x []float64) { vec.LeakyRelu(y, x, float64(a)) },
			g32: func(dx, dy, x []float32) { vec.LeakyReluGrad(dx, dy, x, a) },
			g64: func(dx, dy, x []float64) { vec.LeakyReluGrad(dx, dy, x, float64(a)) },
		}
	}},
	{op: "Elu", since: 1, attributes: "alpha:f consumed_inputs:I; 6 alpha:f", of: func(n *Node) maps {
		a := n.Float("alpha", 1)
		return maps{
			f32: func(y, x []float32) { vec.Elu(y, x, a) },
			f64: func(y, x []float64) { vec.Elu(y, x, float64(a)) },
			g32: func(dx, dy, x []float32) { vec.EluGrad(dx, dy, x, a) },
			g64: func(dx, dy, x []float64) { vec.EluGrad(dx, dy, x, float64(a)) },
		}
	}},
	{op: "HardSigmoid", since: 1, attributes: "alpha:f beta:f consumed_inputs:I; 6 alpha:f beta:f",
		of: func(n *Node) maps {
			a, b := n.Float("alpha", 0.2), n.Float("beta", 0.5)
			return maps{
				f32: func(y, x []float32) { vec.HardSigmoid(y, x, a, b) },
				f64: func(y, x []float64) { vec.HardSigmoid(y, x, float64(a), float64(b)) },
				g32: func(dx, dy, x []float32) { vec.HardSigmoidGrad(dx, dy, x, a, b) },
				g64: func(dx, dy, x []float64) { vec.HardSigmoidGrad(dx, dy, x, float64(a), float64(b)) },
			}
		}},
	{op: "Gelu", since: 20, attributes: "approximate:s", check: func(n *Node) error {
		if a := n.Str("approximate", "none"); a != "none" && a != "tanh" {
			return n.Errorf("approximate is %q, want none or tanh", a)
		}
		return nil
	}, of: func(n *Node) maps {
		if n.Str("approximate", "none") == "tanh" {
			return maps{f32: vec.GeluTanh[float32], f64: vec.GeluTanh[float64], g32: vec.GeluTanhGrad[float32],
				g64: vec.GeluTanhGrad[float64]}
		}
		return maps{f32: vec.Gelu[float32], f64: vec.Gelu[float64], g32: vec.GeluGrad[float32], g64: vec.GeluGrad[float64]}
	}},
	{op: "Selu", since: 1, attributes: "alpha:f consumed_inputs:I gamma:f; 6 alpha:f gamma:f",
		of: func(n *Node) maps {
			a, g := float64(n.Float("alpha", 1.6732632)), float64(n.Float("gamma", 1.050701))
			return each(func(x float64) float64 {
				if x <= 0 {
					return g * a * math.Expm1(x)
				}
				return g * x
			}, func(x float64) float64 {
				if x <= 0 {
					return g * a * math.Exp(x)
				}
				return g
			})
		}},
	{op: "Celu", since: 12, attributes: "alpha:f", of: func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		return each(func(x float64) float64 {
			return math.Max(0, x) + math.Min(0, a*math.Expm1(x/a))
		}, func(x float64) float64 { return math.Exp(math.Min(0, x/a)) })
	}},
	{op: "ThresholdedRelu", since: 10, attributes: "alpha:f", of: func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		return each(func(x float64) float64 {
			if x > a {
				return x
			}
			return 0
		}, func(x float64) float64 { return indicator(x > a) })
	}},
	{op: "Swish", since: 24, attributes: "alpha:f", of: func(n *Node) maps {
		a := float64(n.Float("alpha", 1))
		if a == 1 {
			return maps{f32: vec.Silu[float32], f64: vec.Silu[float64], g32: vec.SiluGrad[float32], g64: vec.SiluGrad[float64]}
		}
		return each(func(x float64) float64 {
			return x * sigmoid(a*x)
		}, func(x float64) float64 {
			s := sigmoid(a * x)
			return s + a*x*s*(1-s)
		})
	}},
	simple("Mish", 18, "", each(func(x float64) float64 {
		return x * math.Tanh(softplus(x))
	}, func(x float64) float64 {
		t := math.Tanh(softplus(x))
		return t + x*(1-t*t)*sigmoid(x)
	})),
	simple("Softsign", 1, "", each(func(x float64) float64 {
		return x / (1 + math.Abs(x))
	}, func(x float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) })),
	{op: "Shrink", since: 9, attributes: "bias:f lambd:f", of: func(n *Node) maps {
		bias, lambda := float64(n.Float("bias", 0)), float64(n.Float("lambd", 0.5))
		f := func(x float64) float64 {
			switch {
			case x < -lambda:
				return x + bias
			case x > lambda:
				return x - bias
			}
			return 0
		}
		m := each(f, func(x float64) float64 { return indicator(math.Abs(x) > lambda) })
		m.whole = func(x int64) int64 { return int64(f(float64(x))) }
		return m
	}},
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

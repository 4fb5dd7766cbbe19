package ops

import (
	"math"

	"memprobe/internal/kernel/vec"
)

var functions = []function{
	simple("Abs", 1, hinted, maps{f32: vec.Abs[float32], f64: vec.Abs[float64], g32: slopeOf[float32](sign),
		g64: slopeOf[float64](sign), whole: func(x int64) int64 { return max(x, -x) },
		count: func(x uint64) uint64 { return x }}),
	simple("Neg", 1, hinted, maps{f32: vec.Neg[float32], f64: vec.Neg[float64],
		g32:   func(dx, dy, _ []float32) { vec.Neg(dx, dy) },
		g64:   func(dx, dy, _ []float64) { vec.Neg(dx, dy) },
		whole: func(x int64) int64 { return -x }}),
	simple("Exp", 1, hinted, maps{f32: vec.Exp[float32], f64: vec.Exp[float64], g32: vec.Mul[float32],
		g64: vec.Mul[float64], ofY: true}),
	simple("Log", 1, hinted, maps{f32: vec.Log[float32], f64: vec.Log[float64], g32: vec.Div[float32],
		g64: vec.Div[float64]}),
	simple("Erf", 9, "", maps{f32: vec.Erf[float32], f64: vec.Erf[float64], g32: vec.ErfGrad[float32],
		g64: vec.ErfGrad[float64]}),
	simple("Sqrt", 1, hinted, ofOutput(maps{f32: vec.Sqrt[float32], f64: vec.Sqrt[float64]},
		func(y float64) float64 { return 0.5 / y })),
	simple("Reciprocal", 1, hinted, ofOutput(maps{f32: vec.Reciprocal[float32], f64: vec.Reciprocal[float64]},
		func(y float64) float64 { return -y * y })),

	simple("Sin", 7, "", each(math.Sin, math.Cos)),
	simple("Cos", 7, "", each(math.Cos, func(x float64) float64 { return -math.Sin(x) })),
	simple("Tan", 7, "", each(math.Tan, func(x float64) float64 { return 1 + math.Tan(x)*math.Tan(x) })),
	simple("Asin", 7, "", each(math.Asin, func(x float64) float64 { return 1 / math.Sqrt(1-x*x) })),
	simple("Acos", 7, "", each(math.Acos, func(x float64) float64 { return -1 / math.Sqrt(1-x*x) })),
	simple("Atan", 7, "", each(math.Atan, func(x float64) float64 { return 1 / (1 + x*x) })),
	simple("Sinh", 9, "", each(math.Sinh, math.Cosh)),
	simple("Cosh", 9, "", each(math.Cosh, math.Sinh)),
	simple("Asinh", 9, "", each(math.Asinh, func(x float64) float64 { return 1 / math.Sqrt(x*x+1) })),
	simple("Acosh", 9, "", each(math.Acosh, func(x float64) float64 { return 1 / math.Sqrt(x*x-1) })),
	simple("Atanh", 9, "", each(math.Atanh, func(x float64) float64 { return 1 / (1 - x*x) })),

	step("Floor", 1, hinted, each(math.Floor, nil)),
	step("Ceil", 1, hinted, each(math.Ceil, nil)),
	step("Round", 11, "", each(math.RoundToEven, nil)),
	step("Sign", 9, "", signs()),
}

// ofOutput completes maps with a derivative given as a function of y.
func ofOutput(m maps, df func(y float64) float64) maps {
	m.g32, m.g64, m.ofY = slopeOf[float32](df), slopeOf[float64](df), true
	return m
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x
}

func signs() maps {
	m := each(sign, nil)
	m.whole = func(x int64) int64 { return int64(sign(float64(x))) }
	m.count = func(x uint64) uint64 { return min(x, 1) }
	return m
}

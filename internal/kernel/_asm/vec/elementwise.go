package main

import "math"

// result makes the results of a pass of one destination.
func result(v vec) []vec { return []vec{v} }

// unary generates dst = f(x, scalars).
func unary(name, scalars string, unroll int, f func(a args, x vec) vec) {
	sweep{dst: []string{"dst"}, src: []string{"x"}, scalars: letters(scalars), unroll: unroll, woven: true,
		f: func(a args) []vec { return result(f(a, a.x[0])) },
	}.generate(name, "(dst, x []float32"+typed(scalars)+")")
}

// binary generates dst = f(a, b).
func binary(name string, f func(a, b vec) vec) {
	sweep{dst: []string{"dst"}, src: []string{"a", "b"}, unroll: 4, woven: true,
		f: func(a args) []vec { return result(f(a.x[0], a.x[1])) },
	}.generate(name, "(dst, a, b []float32)")
}

// gradient generates dx = f(dy, v), v being x or y.
func gradient(name, v, scalars string, unroll int, f func(a args, dy, v vec) vec) {
	sweep{dst: []string{"dx"}, src: []string{"dy", v}, scalars: letters(scalars), unroll: unroll, woven: true,
		f: func(a args) []vec { return result(f(a, a.x[0], a.x[1])) },
	}.generate(name, "(dx, dy, "+v+" []float32"+typed(scalars)+")")
}

// letters splits the names of scalars at commas.
func letters(names string) []string {
	var out []string
	for from, i := 0, 0; i <= len(names); i++ {
		if i == len(names) || names[i] == ',' {
			if i > from {
				out = append(out, names[from:i])
			}
			from = i + 1
		}
	}
	return out
}

func typed(scalars string) string {
	s := ""
	for i, name := range letters(scalars) {
		if i > 0 {
			s += ","
		}
		s += " " + name
	}
	if s == "" {
		return ""
	}
	return "," + s + " float32"
}

func arithmetic() {
	binary("Add", func(a, b vec) vec { return add(a, b) })
	binary("Sub", func(a, b vec) vec { return sub(a, b) })
	binary("Mul", func(a, b vec) vec { return mul(a, b) })
	binary("Div", func(a, b vec) vec { return div(a, b) })
	// MAXPS and MINPS give their second operand where one is NaN or both are
	// equal: a is second, and b is chosen where it is NaN and a is not.
	extreme := func(f func(vec, vec) vec) func(a, b vec) vec {
		return func(a, b vec) vec {
			m := f(b, a)
			bNaN := cmp(unord, b, b)
			aOK := cmp(eq, a, a)
			return choose(and(bNaN, aOK), b, m)
		}
	}
	binary("Max", extreme(func(a, b vec) vec { return max(a, b) }))
	binary("Min", extreme(func(a, b vec) vec { return min(a, b) }))
	sweep{dst: []string{"dst"}, src: []string{"a", "b", "c"}, unroll: 4,
		f: func(a args) []vec { return result(fma(a.x[0], a.x[1], a.x[2])) },
	}.generate("Fma", "(dst, a, b, c []float32)")
	sweep{dst: []string{"dst"}, src: []string{"dst", "x"}, scalars: []string{"a"}, unroll: 4,
		f: func(a args) []vec { return result(fma(a.s[0], a.x[1], a.x[0])) },
	}.generate("Axpy", "(dst, x []float32, a float32)")
	unary("AddScalar", "a", 4, func(a args, x vec) vec { return add(x, a.s[0]) })
	unary("MulScalar", "a", 4, func(a args, x vec) vec { return mul(x, a.s[0]) })
	unary("DivScalar", "a", 4, func(a args, x vec) vec { return div(x, a.s[0]) })
	unary("ScalarDiv", "a", 4, func(a args, x vec) vec { return div(a.s[0], x) })
	unary("Affine", "a,b", 4, func(a args, x vec) vec { return fma(x, a.s[0], a.s[1]) })
	unary("Abs", "", 4, func(_ args, x vec) vec { return abs(x) })
	unary("Neg", "", 4, func(_ args, x vec) vec { return neg(x) })
	unary("Sqrt", "", 4, func(_ args, x vec) vec { return sqrt(x) })
	unary("Reciprocal", "", 4, func(_ args, x vec) vec { return div(load(one()), x) })
	unary("Exp", "", 4, func(_ args, x vec) vec { return exp(x) })
	unary("Log", "", 2, func(_ args, x vec) vec { return log(x) })
	unary("Erf", "", 2, func(_ args, x vec) vec { return erf(x) })
	gradient("ErfGrad", "x", "", 2, func(_ args, dy, x vec) vec {
		return mul(dy, mul(squareExp(size(x, gaussianEnd), 1), num(2/math.SqrtPi)))
	})
}

// relu is 0 where 0 > x, else x.
func relu(x vec) vec { return max(xor(x, x), x) }

func activations() {
	unary("Relu", "", 4, func(_ args, x vec) vec { return relu(x) })
	gradient("ReluGrad", "y", "", 4, func(_ args, dy, y vec) vec { return gate(dy, y) })
	unary("LeakyRelu", "a", 4, func(a args, x vec) vec { return choose(cmp(lt, x, num(0)), mul(x, a.s[0]), x) })
	gradient("LeakyReluGrad", "x", "a", 4, func(a args, dy, x vec) vec {
		return choose(cmp(gt, x, num(0)), dy, mul(dy, a.s[0]))
	})
	unary("Clip", "lo,hi", 4, func(a args, x vec) vec { return min(a.s[1], max(a.s[0], x)) })
	gradient("ClipGrad", "x", "lo,hi", 4, func(a args, dy, x vec) vec {
		return and(dy, and(cmp(ge, x, a.s[0]), cmp(le, x, a.s[1])))
	})
	unary("Elu", "a", 2, func(a args, x vec) vec {
		low := mul(a.s[0], expm1(clampTo(-20, 0, x)))
		return choose(cmp(gt, x, num(0)), x, low)
	})
	gradient("EluGrad", "x", "a", 2, func(a args, dy, x vec) vec {
		low := mul(dy, mul(a.s[0], exp(x)))
		return choose(cmp(gt, x, num(0)), dy, low)
	})
	unary("Tanh", "", 4, func(_ args, x vec) vec { return tanh(x) })
	gradient("TanhGrad", "y", "", 4, func(_ args, dy, y vec) vec { return mul(dy, fnma(y, y, load(one()))) })
	unary("Sigmoid", "", 4, func(_ args, x vec) vec { return sigmoid(x) })
	gradient("SigmoidGrad", "y", "", 4, func(_ args, dy, y vec) vec { return mul(dy, fnma(y, y, y)) })
	gelus()
	unary("Silu", "", 4, func(_ args, x vec) vec {
		x = atLeast(-most, x) // where the exponential is +Inf
		return div(x, add(expNegative(min(load(num(-least)), x)), one()))
	})
	unary("GeluTanh", "", 2, func(_ args, x vec) vec {
		z, _ := geluTanhArg(clampTo(-16, 16, x))
		return div(atLeast(-16, x), add(expNegative(clampTo(-most, -least, z)), one()))
	})
	gradient("SiluGrad", "x", "", 2, func(_ args, dy, x vec) vec {
		x = clampTo(-88, 88, x)
		return mul(dy, logisticGrad(x, x, nil))
	})
	gradient("GeluTanhGrad", "x", "", 2, func(_ args, dy, x vec) vec {
		x = clampTo(-10, 10, x)
		z, slope := geluTanhArg(x)
		return mul(dy, logisticGrad(x, z, &slope))
	})
	unary("Softplus", "", 2, func(_ args, x vec) vec {
		rest := log1pOf(expFlush(or(x, word(0x80000000))))
		return add(rest, relu(x))
	})
	gradient("SoftplusGrad", "x", "", 2, func(_ args, dy, x vec) vec { return mul(dy, sigmoid(x)) })
	hard := func(x, a, b vec) vec { return min(load(one()), max(xor(x, x), fma(x, a, b))) }
	unary("HardSigmoid", "a,b", 2, func(a args, x vec) vec { return hard(x, a.s[0], a.s[1]) })
	gradient("HardSigmoidGrad", "x", "a,b", 4, func(a args, dy, x vec) vec {
		v := fma(x, a.s[0], a.s[1])
		return and(mul(dy, a.s[0]), and(cmp(gt, v, num(0)), cmp(lt, v, one())))
	})
	unary("HardSwish", "", 2, func(_ args, x vec) vec { return mul(x, hard(x, load(num(1./6)), load(num(0.5)))) })
	gradient("HardSwishGrad", "x", "", 2, func(_ args, dy, x vec) vec {
		v := mul(dy, fma(x, num(1./3), load(num(0.5))))
		v = choose(cmp(ge, x, num(3)), dy, v)
		return andNot(cmp(le, x, num(-3)), v)
	})
}

// gate is dy where y > 0, else 0.
func gate(dy, y vec) vec { return and(dy, cmp(gt, y, num(0))) }

func gelus() {
	unary("Gelu", "", 2, func(_ args, x vec) vec {
		a := min(load(num(normalEnd)), abs(x))
		_, tail := gaussian(atLeast(tiny, a), 0.5)
		return fnma(a, tail, relu(x)) // x·Φ(x) is -a·tail below 0, and x·(1 - tail) above
	})
	gradient("GeluGrad", "x", "", 2, func(_ args, dy, x vec) vec {
		x = clampTo(-normalEnd, normalEnd, x)
		phi, density := normal(x)
		return mul(dy, fma(mul(x, num(1/math.Sqrt(2*math.Pi))), density, phi))
	})
}

// geluTanhArg is z = 2·√(2/π)·(x + 0.044715·x³) and its derivative.
func geluTanhArg(x vec) (z, slope vec) {
	k := 2 * math.Sqrt(2/math.Pi)
	x2 := mul(x, x)
	z = mul(x, fmaTo(x2, load(num(0.044715*k)), num(k)))
	return z, fmaTo(x2, load(num(3*0.044715*k)), num(k))
}

// logisticGrad is the derivative of x·s(z), s(z) + x·slope·s(z)·(1-s(z)), with
// s = 1/(1 + exp(-z)); 1-s is computed as exp(-z)·s. slope is 1 if nil.
func logisticGrad(x, z vec, slope *vec) vec {
	e := expFlush(neg(z))
	s := div(load(one()), add(e, one()))
	rest := mul(mul(e, s), x)
	if slope != nil {
		rest = mul(rest, *slope)
	}
	return fma(rest, s, s)
}

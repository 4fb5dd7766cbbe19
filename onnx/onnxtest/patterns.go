package onnxtest

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// patterns grow what the engine rewrites, as it is or nearly so: with other constants,
// other shapes of them, or another reader in between.
var patterns = []func(g *generator){convBlock, convBlock, productBlock, productBlock, attention, layerNormParts,
	activationParts, moves, padPool}

// step applies an operator in one of the ways that a block may go on; x where it cannot.
func (g *generator) step(x *ops.Value, chance float64, by func() *ops.Value) *ops.Value {
	if x != nil && g.chance(chance) {
		if y := by(); y != nil {
			return y
		}
	}
	return x
}

// image is a float tensor of planes.
func (g *generator) image() *ops.Value {
	if v := g.pick(func(v *ops.Value) bool {
		return v.DType == tensor.Float32 && len(v.Shape) == 4 && v.Len() > 0
	}); v != nil && g.chance(0.6) {
		return v
	}
	return g.input(g.between(1, 2), oneOf(g, 1, 2, 3, 4, 8, 17), g.between(2, 9), g.between(2, 9))
}

// affine is a sum, difference, product or quotient of x and a constant that varies along
// an axis, none or several.
func (g *generator) affine(x *ops.Value) *ops.Value {
	rank := len(x.Shape)
	s := slices.Repeat([]int{1}, rank)
	switch k := g.IntN(5); {
	case k == 0 || rank == 0:
		s = nil
	case k == 1:
		s = g.part(x.Shape)
	default:
		axis := min(1, rank-1)
		if g.chance(0.3) {
			axis = rank - 1
		}
		if s[axis] = x.Shape[axis]; g.chance(0.5) {
			s = s[axis:]
		}
	}
	c := g.positive(s...)
	if g.chance(0.1) {
		c = g.filled(oneOf(g, 0.0, 1, -1), s...)
	}
	if op := oneOf(g, "Add", "Mul", "Sub", "Div"); g.chance(0.3) {
		return g.one(op, nil, c, x)
	} else {
		return g.one(op, nil, x, c)
	}
}

// residual adds a tensor of x's shape, in either order.
func (g *generator) residual(x *ops.Value) *ops.Value {
	other := g.like(x.Shape)
	if g.chance(0.5) {
		return g.one("Add", nil, other, x)
	}
	return g.one("Add", nil, x, other)
}

// clamp bounds x.
func (g *generator) clamp(x *ops.Value) *ops.Value {
	if g.chance(0.5) {
		return g.one("Relu", nil, x)
	}
	if g.opset < 11 {
		return g.one("Clip", ops.Attrs{"min": float32(-0.3), "max": float32(0.4)}, x)
	}
	return g.one("Clip", nil, x, oneOf(g, nil, g.filled(0), g.weight()), oneOf(g, nil, g.filled(6), g.positive()))
}

func (g *generator) norm(x *ops.Value) *ops.Value {
	if len(x.Shape) < 2 {
		return nil
	}
	c := x.Shape[1]
	return g.one("BatchNormalization", nil, x, g.weight(c), g.constant(c), g.constant(c), g.positive(c))
}

// tail is what may come after a convolution or a product.
func (g *generator) tail(x *ops.Value) {
	for range 3 {
		x = g.step(x, 0.4, func() *ops.Value { return g.affine(x) })
		x = g.step(x, 0.2, func() *ops.Value { return g.norm(x) })
		x = g.step(x, 0.3, func() *ops.Value { return g.residual(x) })
		x = g.step(x, 0.3, func() *ops.Value { return g.clamp(x) })
		x = g.step(x, 0.1, func() *ops.Value { return g.one("Identity", nil, x) })
	}
}

func convBlock(g *generator) {
	x := g.image()
	x = g.step(x, 0.4, func() *ops.Value { return g.pads("Pad", x, g.int64s(8, -1, 2)) })
	x = g.step(x, 0.2, func() *ops.Value { return g.norm(x) })
	c, group, k := x.Shape[1], 1, oneOf(g, 1, 3, 3, 5)
	m := oneOf(g, 1, 3, 4, 16)
	if g.chance(0.3) {
		group, m = c, c
	}
	attrs := ops.Attrs{"group": int64(group)}
	if g.chance(0.7) {
		attrs["pads"] = g.int64s(4, 0, k/2+1)
	}
	if g.chance(0.3) {
		attrs["strides"] = g.int64s(2, 1, 2)
	}
	if y := g.one("Conv", attrs, x, g.weight(m, c/max(group, 1), k, k), oneOf(g, nil, g.weight(m))); y != nil {
		g.tail(y)
	}
}

// through reads x by transpositions, slices, scalings and reshapes.
func (g *generator) through(x *ops.Value) *ops.Value {
	for range g.IntN(3) {
		before := x
		switch g.IntN(6) {
		case 0:
			x = g.one("Transpose", ops.Attrs{"perm": widened(g.Perm(len(x.Shape)))}, x)
		case 1:
			k := len(x.Shape)
			perm := []int64{0, 1, 2, 3, 4}[:k]
			perm[k-1], perm[k-2] = perm[k-2], perm[k-1]
			x = g.one("Transpose", ops.Attrs{"perm": perm}, x)
		case 2:
			if g.opset >= 10 {
				x = g.one("Slice", nil, x, g.ints(g.between(0, 1)), g.ints(oneOf(g, 3, 99)),
					g.ints(g.IntN(len(x.Shape))), g.ints(oneOf(g, 1, 1, 2)))
			}
		case 3:
			x = g.one(oneOf(g, "Mul", "Div"), nil, x, g.filled(oneOf(g, 0.5, -2, 0.125), slices.Repeat([]int{1}, g.IntN(2))...))
		case 4:
			s := slices.Clone(x.Shape)
			x = g.one("Reshape", nil, x, g.ints(append([]int{1}, s...)...))
			if x != nil && len(x.Shape) > 4 {
				x = g.one("Reshape", nil, x, g.ints(append([]int{s[0] * s[1]}, s[2:]...)...))
			}
		case 5:
			if axis := g.IntN(len(x.Shape)); len(x.Shape) > 2 && x.Shape[axis] > 0 {
				x = g.one("Gather", ops.Attrs{"axis": int64(axis)}, x, g.within(-1, x.Shape[axis]))
			}
		}
		if x == nil {
			x = before
		}
	}
	return x
}

func productBlock(g *generator) {
	x := g.through(g.float(2, 4))
	s := x.Shape
	k, n := s[len(s)-1], oneOf(g, 1, 2, 5, 16, 33)
	var w *ops.Value
	switch {
	case g.chance(0.4):
		w = g.weight(k, n)
	case g.chance(0.3):
		w = g.one("Transpose", nil, g.weight(n, k))
	default:
		w = g.input(append(slices.Clone(s[:len(s)-2]), n, k)...)
		perm := []int64{0, 1, 2, 3, 4}[:len(s)]
		perm[len(s)-1], perm[len(s)-2] = perm[len(s)-2], perm[len(s)-1]
		w = g.one("Transpose", ops.Attrs{"perm": perm}, w)
	}
	var y *ops.Value
	if len(s) == 2 && g.chance(0.4) {
		y = g.one("Gemm", g.maybe(ops.Attrs{"alpha": float32(0.5)}), x, w, g.weight(g.part([]int{s[0], n})...))
	} else if w != nil {
		y = g.one("MatMul", nil, x, w)
	}
	if y == nil {
		return
	}
	y = g.step(y, 0.4, func() *ops.Value { return g.affine(y) })
	y = g.step(y, 0.3, func() *ops.Value {
		return g.one("Transpose", ops.Attrs{"perm": widened(g.Perm(len(y.Shape)))}, y)
	})
	if len(y.Shape) > 1 {
		g.tail(y)
	}
}

// attention is that of several heads, as exporters write it.
func attention(g *generator) {
	b, t, h, d := g.between(1, 3), g.between(1, 5), g.between(1, 3), g.between(1, 5)
	x := g.input(b, t, 3*h*d)
	all := g.one("Reshape", nil, x, g.ints(b, t, 3, h, d))
	all = g.one("Transpose", ops.Attrs{"perm": []int64{2, 0, 3, 1, 4}}, all)
	at := func(i int) *ops.Value { return g.one("Gather", ops.Attrs{"axis": int64(0)}, all, g.within(i, i+1)) }
	q, k, v := at(0), at(1), at(2)
	q = g.step(q, 0.7, func() *ops.Value { return g.one("Div", nil, q, g.filled(math.Sqrt(float64(d)))) })
	k = g.one("Transpose", ops.Attrs{"perm": []int64{0, 1, 3, 2}}, k)
	scores := g.one("MatMul", nil, q, k)
	scores = g.step(scores, 0.3, func() *ops.Value { return g.affine(scores) })
	y := g.one("MatMul", nil, g.one("Softmax", ops.Attrs{"axis": int64(-1)}, scores), v)
	y = g.one("Transpose", ops.Attrs{"perm": []int64{0, 2, 1, 3}}, y)
	if y = g.one("Reshape", nil, y, g.ints(b, t, h*d)); y != nil {
		g.tail(y)
	}
}

// mean is over the last axis, mostly.
func (g *generator) mean(x *ops.Value) *ops.Value {
	axis := oneOf(g, -1, -1, -1, len(x.Shape)-1, 0)
	if g.opset < 18 {
		return g.one("ReduceMean", ops.Attrs{"axes": []int64{int64(axis)}}, x)
	}
	return g.one("ReduceMean", nil, x, g.ints(axis))
}

// layerNormParts writes a layer normalisation out.
func layerNormParts(g *generator) {
	x := g.float(2, 3)
	mean := g.mean(x)
	d := g.one("Sub", nil, x, mean)
	if d == nil {
		return
	}
	square := g.one("Mul", nil, d, d)
	if g.chance(0.5) {
		square = g.one("Pow", nil, d, g.filled(2))
	}
	if square == nil {
		return
	}
	variance := g.mean(square)
	eps := g.filled(1e-3, oneOf(g, nil, nil, []int{1}, []int{2, 1, 1})...)
	y := g.one("Div", nil, d, g.one("Sqrt", nil, g.one("Add", nil, variance, eps)))
	y = g.step(y, 0.7, func() *ops.Value { return g.affine(y) })
	g.step(y, 0.7, func() *ops.Value { return g.affine(y) })
}

// activationParts writes an activation out.
func activationParts(g *generator) {
	x := g.float(1, 4)
	shape := func() []int {
		return oneOf(g, nil, nil, nil, []int{1}, slices.Repeat([]int{1}, len(x.Shape)), []int{2, 1, 1, 1, 1})
	}
	c := func(v float64) *ops.Value { return g.filled(v, shape()...) }
	mul := func(a, b *ops.Value) *ops.Value { return g.one("Mul", nil, a, b) }
	switch g.IntN(4) {
	case 0:
		e := g.one("Erf", nil, g.one("Div", nil, x, c(math.Sqrt2)))
		mul(mul(x, g.one("Add", nil, e, c(1))), c(0.5))
	case 1:
		cube := g.one("Pow", nil, x, g.filled(3))
		if g.chance(0.5) {
			cube = mul(x, mul(x, x))
		}
		sum := g.one("Add", nil, x, mul(c(0.044715), cube))
		t := g.one("Tanh", nil, mul(c(math.Sqrt(2/math.Pi)), sum))
		mul(mul(c(0.5), x), g.one("Add", nil, c(1), t))
	case 2:
		mul(x, g.one("Sigmoid", nil, x))
	default:
		if g.opset < 11 || g.chance(0.4) {
			mul(g.one("HardSigmoid", ops.Attrs{"alpha": float32(1) / 6}, x), x)
			return
		}
		h := g.one("Clip", nil, g.one("Add", nil, x, c(3)), g.filled(0), g.filled(6))
		g.one("Div", nil, mul(x, h), c(6))
	}
}

// moves copies in ways that may do nothing.
func moves(g *generator) {
	x := g.float(1, 4)
	for range 3 {
		switch g.IntN(4) {
		case 0:
			x = g.step(x, 1, func() *ops.Value { return g.pads("Pad", x, g.int64s(2*len(x.Shape), -1, 1)) })
		case 1:
			x = g.step(x, 1, func() *ops.Value {
				return g.one("Slice", nil, x, g.ints(oneOf(g, 0, -1)), g.ints(oneOf(g, 99, -99)),
					g.ints(g.IntN(len(x.Shape))), g.ints(oneOf(g, 1, -1)))
			})
		case 2:
			x = g.step(x, 1, func() *ops.Value {
				return g.one("Transpose", ops.Attrs{"perm": widened(g.Perm(len(x.Shape)))}, x)
			})
		default:
			x = g.step(x, 1, func() *ops.Value { return g.one("Expand", nil, x, g.ints(x.Shape...)) })
		}
	}
}

// padPool pads and takes the average, or the mean over space.
func padPool(g *generator) {
	x := g.image()
	x = g.step(x, 0.8, func() *ops.Value { return g.pads("Pad", x, g.int64s(8, 0, 2)) })
	if g.chance(0.4) {
		axes := oneOf(g, []int{2, 3}, []int{-1, -2}, []int{1, 2}, []int{3, 2})
		if g.opset < 18 {
			g.one("ReduceMean", ops.Attrs{"axes": widened(axes), "keepdims": int64(g.IntN(2))}, x)
		} else {
			g.one("ReduceMean", ops.Attrs{"keepdims": int64(g.IntN(2))}, x, g.ints(axes...))
		}
		return
	}
	attrs := g.maybe(ops.Attrs{"strides": g.int64s(2, 1, 2), "count_include_pad": int64(g.IntN(2)),
		"ceil_mode": int64(g.IntN(2))})
	attrs["kernel_shape"] = g.int64s(2, 1, 4)
	g.one("AveragePool", attrs, x)
}

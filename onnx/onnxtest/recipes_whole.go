package onnxtest

import (
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// given is a tensor of small whole numbers: an initialiser or an input.
func (g *generator) given(d tensor.DType, shape ...int) *ops.Value {
	v := g.whole(d, shape...)
	if g.chance(0.5) {
		v.Const = nil
	}
	return v
}

var integers = []tensor.DType{tensor.Int8, tensor.Int32, tensor.Int64, tensor.Uint8, tensor.Uint16, tensor.Uint64}

func bitwise(g *generator, op string) {
	d, s := oneOf(g, integers...), g.shape(g.IntN(4))
	switch op {
	case "BitwiseNot":
		g.one(op, nil, g.given(d, s...))
	case "BitShift":
		d = oneOf(g, tensor.Uint8, tensor.Uint64)
		g.one(op, ops.Attrs{"direction": oneOf(g, "LEFT", "RIGHT")}, g.given(d, s...), g.given(d, g.part(s)...))
	case "BitCast":
		// int8, int16, uint32, int64
		g.one(op, ops.Attrs{"to": map[int]int64{1: 3, 2: 5, 4: 12, 8: 7}[d.Size()]}, g.given(d, s...))
	default:
		g.one(op, nil, g.given(d, s...), g.given(d, g.part(s)...))
	}
}

func reverseSequence(g *generator, op string) {
	x := g.float(2, 4)
	g.one(op, nil, x, g.within(0, x.Shape[0]+1, x.Shape[1]))
}

// classLoss compares scores with classes, of which some may be ignored.
func classLoss(g *generator, op string) {
	x := g.float(2, 4)
	attrs := g.maybe(ops.Attrs{"reduction": oneOf(g, "none", "sum", "mean"), "ignore_index": int64(g.IntN(3))})
	classes := g.within(0, x.Shape[1], slices.Concat(x.Shape[:1], x.Shape[2:])...)
	g.apply(op, attrs, 1, x, classes, oneOf(g, nil, g.positive(x.Shape[1])))
}

func quantize(g *generator, op string) {
	d, s := oneOf(g, tensor.Int8, tensor.Uint8, tensor.Int16), g.shape(g.between(1, 3))
	axis, of := g.IntN(len(s)), []int{}
	if g.chance(0.5) {
		of = []int{s[axis]}
	}
	in := []*ops.Value{g.given(d, s...), g.positive(of...), g.given(d, of...)}
	if op == "QuantizeLinear" {
		in[0] = g.leaf(g.numbers(-9, 9, s...), g.chance(0.5))
	}
	g.one(op, ops.Attrs{"axis": int64(axis)}, in[:g.between(2, 3)]...)
}

// integerProduct multiplies matrices, or an image and a kernel, of bytes.
func integerProduct(g *generator, op string) {
	d := oneOf(g, tensor.Int8, tensor.Uint8)
	a, b := []int{2, g.size(), 5}, []int{5, g.size()}
	if op == "ConvInteger" || op == "QLinearConv" {
		a, b = []int{1, 2, 6, g.between(3, 6)}, []int{3, 2, 3, 2}
	}
	x, w, zero := g.given(d, a...), g.given(d, b...), g.given(d)
	if op == "MatMulInteger" || op == "ConvInteger" {
		g.one(op, nil, x, w, zero, zero)
		return
	}
	g.one(op, nil, x, g.positive(), zero, w, g.positive(), zero, g.positive(), zero)
}

func centerCropPad(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	g.one(op, ops.Attrs{"axes": []int64{int64(axis)}}, x, g.ints(g.between(1, 7)))
}

// col2Im adds up blocks of 2x3 at every second column.
func col2Im(g *generator, op string) {
	h, w, pad := g.between(2, 4), g.between(3, 6), g.IntN(2)
	places := (h + pad - 1) * ((w-3)/2 + 1)
	g.one(op, ops.Attrs{"strides": []int64{1, 2}, "pads": []int64{int64(pad), 0, 0, 0}},
		g.input(g.between(1, 2), 6*g.between(1, 3), places), g.ints(h, w), g.ints(2, 3))
}

func affineGrid(g *generator, op string) {
	rank, n := g.between(2, 3), g.between(1, 2)
	size := append([]int{n, 1}, g.between(1, 4), g.between(1, 4), g.between(1, 4))[:rank+2]
	g.one(op, ops.Attrs{"align_corners": int64(g.IntN(2))}, g.input(n, rank, rank+1), g.ints(size...))
}

func signalWindow(g *generator, op string) {
	g.one(op, g.maybe(ops.Attrs{"periodic": int64(g.IntN(2))}), g.scalar(0, 9))
}

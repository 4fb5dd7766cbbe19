package onnxtest

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Operators whose results have as many elements as the data say, on data that are known.

func nonZero(g *generator, op string) {
	g.one(op, nil, g.whole(oneOf(g, types...), g.shape(g.IntN(4))...))
}

func unique(g *generator, op string) {
	x := g.whole(oneOf(g, types...), g.shape(g.between(1, 3))...)
	attrs := g.maybe(ops.Attrs{"axis": int64(g.between(-1, len(x.Shape)-1)), "sorted": int64(g.IntN(2))})
	g.apply(op, attrs, g.between(1, 4), x)
}

func compress(g *generator, op string) {
	x := g.float(1, 3)
	axis, kept := g.IntN(len(x.Shape)), tensor.Len(x.Shape)
	attrs := g.maybe(ops.Attrs{"axis": int64(axis)})
	if len(attrs) > 0 {
		kept = x.Shape[axis]
	}
	g.one(op, attrs, x, g.whole(tensor.Bool, g.between(0, kept)))
}

func suppress(g *generator, op string) {
	n, boxes := g.between(1, 2), g.between(0, 6)
	at, scores := g.leaf(g.numbers(0, 1, n, boxes, 4), false), g.leaf(g.numbers(0, 1, n, g.between(1, 2), boxes), false)
	g.one(op, g.maybe(ops.Attrs{"center_point_box": int64(g.IntN(2))}), at, scores, g.scalar(0, 5),
		oneOf(g, nil, g.filled(0.3)), oneOf(g, nil, g.filled(0.2)))
}

func dft(g *generator, op string) {
	s := append(g.shape(g.between(1, 2)), g.between(1, 6), g.between(1, 2))
	axis := len(s) - 2
	attrs := g.maybe(ops.Attrs{"inverse": int64(1), "onesided": int64(1)})
	length := oneOf(g, nil, g.scalar(1, 8))
	if g.opset < 20 {
		attrs["axis"] = int64(axis)
		g.one(op, attrs, g.input(s...), length)
		return
	}
	g.one(op, attrs, g.input(s...), length, oneOf(g, nil, g.filledInt(axis)))
}

func stft(g *generator, op string) {
	length := g.between(1, 5)
	g.one(op, g.maybe(ops.Attrs{"onesided": int64(g.IntN(2))}), g.input(g.between(1, 2), g.between(5, 9), 1),
		g.scalar(1, 4), g.weight(length), oneOf(g, nil, g.filledInt(length)))
}

// filledInt is a constant integer.
func (g *generator) filledInt(v int) *ops.Value { return g.within(v, v+1) }

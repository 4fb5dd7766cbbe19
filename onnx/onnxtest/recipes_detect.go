package onnxtest

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Operators of detectors, of autoencoders, and of networks that draw.

func maxUnpool(g *generator, op string) {
	n, h, w := g.between(1, 2), g.between(1, 3), g.between(1, 3)
	x := g.input(n, 2, h, w)
	at := tensor.New(tensor.Int64, n, 2, h, w)
	for i := range at.I64() { // each its own place
		at.I64()[i] = int64(4*i + g.IntN(4))
	}
	g.one(op, ops.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, x, g.leaf(at, false),
		oneOf(g, nil, g.ints(n, 2, 2*h+1, 2*w)))
}

func roiAlign(g *generator, op string) {
	n, r := g.between(1, 2), g.between(0, 3)
	attrs := g.maybe(ops.Attrs{"output_height": int64(g.between(1, 3)), "sampling_ratio": int64(g.IntN(3)),
		"spatial_scale": float32(0.5), "mode": oneOf(g, "avg", "max")})
	g.one(op, attrs, g.input(n, g.between(1, 3), g.between(1, 6), g.between(1, 6)),
		g.leaf(g.numbers(0, 8, r, 4), false), g.within(0, n, r))
}

func deformConv(g *generator, op string) {
	n, h, w := g.between(1, 2), g.between(2, 5), g.between(2, 5)
	x, weight := g.input(n, 2, h, w), g.weight(g.between(1, 3), 2, 2, 2)
	offset := g.leaf(g.numbers(-2, 2, n, 8, h-1, w-1), false)
	mask := oneOf(g, nil, g.leaf(g.numbers(0, 1, n, 4, h-1, w-1), false))
	g.one(op, nil, x, weight, offset, oneOf(g, nil, g.weight(weight.Shape[0])), mask)
}

func draws(g *generator, op string) {
	attrs := g.maybe(ops.Attrs{"seed": float32(g.IntN(3))})
	switch op {
	case "RandomUniform", "RandomNormal":
		shape := []int64{}
		for _, d := range g.shape(g.IntN(3)) {
			shape = append(shape, int64(d))
		}
		attrs["shape"] = shape
		g.one(op, attrs)
	case "Bernoulli":
		g.one(op, attrs, g.leaf(g.numbers(0, 1, g.shape(2)...), false))
	default:
		g.one(op, attrs, g.float(0, 3))
	}
}

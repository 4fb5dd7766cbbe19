package onnxtest

import (
	"maps"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

func sortedKeys(m ops.Attrs) []string { return slices.Sorted(maps.Keys(m)) }

func reshape(g *generator, op string) {
	x := g.float(0, 4)
	var s []int
	switch rest := x.Len(); {
	case g.chance(0.3): // two axes joined, or one added
		if s = slices.Clone(x.Shape); len(s) > 1 {
			i := g.IntN(len(s) - 1)
			s = slices.Concat(s[:i], []int{s[i] * s[i+1]}, s[i+2:])
		}
		s = append(s, 1)
	default:
		for range g.IntN(4) {
			d := oneOf(g, 1, 2, 3, 4, 5)
			if rest > 0 && rest%d == 0 {
				s, rest = append(s, d), rest/d
			}
		}
		s = append(s, rest)
		g.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	}
	if g.chance(0.3) {
		s[g.IntN(len(s))] = -1
	}
	if g.chance(0.2) && len(x.Shape) > 0 && s[0] == x.Shape[0] {
		s[0] = 0
	}
	g.one(op, nil, x, g.ints(s...))
}

func squeeze(g *generator, op string) {
	x := g.float(0, 4)
	var axes []int
	for i, d := range x.Shape {
		if d == 1 && g.chance(0.7) {
			axes = append(axes, i-len(x.Shape)*g.IntN(2))
		}
	}
	g.axes(op, x, axes)
}

func unsqueeze(g *generator, op string) {
	x := g.float(0, 3)
	axes := []int{g.between(0, len(x.Shape))}
	if g.chance(0.3) {
		axes = append(axes, -1)
	}
	g.axes(op, x, axes)
}

// axes applies an operator whose axes are an attribute before opset 13.
func (g *generator) axes(op string, x *ops.Value, axes []int) {
	switch {
	case len(axes) == 0:
		g.one(op, nil, x)
	case g.opset < 13:
		g.one(op, ops.Attrs{"axes": widened(axes)}, x)
	default:
		g.one(op, nil, x, g.ints(axes...))
	}
}

func transpose(g *generator, op string) {
	x := g.float(0, 5)
	perm := g.Perm(len(x.Shape))
	if g.chance(0.3) && len(perm) > 1 { // the last two
		slices.Sort(perm)
		k := len(perm)
		perm[k-1], perm[k-2] = perm[k-2], perm[k-1]
	}
	g.one(op, g.maybe(ops.Attrs{"perm": widened(perm)}), x)
}

func concat(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	in := []*ops.Value{x}
	for range g.IntN(3) {
		s := slices.Clone(x.Shape)
		if g.chance(0.6) {
			s[axis] = g.size()
		}
		same := func(v *ops.Value) bool { return v.DType == tensor.Float32 && slices.Equal(v.Shape, s) }
		v := g.pick(same)
		if v == nil || g.chance(0.3) {
			v = g.weight(s...)
		}
		in = append(in, v)
	}
	g.one(op, ops.Attrs{"axis": int64(axis - len(x.Shape)*g.IntN(2))}, in...)
}

func split(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	parts := g.between(1, 3)
	attrs := ops.Attrs{"axis": int64(axis - len(x.Shape)*g.IntN(2))}
	sizes, rest := make([]int, parts), x.Shape[axis]
	for i := range sizes[1:] {
		sizes[i] = g.between(0, rest)
		rest -= sizes[i]
	}
	sizes[parts-1] = rest
	switch {
	case g.chance(0.4):
		if g.opset >= 18 {
			attrs["num_outputs"] = int64(parts)
		}
		g.apply(op, attrs, parts, x)
	case g.opset < 13:
		attrs["split"] = widened(sizes)
		g.apply(op, attrs, parts, x)
	default:
		g.apply(op, attrs, parts, x, g.ints(sizes...))
	}
}

func slice(g *generator, op string) {
	x := g.float(1, 4)
	var starts, ends, axes, steps []int
	for i := range x.Shape {
		if !g.chance(0.5) {
			continue
		}
		starts, ends, axes = append(starts, g.between(-4, 4)), append(ends, oneOf(g, -1, 1, 2, 3, 4, 9, 1<<31-1)),
			append(axes, i-len(x.Shape)*g.IntN(2))
		steps = append(steps, oneOf(g, 1, 1, 1, 2, 3))
		if k := len(steps) - 1; g.chance(0.25) {
			steps[k] = -g.between(1, 3)
			ends[k] = oneOf(g, -9, -3, 0, 1)
		} else if g.chance(0.3) {
			starts[k], ends[k] = 0, 1<<31-1
		}
	}
	if g.opset < 10 {
		g.one(op, ops.Attrs{"starts": widened(starts), "ends": widened(ends), "axes": widened(axes)}, x)
		return
	}
	in := []*ops.Value{x, g.ints(starts...), g.ints(ends...), g.ints(axes...)}
	if g.chance(0.7) {
		in = append(in, g.ints(steps...))
	}
	g.one(op, nil, in...)
}

func gather(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	d := x.Shape[axis]
	g.one(op, g.maybe(ops.Attrs{"axis": int64(axis)}), x, g.within(-d, d, g.shape(oneOf(g, 0, 0, 1, 2))...))
}

func expand(g *generator, op string) {
	x := g.float(0, 3)
	s := slices.Clone(x.Shape)
	for i, d := range s {
		if d == 1 || g.chance(0.2) {
			s[i] = oneOf(g, 1, d, g.between(1, 3))
		}
	}
	if g.chance(0.3) {
		s = append([]int{g.between(1, 3)}, s...)
	}
	g.one(op, nil, x, g.ints(s...))
}

func tile(g *generator, op string) {
	x := g.float(1, 4)
	repeats := make([]int, len(x.Shape))
	for i := range repeats {
		repeats[i] = oneOf(g, 0, 1, 1, 1, 2, 3)
	}
	g.one(op, nil, x, g.ints(repeats...))
}

func argument(g *generator, op string) {
	x := g.float(1, 4)
	attrs := g.maybe(ops.Attrs{"axis": int64(g.between(-len(x.Shape), len(x.Shape)-1)), "keepdims": int64(g.IntN(2))})
	if g.opset >= 12 && g.chance(0.5) {
		attrs["select_last_index"] = int64(g.IntN(2))
	}
	g.one(op, attrs, x)
}

func topK(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	k := g.between(0, x.Shape[axis])
	attrs := ops.Attrs{"axis": int64(axis - len(x.Shape)*g.IntN(2))}
	if g.opset < 10 {
		attrs["k"] = int64(k)
		g.apply(op, attrs, 2, x)
		return
	}
	if g.opset >= 11 {
		attrs["largest"] = int64(g.IntN(2))
	}
	g.apply(op, attrs, 2, x, g.ints(k))
}

func cumSum(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.within(-len(x.Shape), len(x.Shape))
	g.one(op, g.maybe(ops.Attrs{"exclusive": int64(g.IntN(2)), "reverse": int64(g.IntN(2))}), x, axis)
}

func oneHot(g *generator, op string) {
	s := g.shape(g.between(0, 3))
	g.one(op, g.maybe(ops.Attrs{"axis": int64(g.between(-1, len(s)))}), g.within(-3, 5, s...),
		g.within(2, 5), g.constant(2))
}

func elements(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	s, d := slices.Clone(x.Shape), x.Shape[axis]
	for i := range s {
		s[i] = g.between(0, s[i])
	}
	attrs := ops.Attrs{"axis": int64(axis - len(x.Shape)*g.IntN(2))}
	in := []*ops.Value{x, g.within(-d, d, s...)}
	if op != "GatherElements" {
		in = append(in, g.like(s))
		if op == "ScatterElements" && g.opset >= 18 && g.chance(0.5) {
			attrs["reduction"] = oneOf(g, "none", "add", "mul", "max", "min")
		}
	}
	g.one(op, attrs, in...)
}

func vectors(g *generator, op string) {
	x := g.float(1, 4)
	depth := g.between(1, len(x.Shape))
	least := slices.Min(x.Shape[:depth])
	outer := g.shape(g.IntN(2))
	in := []*ops.Value{x, g.within(-least, least, append(outer, depth)...)}
	if op == "ScatterND" {
		in = append(in, g.like(append(slices.Clone(outer), x.Shape[depth:]...)))
	}
	g.one(op, nil, in...)
}

func blocks(g *generator, op string) {
	b := g.between(1, 3)
	x := g.input(g.between(1, 2), g.between(1, 2)*b*b, g.between(1, 2)*b, g.between(1, 2)*b)
	attrs := ops.Attrs{"blocksize": int64(b)}
	if op == "DepthToSpace" && g.opset >= 11 {
		attrs["mode"] = oneOf(g, "DCR", "CRD")
	}
	g.one(op, attrs, x)
}

func alongAxis(g *generator, op string) {
	x := g.float(1, 4)
	g.one(op, g.maybe(ops.Attrs{"axis": int64(g.between(-len(x.Shape), len(x.Shape)-1))}), x)
}

func batchNorm(g *generator, op string) {
	x := g.float(2, 4)
	c := x.Shape[1]
	attrs := g.maybe(ops.Attrs{"epsilon": float32(1e-3), "momentum": float32(0.7)})
	outs := 1
	if g.opset >= 14 && g.chance(0.15) {
		attrs["training_mode"] = int64(1)
		outs = oneOf(g, 1, 3)
	}
	if g.opset < 14 && g.chance(0.15) { // which say that the statistics are the batch's
		outs = oneOf(g, 2, 5)
	}
	g.apply(op, attrs, outs, x, g.weight(c), g.weight(c), g.weight(c), g.positive(c))
}

func layerNorm(g *generator, op string) {
	x := g.float(1, 4)
	axis := g.IntN(len(x.Shape))
	s := x.Shape[axis:]
	in := []*ops.Value{x, g.weight(s...)}
	if op == "LayerNormalization" && g.chance(0.6) {
		in = append(in, g.weight(s...))
	}
	outs := 1
	if op == "LayerNormalization" {
		outs = oneOf(g, 1, 1, 2, 3)
	}
	g.apply(op, ops.Attrs{"axis": int64(axis - len(x.Shape)*g.IntN(2)), "epsilon": float32(1e-3)}, outs, in...)
}

func groupNorm(g *generator, op string) {
	x := g.float(3, 4)
	c := x.Shape[1]
	attrs := g.maybe(ops.Attrs{"epsilon": float32(1e-2)})
	params := c
	if op == "GroupNormalization" {
		groups := oneOf(g, 1, 2, max(c, 1))
		attrs["num_groups"] = int64(groups)
		if g.opset < 21 {
			params = groups
		}
	}
	g.one(op, attrs, x, g.weight(params), g.weight(params))
}

func lrn(g *generator, op string) {
	g.one(op, g.maybe(ops.Attrs{"alpha": float32(0.1), "beta": float32(0.5), "bias": float32(2),
		"size": int64(g.between(1, 5))}), g.float(3, 4))
}

func pad(g *generator, op string) {
	x := g.float(1, 4)
	g.pads(op, x, g.int64s(2*len(x.Shape), -2, 2))
}

// pads applies a Pad whose pads, and the value, are attributes before opset 11.
func (g *generator) pads(op string, x *ops.Value, pads []int64) *ops.Value {
	rank := len(x.Shape)
	switch g.IntN(6) {
	case 0: // a shift
		for i := range rank {
			pads[i+rank] = -pads[i]
		}
	case 1:
		clear(pads)
	case 2: // of the last two axes alone
		for i := range max(0, rank-2) {
			pads[i], pads[i+rank] = 0, 0
		}
	}
	attrs := ops.Attrs{"mode": oneOf(g, "constant", "constant", "constant", "reflect", "edge")}
	if g.opset < 11 {
		attrs["pads"] = pads
		if g.chance(0.3) {
			attrs["value"] = float32(1.5)
		}
		return g.one(op, attrs, x)
	}
	ints := make([]int, len(pads))
	for i, p := range pads {
		ints[i] = int(p)
	}
	return g.one(op, attrs, x, g.ints(ints...), oneOf(g, nil, nil, g.filled(0), g.weight()))
}

func resize(g *generator, op string) {
	x := g.float(4, 4)
	scales := g.leaf(tensor.From([]float32{1, 1, oneOf[float32](g, 1, 2, 0.5, 1.5), oneOf[float32](g, 1, 2, 3)}, 4), false)
	attrs := ops.Attrs{"mode": oneOf(g, "nearest", "linear")}
	switch {
	case op == "Upsample" && g.opset < 9:
		attrs["scales"] = scales.Const.F32()
		g.one(op, attrs, x)
	case op == "Upsample" || g.opset < 11:
		g.one(op, attrs, x, scales)
	case g.chance(0.4):
		g.one(op, attrs, x, nil, nil, g.ints(x.Shape[0], x.Shape[1], g.between(1, 7), g.between(1, 7)))
	default:
		attrs["coordinate_transformation_mode"] = oneOf(g, "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
		g.one(op, attrs, x, nil, scales)
	}
}

func gridSample(g *generator, op string) {
	n := g.between(1, 2)
	x, grid := g.input(n, g.between(1, 3), g.between(1, 5), g.between(1, 5)),
		g.constant(n, g.between(1, 4), g.between(1, 4), 2)
	attrs := g.maybe(ops.Attrs{"padding_mode": oneOf(g, "zeros", "border", "reflection"),
		"align_corners": int64(g.IntN(2))})
	g.one(op, attrs, x, grid)
}

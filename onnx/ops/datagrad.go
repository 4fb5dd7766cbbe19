package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// scatters are the gradients of operators that copy elements: each adds or
// moves dy to where the elements came from, in a tensor of the attribute shape.
var scatters = []Def{
	{Op: "SliceGrad", Domain: Internal, Since: 1, Infer: inferScatter(1), Bind: bindSliceGrad},
	{Op: "GatherGrad", Domain: Internal, Since: 1, Infer: inferScatter(2), Bind: bindGatherGrad},
	{Op: "PadGrad", Domain: Internal, Since: 1, Infer: inferScatter(1), Bind: bindPadGrad},
	{Op: "ResizeGrad", Domain: Internal, Since: 1, Infer: inferScatter(1), Bind: bindResizeGrad},
}

func inferScatter(inputs int) func(n *Node) error {
	return func(n *Node) error {
		if err := n.Want(inputs, inputs); err != nil {
			return err
		}
		return n.SetOut(0, n.In[0].DType, n.Ints("shape", nil))
	}
}

func gradTranspose(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	perm := n.Perm()
	inverse := make([]int, len(perm))
	for i, p := range perm {
		inverse[p] = i
	}
	return []*Value{b.Op("Transpose", Attrs{"perm": int64s(inverse)}, dy[0])}, b.Err
}

func gradConcat(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	axis, err := n.Axis(n.Int("axis", 1), len(n.Out[0].Shape))
	if err != nil {
		return nil, err
	}
	sizes := make([]int, len(n.In))
	for i, v := range n.In {
		sizes[i] = v.Shape[axis]
	}
	return b.OpN("Split", Attrs{"axis": int64(axis)}, len(n.In), dy[0], b.Ints(sizes...)), b.Err
}

// gradSplit puts zeros for the pieces that do not reach the loss, of which the last
// may be gone from the node.
func gradSplit(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	x := n.In[0]
	axis, err := n.Axis(n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	rest := slices.Clone(x.Shape)
	for _, v := range n.Out {
		if v != nil {
			rest[axis] -= v.Shape[axis]
		}
	}
	parts := make([]*Value, len(n.Out))
	for i, v := range n.Out {
		shape := rest
		if v != nil {
			shape = v.Shape
		}
		if parts[i] = dy[i]; dy[i] == nil {
			parts[i] = b.Op("Expand", nil, b.Scalar(x, 0), b.Ints(shape...))
		}
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("Concat", Attrs{"axis": int64(axis)}, parts...)
	return out, b.Err
}

func gradSlice(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	w, err := n.slice()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("SliceGrad", Attrs{"shape": int64s(n.In[0].Shape), "offset": int64(w.offset), "strides": int64s(w.strides)}, dy[0])
	return out, b.Err
}

func bindSliceGrad(n *Node, e *Env) (func(), error) {
	v := view{n.Int("offset", 0), n.Ints("strides", nil)}
	return floatLoop(n, e, func() func() { return scatterLoop[float32](e, v) }, func() func() { return scatterLoop[float64](e, v) })
}

// scatterLoop moves dy to a window of zeros.
func scatterLoop[T tensor.Float](e *Env, v view) func() {
	dy, dx := e.In[0], e.Out[0]
	l := v.lines(dy.Shape)
	move := l.loop(e, func(line, from, to int) {
		src, dst, at := tensor.Data[T](dy)[line*l.size:][from:to], tensor.Data[T](dx), l.at(line)+from*l.step
		if l.step == 1 {
			copy(dst[at:], src)
			return
		}
		for k, v := range src {
			dst[at+k*l.step] = v
		}
	})
	return func() {
		clear(tensor.Data[T](dx))
		move()
	}
}

func gradGather(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	axis, err := n.Axis(n.Int("axis", 0), len(n.In[0].Shape))
	if err != nil {
		return nil, err
	}
	dx := b.Op("GatherGrad", Attrs{"shape": int64s(n.In[0].Shape), "axis": int64(axis)}, dy[0], n.In[1])
	return []*Value{dx, nil}, b.Err
}

func bindGatherGrad(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return gatherGradLoop[float32](e, n.Int("axis", 0)) },
		func() func() { return gatherGradLoop[float64](e, n.Int("axis", 0)) })
}

// gatherGradLoop adds in the order of the indices, so that repeated ones sum up
// the same way every time.
func gatherGradLoop[T tensor.Float](e *Env, axis int) func() {
	dy, dx := e.In[0], e.Out[0]
	d, run := dx.Shape[axis], tensor.Len(dx.Shape[axis+1:])
	read, indices := reader(e.In[1]), []int64(nil)
	body := func(_, o int) {
		src, dst := tensor.Data[T](dy), tensor.Data[T](dx)
		clear(dst[o*d*run : (o+1)*d*run])
		for k, i := range indices {
			at, _ := within(i, d) // the forward pass has checked it
			to := dst[(o*d+at)*run:][:run]
			for j, v := range src[(o*len(indices)+k)*run:][:run] {
				to[j] += v
			}
		}
	}
	return func() {
		indices = read()
		e.Pool.For(tensor.Len(dx.Shape[:axis]), body)
	}
}

func gradExpand(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	return []*Value{b.SumTo(dy[0], n.In[0].Shape), nil}, b.Err
}

// gradTile sums over the repeats r of [r0,d0,r1,d1,…].
func gradTile(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	repeats, _ := n.In[1].Ints()
	var wide, one []int
	for i, d := range n.In[0].Shape {
		wide, one = append(wide, repeats[i], d), append(one, 1, d)
	}
	return []*Value{b.Reshape(b.SumTo(b.Reshape(dy[0], wide), one), n.In[0].Shape), nil}, b.Err
}

func gradPad(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	before, _, err := n.Pads()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("PadGrad", Attrs{"shape": int64s(n.In[0].Shape), "before": int64s(before), "mode": n.Str("mode", "constant")}, dy[0])
	return out, b.Err
}

func bindPadGrad(n *Node, e *Env) (func(), error) {
	before := n.Ints("before", nil)
	maps := padMaps(e.Out[0].Shape, e.In[0].Shape, before, n.Str("mode", "constant"))
	return floatLoop(n, e, func() func() { return padGradLoop[float32](e, maps) }, func() func() { return padGradLoop[float64](e, maps) })
}

func padGradLoop[T tensor.Float](e *Env, maps [][]int) func() {
	dy, dx := e.In[0], e.Out[0]
	strides := tensor.Strides(dx.Shape)
	var add func(dst, src []T, axis, to int)
	add = func(dst, src []T, axis, to int) {
		if axis == len(maps) {
			dst[to] += src[0]
			return
		}
		run := len(src) / len(maps[axis])
		for i, s := range maps[axis] {
			if s >= 0 {
				add(dst, src[i*run:(i+1)*run], axis+1, to+s*strides[axis])
			}
		}
	}
	return func() {
		clear(tensor.Data[T](dx))
		if dy.Len() > 0 {
			add(tensor.Data[T](dx), tensor.Data[T](dy), 0, 0)
		}
	}
}

// gradResize is one node with what the forward node knows: its attributes and
// the constants that decide its sizes.
func gradResize(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	attrs := Attrs{"shape": int64s(n.In[0].Shape), "forward": n}
	out := make([]*Value, len(n.In))
	out[0] = b.Op("ResizeGrad", attrs, dy[0])
	return out, b.Err
}

// bindResizeGrad runs the transposes of the passes, from the last to the first.
func bindResizeGrad(n *Node, e *Env) (func(), error) {
	passes, err := attr[*Node](n, "forward", nil).passes()
	if err != nil {
		return nil, err
	}
	slices.Reverse(passes)
	return n.sweep(e, passes, func(p *resizePass) int { return p.in }, (*resizePass).back)
}

// back adds slab o of the gradient, [len(taps),inner], to [in,inner].
func (p *resizePass) back(dst, src []float64, o, inner int) {
	clear(dst[o*p.in*inner:][:p.in*inner])
	for i, taps := range p.taps {
		from := src[(o*len(p.taps)+i)*inner:][:inner]
		for _, t := range taps {
			if t.at == nowhere {
				continue
			}
			to := dst[(o*p.in+t.at)*inner:][:inner]
			for j, v := range from {
				to[j] += t.w * v
			}
		}
	}
}

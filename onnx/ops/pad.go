package ops

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
)

var resampling = []Def{
	{Op: "Pad", Since: 1, Infer: inferPad, Bind: bindPad},
	{Op: "Resize", Since: 10, Infer: inferResize, Bind: bindResize},
	{Op: "Upsample", Since: 7, Infer: inferResize, Bind: bindResize},
}

// pads returns how much to add before and after each axis; attributes before
// opset 11, inputs after.
func (n *Node) pads() (before, after []int, err error) {
	if err := n.Want(1, 4); err != nil {
		return nil, nil, err
	}
	rank := len(n.In[0].Shape)
	p := n.Ints("pads", n.Ints("paddings", nil))
	var axes []int
	if n.Opset >= 11 {
		if p, err = n.known(1, "pads"); err != nil {
			return nil, nil, err
		}
		if n.Input(3) != nil {
			if axes, err = n.known(3, "axes"); err != nil {
				return nil, nil, err
			}
		}
	}
	if axes == nil {
		for i := range rank {
			axes = append(axes, i)
		}
	}
	if len(p) != 2*len(axes) {
		return nil, nil, n.Errorf("pads has %d values, want %d", len(p), 2*len(axes))
	}
	before, after = make([]int, rank), make([]int, rank)
	for i, a := range axes {
		a, err := n.Axis(a, rank)
		if err != nil {
			return nil, nil, err
		}
		before[a], after[a] = p[i], p[len(axes)+i]
	}
	return before, after, nil
}

func inferPad(n *Node) error {
	before, after, err := n.pads()
	if err != nil {
		return err
	}
	in := n.In[0].Shape
	out := make([]int, len(in))
	mode := n.Str("mode", "constant")
	for i, d := range in {
		if before[i] > 1<<30 || after[i] > 1<<30 {
			return n.Errorf("pads %v %v are too large", before, after)
		}
		out[i] = d + before[i] + after[i]
		if mode != "constant" && d == 0 && out[i] > 0 || mode == "reflect" && max(before[i], after[i]) >= max(d, 1) {
			return n.Errorf("cannot pad axis %d of %v by %d and %d in mode %s", i, in, before[i], after[i], mode)
		}
	}
	if !slices.Contains([]string{"constant", "reflect", "edge", "wrap"}, mode) {
		return n.Errorf("mode is %q, want constant, reflect, edge or wrap", mode)
	}
	return n.SetOut(0, n.In[0].DType, out)
}

// source is the element of an axis of size d that position i reads, -1 for none.
func source(mode string, i, d int) int {
	switch {
	case i >= 0 && i < d:
		return i
	case mode == "edge":
		return min(max(i, 0), d-1)
	case mode == "wrap":
		return (i%d + d) % d
	case mode == "reflect" && d == 1:
		return 0
	case mode == "reflect":
		i = (i%(2*d-2) + 2*d - 2) % (2*d - 2)
		return min(i, 2*d-2-i)
	}
	return -1
}

func bindPad(n *Node, e *Env) (func(), error) {
	before, _, err := n.pads()
	if err != nil {
		return nil, err
	}
	x, y := e.In[0], e.Out[0]
	maps := make([][]int, len(x.Shape))
	for a := range maps {
		for i := range y.Shape[a] {
			maps[a] = append(maps[a], source(n.Str("mode", "constant"), i-before[a], x.Shape[a]))
		}
	}
	value := float64(n.Float("value", 0))
	if v := n.Input(2); v != nil {
		if v.Const == nil || v.Len() != 1 {
			return nil, n.Errorf("the padding value must be a constant scalar")
		}
		value = scalar(v.Const)
	}
	switch x.DType {
	case tensor.Float32:
		return padLoop(e, maps, float32(value)), nil
	case tensor.Float64:
		return padLoop(e, maps, value), nil
	case tensor.Int64:
		return padLoop(e, maps, int64(value)), nil
	case tensor.Int32:
		return padLoop(e, maps, int32(value)), nil
	}
	return nil, n.Errorf("element type %v is not supported", x.DType)
}

func padLoop[T tensor.Element](e *Env, maps [][]int, value T) func() {
	x, y := e.In[0], e.Out[0]
	strides := tensor.Strides(x.Shape)
	var fill func(dst, src []T, axis, from int)
	fill = func(dst, src []T, axis, from int) {
		if axis == len(maps) {
			dst[0] = src[from]
			return
		}
		run := len(dst) / len(maps[axis])
		for i, s := range maps[axis] {
			part := dst[i*run : (i+1)*run]
			switch {
			case s < 0:
				for j := range part {
					part[j] = value
				}
			default:
				fill(part, src, axis+1, from+s*strides[axis])
			}
		}
	}
	return func() {
		if y.Len() > 0 {
			fill(tensor.Data[T](y), tensor.Data[T](x), 0, 0)
		}
	}
}

// scales returns the factor of each axis and the output's shape.
func (n *Node) scales() (scale []float64, out []int, err error) {
	in := n.In[0].Shape
	at := 2
	if n.Op == "Upsample" || n.Opset < 11 {
		at = 1
	}
	scale, out = make([]float64, len(in)), slices.Clone(in)
	if sizes := n.Input(3); sizes != nil {
		v, err := n.known(3, "sizes")
		if err != nil || len(v) != len(in) {
			return nil, nil, n.Errorf("sizes must be %d integers known before the run", len(in))
		}
		for i, s := range v {
			if s < 1 || in[i] < 1 {
				return nil, nil, n.Errorf("cannot resize %v to %v", in, v)
			}
			out[i], scale[i] = s, float64(s)/float64(in[i])
		}
		return scale, out, nil
	}
	given, _ := n.Attrs["scales"].([]float32)
	if v := n.Input(at); v != nil {
		if v.Const == nil || v.DType != tensor.Float32 {
			return nil, nil, n.Errorf("scales must be float32 and known before the run")
		}
		given = v.Const.F32
	}
	if len(given) != len(in) {
		return nil, nil, n.Errorf("has %d scales for rank %d", len(given), len(in))
	}
	for i, s := range given {
		size := math.Floor(float64(in[i]) * float64(s))
		if !(s > 0) || !(size < 1<<31) {
			return nil, nil, n.Errorf("scales are %v, want positive finite ones", given)
		}
		out[i], scale[i] = int(size), float64(s)
	}
	return scale, out, nil
}

func inferResize(n *Node) error {
	if err := n.Want(1, 4); err != nil {
		return err
	}
	_, out, err := n.scales()
	if err != nil {
		return err
	}
	if n.Has("axes") || n.Has("antialias") && n.Int("antialias", 0) != 0 || n.Str("keep_aspect_ratio_policy", "stretch") != "stretch" {
		return n.Errorf("axes, antialias and keep_aspect_ratio_policy are not supported")
	}
	if m := n.Str("mode", "nearest"); m != "nearest" && m != "linear" {
		return n.Errorf("mode %q is not supported; nearest and linear are", m)
	}
	return n.SetOut(0, n.In[0].DType, out)
}

// taps are the two elements and the weight of the second that a position of a
// resized axis mixes.
type resizeTap struct {
	lo, hi int
	w      float64
}

func (n *Node) taps(in, out int, scale float64) ([]resizeTap, error) {
	def := "half_pixel"
	if n.Op == "Upsample" || n.Opset < 11 {
		def = "asymmetric"
	}
	mode := n.Str("coordinate_transformation_mode", def)
	t := make([]resizeTap, out)
	for i := range t {
		var x float64
		switch mode {
		case "half_pixel":
			x = (float64(i)+0.5)/scale - 0.5
		case "half_pixel_symmetric":
			adjust := float64(out) / (scale * float64(in))
			x = float64(in)/2*(1-adjust) + (float64(i)+0.5)/scale - 0.5
		case "pytorch_half_pixel":
			if out > 1 {
				x = (float64(i)+0.5)/scale - 0.5
			}
		case "align_corners":
			if out > 1 {
				x = float64(i) * float64(in-1) / float64(out-1)
			}
		case "asymmetric":
			x = float64(i) / scale
		default:
			return nil, n.Errorf("coordinate_transformation_mode %q is not supported", mode)
		}
		if n.Str("mode", "nearest") == "linear" {
			lo := math.Floor(x)
			clamp := func(v float64) int { return int(min(max(v, 0), float64(in-1))) }
			t[i] = resizeTap{clamp(lo), clamp(lo + 1), x - lo}
			continue
		}
		rounding := "round_prefer_floor"
		if n.Op == "Upsample" || n.Opset < 11 {
			rounding = "floor"
		}
		switch n.Str("nearest_mode", rounding) {
		case "floor":
			x = math.Floor(x)
		case "ceil":
			x = math.Ceil(x)
		case "round_prefer_ceil":
			x = math.Floor(x + 0.5)
		default:
			x = math.Ceil(x - 0.5)
		}
		j := int(min(max(x, 0), float64(in-1)))
		t[i] = resizeTap{j, j, 0}
	}
	return t, nil
}

// bindResize mixes one axis after the other.
func bindResize(n *Node, e *Env) (func(), error) {
	scale, out, err := n.scales()
	if err != nil {
		return nil, err
	}
	x := n.In[0]
	if x.DType != tensor.Float32 && x.DType != tensor.Float64 {
		return nil, n.Errorf("element type %v is not supported", x.DType)
	}
	type pass struct {
		outer, inner int
		in           int
		taps         []resizeTap
	}
	var passes []pass
	shape := slices.Clone(x.Shape)
	for a := range shape {
		if shape[a] == out[a] && scale[a] == 1 {
			continue
		}
		t, err := n.taps(shape[a], out[a], scale[a])
		if err != nil {
			return nil, err
		}
		passes = append(passes, pass{tensor.Len(shape[:a]), tensor.Len(shape[a+1:]), shape[a], t})
		shape[a] = out[a]
	}
	bufs := [2][]float64{}
	return func() {
		cur := widen(bufs[0], e.In[0])
		next := bufs[1]
		for _, p := range passes {
			next = slices.Grow(next[:0], p.outer*len(p.taps)*p.inner)[:p.outer*len(p.taps)*p.inner]
			for o := range p.outer {
				for i, t := range p.taps {
					lo, hi := cur[(o*p.in+t.lo)*p.inner:][:p.inner], cur[(o*p.in+t.hi)*p.inner:][:p.inner]
					dst := next[(o*len(p.taps)+i)*p.inner:][:p.inner]
					for j := range dst {
						dst[j] = lo[j]*(1-t.w) + hi[j]*t.w
					}
				}
			}
			cur, next = next, cur
		}
		bufs = [2][]float64{cur, next}
		convert(e.Out[0].F32, cur[:len(e.Out[0].F32)])
		convert(e.Out[0].F64, cur[:len(e.Out[0].F64)])
	}, nil
}

// widen copies a float tensor's elements to float64.
func widen(buf []float64, t *tensor.Tensor) []float64 {
	buf = slices.Grow(buf[:0], t.Len())[:t.Len()]
	if t.DType == tensor.Float64 {
		copy(buf, t.F64)
	} else {
		convert(buf, t.F32)
	}
	return buf
}

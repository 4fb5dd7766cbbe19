package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var resizings = []Def{
	{Op: "Resize", Since: 10,
		Attributes: "mode:s; " +
			"11 coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f " +
			"mode:s nearest_mode:s; " +
			"18 antialias:i axes:I coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i " +
			"extrapolation_value:f keep_aspect_ratio_policy:s mode:s nearest_mode:s",
		Infer: inferResize, Bind: bindResize, Grad: gradResize},
	{Op: "Upsample", Since: 7, Attributes: "mode:s scales:F!; 9 mode:s",
		Infer: inferResize, Bind: bindResize, Grad: gradResize},
	{Op: "ResizeGrad", Domain: Internal, Since: 1, Infer: inferMoved(1), Bind: bindResizeGrad},
}

func inferResize(n *Node) error {
	if err := n.Want(1, 4); err != nil {
		return err
	}
	_, out, err := n.scales()
	if err != nil {
		return err
	}
	if m := n.Str("mode", "nearest"); m != "nearest" && m != "linear" && m != "bilinear" && m != "cubic" {
		return n.Errorf("mode is %q, want nearest, linear or cubic", m)
	}
	switch m := n.Str("nearest_mode", "floor"); m {
	case "floor", "ceil", "round_prefer_floor", "round_prefer_ceil":
	default:
		return n.Errorf("nearest_mode is %q, want floor, ceil, round_prefer_floor or round_prefer_ceil", m)
	}
	if !n.In[0].DType.IsFloat() {
		return n.Errorf("element type %v is not supported", n.In[0].DType)
	}
	if err := n.SetOut(0, n.In[0].DType, out); err != nil {
		return err
	}
	if _, err := n.crop(); err != nil {
		return err
	}
	_, err = n.coordinate(1, 1, 1, whole)
	return err
}

// resizePass resizes one axis: each position mixes its taps.
type resizePass struct {
	axis, in int
	taps     [][]tap
}

// tapBytes is the memory of a position's taps, of which there are four at most.
const tapBytes = 24 + 4*16

// passes resolves a Resize axis by axis.
func (n *Node) passes() ([]*resizePass, error) {
	scale, out, err := n.scales()
	if err != nil {
		return nil, err
	}
	crop, err := n.crop()
	if err != nil {
		return nil, err
	}
	var passes []*resizePass
	for a, in := range n.In[0].Shape {
		part := whole
		if crop != nil {
			part = crop[a]
		}
		if in == out[a] && scale[a] == 1 && part == whole {
			continue
		}
		if err := n.need("the weights of an axis", tapBytes*out[a]); err != nil {
			return nil, err
		}
		p := &resizePass{axis: a, in: in, taps: make([][]tap, out[a])}
		at, err := n.coordinate(in, out[a], scale[a], part)
		if err != nil {
			return nil, err
		}
		for i := range p.taps {
			x := at(i)
			if crop != nil && !(x >= 0 && x <= float64(in-1)) {
				p.taps[i] = []tap{{nowhere, float64(n.Float("extrapolation_value", 0))}}
				continue
			}
			p.taps[i] = n.mix(x, in, scale[a])
		}
		passes = append(passes, p)
	}
	return passes, nil
}

func bindResize(n *Node, e *Env) (func(), error) {
	passes, err := n.passes()
	if err != nil {
		return nil, err
	}
	return n.sweep(e, passes, func(p *resizePass) int { return len(p.taps) }, (*resizePass).run)
}

// sweep works through one axis after the other, in float64. size is the axis'
// new length; slab computes slab o of a pass, with inner elements a position.
func (n *Node) sweep(e *Env, passes []*resizePass, size func(*resizePass) int,
	slab func(p *resizePass, dst, src []float64, o, inner int)) (func(), error) {
	shape := slices.Clone(e.In[0].Shape)
	need := tensor.Len(shape)
	for _, p := range passes {
		shape[p.axis] = size(p)
		need += tensor.Len(shape)
	}
	if err := n.need("the passes", 8*need); err != nil {
		return nil, err
	}
	shape = slices.Clone(e.In[0].Shape)
	first := tensor.New(tensor.Float64, shape...)
	last := first.F64()
	var runs []func()
	for _, p := range passes {
		shape[p.axis] = size(p)
		src, dst := last, make([]float64, tensor.Len(shape))
		last = dst
		outer, inner := tensor.Len(shape[:p.axis]), tensor.Len(shape[p.axis+1:])
		body := func(_, o int) { slab(p, dst, src, o, inner) }
		runs = append(runs, func() { e.Pool.For(outer, body) })
	}
	read := castLoop(e.In[0], first, narrowing{})
	write := castLoop(tensor.From(last, shape...), e.Out[0], narrowing{})
	return func() {
		read()
		for _, run := range runs {
			run()
		}
		write()
	}, nil
}

// run computes slab o, [len(taps),inner], from [in,inner].
func (p *resizePass) run(dst, src []float64, o, inner int) {
	for i, taps := range p.taps {
		to := dst[(o*len(p.taps)+i)*inner:][:inner]
		clear(to)
		for _, t := range taps {
			if t.at == nowhere {
				for j := range to {
					to[j] = t.w
				}
				continue
			}
			for j, v := range src[(o*p.in+t.at)*inner:][:inner] {
				to[j] += t.w * v
			}
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

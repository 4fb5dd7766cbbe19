package engine

import (
	"math"
	"slices"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// affine is scale·x + shift along one axis of x: a BatchNormalization that
// evaluates, or a sum or product with a constant that varies along one axis. A
// nil scale is 1, a nil shift 0; a lone element holds for the whole axis.
type affine struct {
	x            *ops.Value
	axis         int // -1 where the constants are scalars
	scale, shift []float64
}

// evaluates reports whether a BatchNormalization uses constant statistics.
func evaluates(n *ops.Node) bool {
	for _, v := range n.In[1:] {
		if v.Const == nil {
			return false
		}
	}
	return n.Int("training_mode", 0) == 0 && !slices.ContainsFunc(n.Out[1:], func(v *ops.Value) bool { return v != nil })
}

// affineOf reads n as an affine map of one operand, of finite numbers: infinite ones
// times each term of a sum are not what they are times the sum.
func affineOf(n *ops.Node) *affine {
	a := mapOf(n)
	if a == nil || slices.ContainsFunc(slices.Concat(a.scale, a.shift), infinite) {
		return nil
	}
	return a
}

// infinite reports whether a float32 of the value v is infinite or no number.
func infinite(v float64) bool { return !(math.Abs(v) <= math.MaxFloat32) }

func mapOf(n *ops.Node) *affine {
	switch {
	case !float(n):
	case is(n, "BatchNormalization") && evaluates(n):
		a := &affine{x: n.In[0], axis: 1}
		eps := float64(n.Float("epsilon", 1e-5))
		w, b, mean, variance := n.In[1].Const.F32(), n.In[2].Const.F32(), n.In[3].Const.F32(), n.In[4].Const.F32()
		for i := range w {
			s := float64(w[i]) / math.Sqrt(float64(variance[i])+eps)
			a.scale, a.shift = append(a.scale, s), append(a.shift, float64(b[i])-float64(mean[i])*s)
		}
		return a
	case is(n, "Add", "Mul"):
		for i, c := range n.In {
			if a := along(n, n.In[1-i], c); a != nil {
				if is(n, "Add") {
					a.scale, a.shift = nil, a.scale
				}
				return a
			}
		}
	case is(n, "Sub"):
		if a := along(n, n.In[0], n.In[1]); a != nil {
			for i, c := range a.scale {
				a.scale[i] = -c
			}
			a.scale, a.shift = nil, a.scale
			return a
		}
	case is(n, "Div"):
		if a := along(n, n.In[0], n.In[1]); a != nil {
			for i, c := range a.scale {
				a.scale[i] = 1 / c
			}
			return a
		}
	}
	return nil
}

// along returns the constant c as scale along the one axis of x on which it
// varies.
func along(n *ops.Node, x, c *ops.Value) *affine {
	if c.Const == nil || x.Const != nil || !slices.Equal(x.Shape, n.Out[0].Shape) || len(c.Shape) > len(x.Shape) {
		return nil
	}
	a := &affine{x: x, axis: -1}
	for i, d := range c.Shape {
		if d == 1 {
			continue
		}
		if a.axis >= 0 {
			return nil
		}
		a.axis = len(x.Shape) - len(c.Shape) + i
	}
	for _, v := range c.Const.F32() {
		a.scale = append(a.scale, float64(v))
	}
	return a
}

func at(v []float64, i int, def float64) float64 {
	switch len(v) {
	case 0:
		return def
	case 1:
		return v[0]
	}
	return v[i]
}

// bias returns scale·old + shift of size elements; old may be nil.
func (f *fuser) bias(a *affine, old *ops.Value, size int) *ops.Value {
	if old == nil && a.shift == nil {
		return nil
	}
	t := tensor.New(tensor.Float32, size)
	for i := range t.F32() {
		b := at(a.shift, i, 0)
		if old != nil {
			b += at(a.scale, i, 1) * float64(old.Const.F32()[i])
		}
		t.F32()[i] = float32(b)
	}
	return f.builder.Const(t)
}

// scaled returns a constant w whose elements are multiplied by the scales in turn, run neighbours
// by each.
func (f *fuser) scaled(w *ops.Value, scale []float64, run int) *ops.Value {
	if scale == nil {
		return w
	}
	t := tensor.New(tensor.Float32, w.Shape...)
	to, from := t.F32(), w.Const.F32()
	if len(scale) == 1 {
		run = len(from)
	}
	for i := 0; len(from) > 0; i++ {
		by := scale[i%len(scale)]
		for j, x := range from[:run] {
			to[j] = float32(float64(x) * by)
		}
		to, from = to[run:], from[run:]
	}
	return f.builder.Const(t)
}

// affine folds an affine map of the result into the constants of a convolution,
// a product or a layer normalisation.
func (f *fuser) affine(n *ops.Node) *ops.Node {
	a := affineOf(n)
	if a == nil {
		return nil
	}
	p := f.sole(a.x)
	if is(p, "Transpose") {
		return f.affineBefore(a, n, p)
	}
	return f.fold(a, p)
}

// affineBefore folds a into what computes the operand of the Transpose t, which
// then takes n's place.
func (f *fuser) affineBefore(a *affine, n, t *ops.Node) *ops.Node {
	before := *a
	if before.x = t.In[0]; a.axis >= 0 {
		before.axis = t.Perm()[a.axis]
	}
	p := f.sole(before.x)
	by := f.fold(&before, p)
	if by == nil {
		return nil
	}
	f.replace(p, by)
	*p = *by
	p.Out[0].Producer = p
	return f.node("", "Transpose", t, t.Attrs, t.In[0])
}

// fold folds a into the constants of p, which computes a.x for it alone; nil
// where it cannot.
func (f *fuser) fold(a *affine, p *ops.Node) *ops.Node {
	switch {
	case p == nil || p.Has("clamp") || p.Input(2) != nil && p.In[2].Const == nil:
	case isConv(p) && p.Input(3) == nil && p.Fusible():
		return f.affineConv(a, p)
	case isProduct(p) && p.Input(3) == nil:
		return f.affineProduct(a, p)
	case is(p, "LayerNormalization"):
		return f.affineNorm(a, p)
	}
	return nil
}

func (f *fuser) affineConv(a *affine, p *ops.Node) *ops.Node {
	w := p.In[1]
	if a.axis != 1 && a.axis != -1 || w.Const == nil {
		return nil
	}
	by := f.conv(p, nil, p.In[0], w, f.bias(a, p.Input(2), w.Shape[0]))
	if a.scale != nil {
		by.Attrs["scales"] = append(slices.Clone(p.Scales()), a.scale)
	}
	return by
}

// affineProduct scales the columns of a constant B. Of another, a scalar factor
// becomes the product's own, and a shift its bias.
func (f *fuser) affineProduct(a *affine, p *ops.Node) *ops.Node {
	s := *productOf(p)
	if s.Clamp != nil || a.axis >= 0 && (a.x.Shape[a.axis] != s.N || tensor.Strides(a.x.Shape)[a.axis] != s.C.Col) {
		return nil
	}
	b := p.In[1]
	switch {
	case a.scale == nil:
	case len(a.scale) == 1 && p.Input(2) == nil:
		if s.Alpha *= float32(a.scale[0]); !factor(s.Alpha) {
			return nil
		}
	case b.Const != nil && wholeB(&s, b):
		b = f.scaled(b, a.scale, s.B.Col)
	default:
		return nil
	}
	return f.node(ops.Internal, "Product", p, ops.Attrs{"product": &s}, p.In[0], b, f.bias(a, p.Input(2), s.N))
}

// affineNorm: the scale and bias of a layer normalisation take it over.
func (f *fuser) affineNorm(a *affine, p *ops.Node) *ops.Node {
	last := len(a.x.Shape) - 1
	axis := p.Int("axis", -1)
	w := p.In[1]
	if axis != -1 && axis != last || a.axis != last && a.axis != -1 || w.Const == nil {
		return nil
	}
	return f.node("", "LayerNormalization", p, p.Attrs, p.In[0],
		f.scaled(w, a.scale, 1), f.bias(a, p.Input(2), w.Len()))
}

// layerNorm: (x - mean(x)) / √(mean((x - mean(x))²) + ε) over the last axis.
func (f *fuser) layerNorm(n *ops.Node) *ops.Node {
	if !is(n, "Div") || !float(n) {
		return nil
	}
	d, root := n.In[0].Producer, f.sole(n.In[1])
	if !is(d, "Sub") || !is(root, "Sqrt") || n.In[0].Const != nil {
		return nil
	}
	x := d.In[0]
	mean := f.sole(d.In[1])
	if mean == nil || !meansLast(mean, x) || !slices.Equal(x.Shape, n.Out[0].Shape) {
		return nil
	}
	sum := f.sole(root.In[0])
	if !is(sum, "Add") {
		return nil
	}
	for i, v := range sum.In {
		eps, ok := constant(v)
		variance := f.sole(sum.In[1-i])
		if !ok || !is(variance, "ReduceMean") || !meansLast(variance, variance.In[0]) || !f.square(variance.In[0], d.Out[0]) {
			continue
		}
		ones := tensor.New(tensor.Float32, x.Shape[len(x.Shape)-1])
		for i := range ones.F32() {
			ones.F32()[i] = 1
		}
		return f.node("", "LayerNormalization", n, ops.Attrs{"axis": int64(-1), "epsilon": float32(eps)}, x,
			f.builder.Const(ones))
	}
	return nil
}

// meansLast reports whether n is the mean of x over its last axis, which stays
// with size 1.
func meansLast(n *ops.Node, x *ops.Value) bool {
	if !is(n, "ReduceMean") || n.In[0] != x || n.Int("keepdims", 1) == 0 {
		return false
	}
	axes := n.Ints("axes", nil)
	if v := n.Input(1); v != nil {
		axes, _ = v.Ints()
	}
	last := len(x.Shape) - 1
	return last >= 0 && len(axes) == 1 && (axes[0] == -1 || axes[0] == last)
}

// square reports whether v is x².
func (f *fuser) square(v, x *ops.Value) bool {
	n := f.sole(v)
	if is(n, "Mul") {
		return n.In[0] == x && n.In[1] == x
	}
	e, ok := 0.0, false
	if is(n, "Pow") && n.In[0] == x {
		e, ok = constant(n.In[1])
	}
	return ok && e == 2
}

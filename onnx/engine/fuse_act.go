package engine

import (
	"math"
	"slices"

	"memprobe/onnx/ops"
)

// near compares a constant of a pattern, which exporters print with six digits
// or more.
func near(got, want float64) bool { return math.Abs(got-want) <= 1e-5*math.Abs(want) }

// factors multiplies out the product that v is: the constant factors as one
// number, and the others. Products that somebody else reads stay factors.
func (f *fuser) factors(v *ops.Value, top bool) (c float64, vs []*ops.Value) {
	if x, ok := constant(v); ok && v.Len() == 1 {
		return x, nil
	}
	n := v.Producer
	if !top {
		n = f.sole(v)
	}
	switch {
	case is(n, "Mul"):
		ca, va := f.factors(n.In[0], false)
		cb, vb := f.factors(n.In[1], false)
		return ca * cb, append(va, vb...)
	case is(n, "Div"):
		if d, ok := constant(n.In[1]); ok && n.In[1].Len() == 1 {
			c, vs := f.factors(n.In[0], false)
			return c / d, vs
		}
	}
	return 1, []*ops.Value{v}
}

// plusOne returns x where v is 1 + x.
func (f *fuser) plusOne(v *ops.Value) *ops.Value {
	n := f.sole(v)
	if !is(n, "Add") {
		return nil
	}
	for i, a := range n.In {
		if c, ok := constant(a); ok && c == 1 {
			return n.In[1-i]
		}
	}
	return nil
}

// halfTimes matches n as x/2·(1+g), the form of both Gelu's.
func (f *fuser) halfTimes(n *ops.Node) (x, g *ops.Value) {
	if !is(n, "Mul") || !float(n) {
		return nil, nil
	}
	c, vs := f.factors(n.Out[0], true)
	if !near(c, 0.5) || len(vs) != 2 {
		return nil, nil
	}
	for i, v := range vs {
		if g := f.plusOne(v); g != nil && slices.Equal(vs[1-i].Shape, n.Out[0].Shape) {
			return vs[1-i], g
		}
	}
	return nil, nil
}

// gelu: x/2·(1 + erf(x/√2)).
func (f *fuser) gelu(n *ops.Node) *ops.Node {
	x, g := f.halfTimes(n)
	e := f.sole(g)
	if !is(e, "Erf") {
		return nil
	}
	if c, vs := f.factors(e.In[0], false); len(vs) != 1 || vs[0] != x || !near(c, math.Sqrt2/2) {
		return nil
	}
	return f.node("", "Gelu", n, nil, x)
}

// geluTanh: x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))).
func (f *fuser) geluTanh(n *ops.Node) *ops.Node {
	x, g := f.halfTimes(n)
	t := f.sole(g)
	if !is(t, "Tanh") {
		return nil
	}
	c, vs := f.factors(t.In[0], false)
	if len(vs) != 1 || !near(c, math.Sqrt(2/math.Pi)) {
		return nil
	}
	sum := f.sole(vs[0])
	if !is(sum, "Add") {
		return nil
	}
	i := slices.Index(sum.In, x)
	if i < 0 || !f.cube(sum.In[1-i], x, 0.044715) {
		return nil
	}
	return f.node("", "Gelu", n, ops.Attrs{"approximate": "tanh"}, x)
}

// cube reports whether v is c·x³, as products or with Pow.
func (f *fuser) cube(v, x *ops.Value, c float64) bool {
	got, vs := f.factors(v, false)
	power := 0.0
	for _, v := range vs {
		p := f.sole(v)
		switch e, ok := 0.0, false; {
		case v == x:
			power++
			continue
		case is(p, "Pow") && p.In[0] == x:
			if e, ok = constant(p.In[1]); ok && e > 0 && e == math.Trunc(e) { // x^1.5 is no number below 0
				power += e
				continue
			}
		}
		return false
	}
	return power == 3 && near(got, c)
}

// silu: x·sigmoid(x).
func (f *fuser) silu(n *ops.Node) *ops.Node {
	if !is(n, "Mul") || !float(n) {
		return nil
	}
	for i, v := range n.In {
		if s := f.sole(v); is(s, "Sigmoid") && s.In[0] == n.In[1-i] {
			return f.node("", "Swish", n, nil, s.In[0])
		}
	}
	return nil
}

// hardSwish: x·min(max(x/6 + 1/2, 0), 1), as HardSigmoid or as clip(x+3, 0, 6)/6.
func (f *fuser) hardSwish(n *ops.Node) *ops.Node {
	if !is(n, "Mul", "Div") || !float(n) {
		return nil
	}
	c, vs := f.factors(n.Out[0], true)
	if len(vs) != 2 {
		return nil
	}
	for i, v := range vs {
		x, s := vs[1-i], f.sole(v)
		if !slices.Equal(x.Shape, n.Out[0].Shape) {
			continue // stretched by a constant
		}
		if is(s, "HardSigmoid") && s.In[0] == x && near(c, 1) &&
			near(float64(s.Float("alpha", 0.2)), 1.0/6) && near(float64(s.Float("beta", 0.5)), 0.5) {
			return f.node("", "HardSwish", n, nil, x)
		}
		if lo, hi, ok := clampOf(s); !ok || lo != 0 || hi != 6 || !near(c, 1.0/6) {
			continue
		}
		if a := f.sole(s.In[0]); is(a, "Add") {
			if j := slices.Index(a.In, x); j >= 0 {
				if three, ok := constant(a.In[1-j]); ok && three == 3 {
					return f.node("", "HardSwish", n, nil, x)
				}
			}
		}
	}
	return nil
}

// clampOf returns the constant bounds of a Relu or a Clip.
func clampOf(n *ops.Node) (lo, hi float32, ok bool) {
	inf := float32(math.Inf(1))
	switch {
	case is(n, "Relu"):
		return 0, inf, true
	case !is(n, "Clip"):
		return 0, 0, false
	}
	lo, hi = n.Float("min", -inf), n.Float("max", inf)
	for i, at := range []*float32{&lo, &hi} {
		if v := n.Input(i + 1); v != nil {
			c, known := constant(v)
			if !known {
				return 0, 0, false
			}
			*at = float32(c)
		}
	}
	return lo, hi, lo <= hi
}

// clamp lets a convolution, a product or a normalisation store its result within
// bounds.
func (f *fuser) clamp(n *ops.Node) *ops.Node {
	lo, hi, ok := clampOf(n)
	if !ok || !float(n) {
		return nil
	}
	p := f.sole(n.In[0])
	switch {
	case p == nil:
	case isConv(p) && !p.Has("clamp") && p.Fusible():
		return f.conv(p, []float32{lo, hi}, p.In...)
	case isProduct(p):
		if s := *productOf(p); s.Clamp == nil {
			s.Clamp = []float32{lo, hi}
			return f.node(ops.Internal, "Product", p, ops.Attrs{"product": &s}, p.In...)
		}
	case is(p, "BatchNormalization") && lo == 0 && math.IsInf(float64(hi), 1) && evaluates(p):
		return f.node(ops.Internal, "BatchNormRelu", p, ops.Attrs{"epsilon": p.Float("epsilon", 1e-5)}, p.In...)
	}
	return nil
}

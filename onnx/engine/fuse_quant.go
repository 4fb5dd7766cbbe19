package engine

import (
	"maps"
	"math"
	"slices"

	"memprobe/internal/kernel/quant"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// quantised is a tensor of integers that stands for (q − zero)·scale, of one scale and
// zero point or one for each index of an axis.
type quantised struct {
	q     *ops.Value
	zero  *ops.Value // nil: 0
	scale []float32
	axis  int
}

// dequantised returns the integers that v is dequantised from with constant numbers; nil
// where it is not.
func dequantised(v *ops.Value) *quantised {
	if v == nil || v.Producer == nil || v.Producer.Domain != ops.Internal || v.Producer.Op != "Dequantize" {
		return nil
	}
	n := v.Producer
	zero := n.Input(2)
	if n.In[1].Const == nil || n.In[1].Param || zero != nil && zero.Const == nil || n.In[0].Param {
		return nil
	}
	return &quantised{q: n.In[0], zero: zero, scale: n.In[1].Const.F32(), axis: n.Int("axis", 0)}
}

// whole returns the bytes that v is dequantised from with one scale while a run computes
// them; nil where it is not.
func whole(v *ops.Value) *quantised {
	d := dequantised(v)
	if d == nil || len(d.scale) != 1 || d.q.Const != nil || !ops.IsByte(d.q.DType) || !usable(d.scale[0]) {
		return nil
	}
	return d
}

// usable reports whether a scale is positive and finite.
func usable(scale float32) bool { return scale > 0 && scale <= math.MaxFloat32 }

// point is the one zero point.
func (d *quantised) point() int32 {
	if d.zero == nil {
		return 0
	}
	return int32(d.zero.Const.Number(0))
}

// quantiser is the grid and the scale of a Quantize with constant numbers.
func quantiser(n *ops.Node) (scale float32, g quant.Grid, ok bool) {
	if n.Domain != ops.Internal || n.Op != "Quantize" || n.In[1].Const == nil || n.In[1].Param {
		return 0, g, false
	}
	if z := n.Input(2); z != nil {
		if z.Const == nil {
			return 0, g, false
		}
		g.Zero = int32(z.Const.Number(0))
	}
	g.Lo, g.Hi = ops.ByteRange(n.Out[0].DType)
	scale = n.In[1].Const.F32()[0]
	return scale, g, usable(scale)
}

// clamped narrows a grid to the numbers from lo to hi, as they are rounded to it.
func clamped(g quant.Grid, scale, lo, hi float32) quant.Grid {
	at := func(v float32) int32 {
		return int32(min(max(math.RoundToEven(float64(v/scale))+float64(g.Zero), float64(g.Lo)), float64(g.Hi)))
	}
	g.Lo, g.Hi = at(lo), at(hi)
	return g
}

// requantise makes the convolution, the product or the sum of dequantised numbers that n
// quantises one of integers. What is between, bounds alone, becomes bounds of the
// integers: rounding keeps the order of numbers.
func (f *fuser) requantise(n *ops.Node) *ops.Node {
	scale, g, ok := quantiser(n)
	if !ok {
		return nil
	}
	p := f.sole(n.In[0])
	for p != nil {
		lo, hi, ok := clampOf(p)
		if !ok {
			break
		}
		g = clamped(g, scale, lo, hi)
		p = f.sole(p.In[0])
	}
	switch {
	case p == nil:
	case isConv(p):
		return f.integerConv(n, p, scale, g)
	case isProduct(p):
		return f.integerProduct(n, p, scale, g)
	case is(p, "Add"):
		return f.integerSum(n, p, scale, g)
	}
	return nil
}

// rounded says how sums of products of x and w are rounded to n's grid; nil where the
// numbers do not fit. A bias must be of integers with the scale of the products.
func rounded(n *ops.Node, x, w *quantised, bias *ops.Value, channels int, scale float32, g quant.Grid) *ops.Rounded {
	r := ops.NewRounded(x.scale[0], w.scale, scale, g.Zero, n.Out[0].DType)
	if r == nil {
		return nil
	}
	r = r.ForChannels(channels)
	r.Lo, r.Hi = g.Lo, g.Hi
	if bias == nil {
		return r
	}
	b := dequantised(bias)
	if b == nil || b.q.DType != tensor.Int32 || b.q.Const == nil || b.q.Len() != channels ||
		b.zero != nil && b.zero.Const.Number(0) != 0 {
		return nil
	}
	for c := range channels {
		of := func(s []float32) float64 { return float64(s[min(c, len(s)-1)]) }
		if want := of(x.scale) * of(w.scale); math.Abs(of(b.scale)-want) > 1e-6*want {
			return nil
		}
	}
	if b.zero != nil && slices.ContainsFunc(b.zero.Const.I32(), func(z int32) bool { return z != 0 }) {
		return nil
	}
	r.Bias = b.q.Const.I32()
	return r
}

// integer returns an operator on bytes of the given name in n's place; nil where it cannot be one.
func (f *fuser) integer(op string, like *ops.Node, attrs ops.Attrs, in ...*ops.Value) *ops.Node {
	by := f.node(ops.Internal, op, like, attrs, in...)
	if by == nil || !by.FitsBytes() {
		return nil
	}
	return by
}

func (f *fuser) integerConv(n, p *ops.Node, scale float32, g quant.Grid) *ops.Node {
	x, w := whole(p.In[0]), dequantised(p.In[1])
	if x == nil || w == nil || p.Input(3) != nil || len(w.scale) > 1 && w.axis != 0 {
		return nil
	}
	if c, ok := p.Attrs["clamp"].([]float32); ok {
		g = clamped(g, scale, c[0], c[1])
	}
	r := rounded(n, x, w, p.Input(2), p.In[1].Shape[0], scale, g)
	if r == nil {
		return nil
	}
	attrs := ops.Attrs{}
	maps.Copy(attrs, p.Attrs)
	delete(attrs, "clamp")
	attrs["rounded"] = r
	return f.integer("IntegerConv", p, attrs, x.q, w.q, x.zero, w.zero)
}

// integerProduct takes products of the rows of a tensor, as they lie, with a matrix.
func (f *fuser) integerProduct(n, p *ops.Node, scale float32, g quant.Grid) *ops.Node {
	s := productOf(p)
	x, w := whole(p.In[0]), dequantised(p.In[1])
	rows := len(s.Batch) == 0 && s.Alpha == 1 && s.A.Offset == 0 && s.A.Col == 1 && s.A.Row == s.K && s.C.Offset == 0 &&
		s.C.Col == 1 && s.C.Row == s.N
	if x == nil || w == nil || !rows || p.Input(3) != nil || len(w.q.Shape) != 2 || !wholeB(s, p.In[1]) {
		return nil
	}
	columns := 1 // of the matrix as it is stored: the axis of the result's channels
	switch {
	case s.B.Row == s.N && s.B.Col == 1 && w.q.Shape[0] == s.K:
	case s.B.Row == 1 && s.B.Col == s.K && w.q.Shape[0] == s.N:
		columns = 0
	default:
		return nil
	}
	if len(w.scale) > 1 && w.axis != columns {
		return nil
	}
	if s.Clamp != nil {
		g = clamped(g, scale, s.Clamp[0], s.Clamp[1])
	}
	r := rounded(n, x, w, p.Input(2), s.N, scale, g)
	if r == nil {
		return nil
	}
	by := f.integer("IntegerProduct", p, ops.Attrs{"rounded": r, "transposed": int64(1 - columns)}, x.q,
		w.q, x.zero, w.zero)
	if by == nil || by.In[0].Len()/s.K*s.N != n.Out[0].Len() {
		return nil
	}
	return by
}

// integerSum takes sums of two tensors of one shape.
func (f *fuser) integerSum(n, p *ops.Node, scale float32, g quant.Grid) *ops.Node {
	a, b := whole(p.In[0]), whole(p.In[1])
	if a == nil || b == nil || a.q.DType != b.q.DType || n.Out[0].DType != a.q.DType ||
		!slices.Equal(a.q.Shape, b.q.Shape) {
		return nil
	}
	sum := quant.NewSum(a.q.DType == tensor.Int8, a.scale[0], a.point(), b.scale[0], b.point(), scale, g)
	return f.node(ops.Internal, "AddQuantized", p, ops.Attrs{"sum": sum}, a.q, b.q)
}

// moveBytes has the bytes moved instead of the numbers that they stand for.
func (f *fuser) moveBytes(n *ops.Node) *ops.Node {
	if !is(n, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose") {
		return nil
	}
	p, x := f.sole(n.In[0]), whole(n.In[0])
	if p == nil || x == nil || slices.ContainsFunc(n.In[1:],
		func(v *ops.Value) bool { return v != nil && v.Const == nil }) {
		return nil
	}
	by := f.moved(n, x.q)
	back := f.node(ops.Internal, "Dequantize", n, p.Attrs, append([]*ops.Value{p.Out[0]}, p.In[1:]...)...)
	f.replace(p, by)
	*p = *by
	p.Out[0].Producer, p.Out[0].DType, p.Out[0].Shape = p, x.q.DType, n.Out[0].Shape
	return back
}

// moved is n with q as operand 0.
func (f *fuser) moved(n *ops.Node, q *ops.Value) *ops.Node {
	by := f.node("", n.Op, n, n.Attrs, append([]*ops.Value{q}, n.In[1:]...)...)
	by.Opset, by.Def = n.Opset, n.Def
	return by
}

// requantiseMoved leaves out that bytes are dequantised and quantised with the same numbers,
// at once, or with what moves them in between, or takes the greatest of each window.
func (f *fuser) requantiseMoved(n *ops.Node) *ops.Node {
	scale, g, ok := quantiser(n)
	if !ok {
		return nil
	}
	same := func(x *quantised) bool {
		return x != nil && x.scale[0] == scale && x.point() == g.Zero && x.q.DType == n.Out[0].DType
	}
	if x := whole(n.In[0]); same(x) {
		return f.node("", "Identity", n, nil, x.q)
	}
	p := f.sole(n.In[0])
	if !is(p, "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "MaxPool") {
		return nil
	}
	x := whole(p.In[0])
	switch {
	case !same(x) || len(p.Out) > 1 && p.Out[1] != nil:
		return nil
	case p.Op == "MaxPool":
		return f.integer("MaxPoolBytes", p, p.Attrs, x.q)
	}
	return f.moved(p, x.q)
}

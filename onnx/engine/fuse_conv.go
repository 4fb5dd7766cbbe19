package engine

import (
	"maps"
	"slices"

	"memprobe/onnx/ops"
)

func isConv(n *ops.Node) bool {
	return is(n, "Conv") || n != nil && n.Domain == ops.Internal && n.Op == "FusedConv"
}

// conv returns p, a convolution, with other inputs and clamped to the bounds, if
// there are any.
func (f *fuser) conv(p *ops.Node, clamp []float32, in ...*ops.Value) *ops.Node {
	attrs := ops.Attrs{}
	maps.Copy(attrs, p.Attrs)
	if clamp != nil {
		attrs["clamp"] = clamp
	}
	return f.node(ops.Internal, "FusedConv", p, attrs, in...)
}

// residual lets a convolution or a product add the other summand to its result.
func (f *fuser) residual(n *ops.Node) *ops.Node {
	if !is(n, "Add") || !float(n) {
		return nil
	}
	for i, v := range n.In {
		p, other := f.sole(v), n.In[1-i]
		if p == nil || other.Const != nil || !slices.Equal(v.Shape, other.Shape) || p.Input(3) != nil {
			continue
		}
		switch {
		case isConv(p) && !p.Has("clamp") && p.Fusible():
			return f.conv(p, nil, p.In[0], p.In[1], p.Input(2), other)
		case isProduct(p) && productOf(p).Clamp == nil && p.Out[0].Len() > 0:
			return f.node(ops.Internal, "Product", p, p.Attrs, p.In[0], p.In[1], p.Input(2), other)
		}
	}
	return nil
}

// zeroPad is the Pad that nobody else reads whose result v is, if it puts zeros around
// planes, and how many before and after each axis.
func (f *fuser) zeroPad(v *ops.Value) (pad *ops.Node, before, after []int) {
	pad = f.sole(v)
	if !is(pad, "Pad") || pad.Str("mode", "constant") != "constant" || len(v.Shape) != 4 {
		return nil, nil, nil
	}
	if v := pad.Input(2); v != nil {
		if c, ok := constant(v); !ok || c != 0 {
			return nil, nil, nil
		}
	} else if pad.Float("value", 0) != 0 {
		return nil, nil, nil
	}
	before, after, err := pad.Pads()
	if err != nil || before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0 ||
		min(slices.Min(before), slices.Min(after)) < 0 {
		return nil, nil, nil
	}
	return pad, before[2:], after[2:]
}

// padConv folds zeros that a Pad adds around the planes into the convolution's
// own padding.
func (f *fuser) padConv(n *ops.Node) *ops.Node {
	if !isConv(n) || n.Str("auto_pad", "NOTSET") != "NOTSET" {
		return nil
	}
	pad, before, after := f.zeroPad(n.In[0])
	if pad == nil {
		return nil
	}
	own := n.Ints("pads", []int{0, 0, 0, 0})
	pads := make([]int64, 4)
	for i := range 2 {
		pads[i], pads[i+2] = int64(own[i]+before[i]), int64(own[i+2]+after[i])
	}
	by := f.conv(n, nil, append([]*ops.Value{pad.In[0]}, n.In[1:]...)...)
	by.Attrs["pads"] = pads
	if !by.Fusible() {
		return nil
	}
	return by
}

// padAverage folds zeros that a Pad adds around the planes into the padding of an
// AveragePool without any, which then counts it.
func (f *fuser) padAverage(n *ops.Node) *ops.Node {
	if !is(n, "AveragePool") || n.Str("auto_pad", "NOTSET") != "NOTSET" || n.Int("ceil_mode", 0) != 0 ||
		slices.ContainsFunc(n.Ints("pads", nil), func(p int) bool { return p != 0 }) {
		return nil
	}
	pad, before, after := f.zeroPad(n.In[0])
	if pad == nil {
		return nil
	}
	pads := make([]int64, 4)
	for i, size := range n.Ints("kernel_shape", nil) {
		if max(before[i], after[i]) >= size {
			return nil
		}
		pads[i], pads[i+2] = int64(before[i]), int64(after[i])
	}
	attrs := maps.Clone(n.Attrs)
	attrs["pads"], attrs["count_include_pad"] = pads, int64(1)
	return f.node("", "AveragePool", n, attrs, pad.In[0])
}

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

// padConv folds zeros that a Pad adds around the planes into the convolution's
// own padding.
func (f *fuser) padConv(n *ops.Node) *ops.Node {
	if !isConv(n) || n.Str("auto_pad", "NOTSET") != "NOTSET" {
		return nil
	}
	pad := f.sole(n.In[0])
	if !is(pad, "Pad") || pad.Str("mode", "constant") != "constant" || len(n.In[0].Shape) != 4 {
		return nil
	}
	if v := pad.Input(2); v != nil {
		if c, ok := constant(v); !ok || c != 0 {
			return nil
		}
	} else if pad.Float("value", 0) != 0 {
		return nil
	}
	before, after, err := pad.Pads()
	if err != nil || before[0] != 0 || before[1] != 0 || after[0] != 0 || after[1] != 0 || min(slices.Min(before), slices.Min(after)) < 0 {
		return nil
	}
	own := n.Ints("pads", []int{0, 0, 0, 0})
	pads := make([]int64, 4)
	for i := range 2 {
		pads[i], pads[i+2] = int64(own[i]+before[i+2]), int64(own[i+2]+after[i+2])
	}
	by := f.conv(n, nil, append([]*ops.Value{pad.In[0]}, n.In[1:]...)...)
	by.Attrs["pads"] = pads
	if !by.Fusible() {
		return nil
	}
	return by
}

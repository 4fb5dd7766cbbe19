package ops

import (
	"memprobe/internal/kernel"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tensor"
)

var convolutions = []Def{
	{Op: "Conv", Since: 1, Infer: inferConv, Bind: bindConv},
	{Op: "ConvTranspose", Since: 1, Infer: inferConvTranspose, Bind: bindConvTranspose},
}

// conv resolves a convolution's attributes.
func (n *Node) conv() (s kernel.ConvSpec, out []int, err error) {
	if err := n.Want(2, 3); err != nil {
		return s, nil, err
	}
	x, w := n.In[0], n.In[1]
	if len(w.Shape) != len(x.Shape) || len(w.Shape) < 3 {
		return s, nil, n.Errorf("weight has shape %v for input %v", w.Shape, x.Shape)
	}
	kw, kh := w.Shape[len(w.Shape)-1], 1
	if len(w.Shape) == 4 {
		kh = w.Shape[2]
	}
	if h, k, err := n.sized("kernel_shape", len(x.Shape)-2, kw); err != nil {
		return s, nil, err
	} else if n.Has("kernel_shape") && (h != kh || k != kw) {
		return s, nil, n.Errorf("kernel_shape %v does not fit weight %v", n.Ints("kernel_shape", nil), w.Shape)
	}
	if kh < 1 || kw < 1 {
		return s, nil, n.Errorf("weight has shape %v", w.Shape)
	}
	win, err := n.slide(x, kh, kw, false)
	if err != nil {
		return s, nil, err
	}
	group := n.Int("group", 1)
	m := w.Shape[0]
	if group < 1 || m%group != 0 || win.c != w.Shape[1]*group {
		return s, nil, n.Errorf("input %v and weight %v do not fit with group %d", x.Shape, w.Shape, group)
	}
	if b := n.Input(2); b != nil && b.Len() != m {
		return s, nil, n.Errorf("bias has %d elements, want %d", b.Len(), m)
	}
	s = kernel.ConvSpec{N: win.n, C: win.c, H: win.h, W: win.w, M: m, KH: kh, KW: kw,
		StrideH: win.sh, StrideW: win.sw, DilationH: win.dh, DilationW: win.dw,
		PadTop: win.top, PadLeft: win.left, PadBottom: win.bottom, PadRight: win.right,
		Group: group, Bias: n.Input(2) != nil}
	return s, win.shape(m), nil
}

func inferConv(n *Node) error {
	_, out, err := n.conv()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, out)
}

func bindConv(n *Node, e *Env) (func(), error) {
	s, _, err := n.conv()
	if err != nil {
		return nil, err
	}
	x, w, y := e.In[0], e.In[1], e.Out[0]
	b := &tensor.Tensor{}
	if s.Bias {
		b = e.In[2]
	}
	switch {
	case y.Len() == 0 || x.Len() == 0:
		return func() {}, nil
	case x.DType == tensor.Float64:
		return func() { ref.Conv(s, y.F64, x.F64, w.F64, b.F64, nil) }, nil
	case x.DType != tensor.Float32:
		return nil, n.Errorf("input is %v, want float32", x.DType)
	}
	c := kernel.NewConv(e.Pool, s)
	scratch := e.Scratch(c.Scratch())
	if v := n.In[1]; v.Const != nil && !v.Param {
		packed := c.Prepack(w.F32)
		return func() { c.RunPacked(y.F32, x.F32, packed, b.F32, nil, scratch()) }, nil
	}
	return func() { c.Run(y.F32, x.F32, w.F32, b.F32, nil, scratch()) }, nil
}

// deconv resolves a transposed convolution as the convolution whose data
// gradient it is: that one maps the output to the input.
func (n *Node) deconv() (s kernel.ConvSpec, out []int, err error) {
	if err := n.Want(2, 3); err != nil {
		return s, nil, err
	}
	x, w := n.In[0], n.In[1]
	if len(x.Shape) != 4 || len(w.Shape) != 4 {
		return s, nil, n.Errorf("input %v and weight %v; two spatial dimensions are supported", x.Shape, w.Shape)
	}
	group := n.Int("group", 1)
	if group < 1 || x.Shape[1] != w.Shape[0] || w.Shape[0]%group != 0 || w.Shape[2] < 1 || w.Shape[3] < 1 {
		return s, nil, n.Errorf("input %v and weight %v do not fit with group %d", x.Shape, w.Shape, group)
	}
	s = kernel.ConvSpec{N: x.Shape[0], C: w.Shape[1] * group, M: x.Shape[1], KH: w.Shape[2], KW: w.Shape[3], Group: group}
	if b := n.Input(2); b != nil && b.Len() != s.C {
		return s, nil, n.Errorf("bias has %d elements, want %d", b.Len(), s.C)
	}
	if s.StrideH, s.StrideW, err = n.sized("strides", 2, 1); err != nil {
		return s, nil, err
	}
	if s.DilationH, s.DilationW, err = n.sized("dilations", 2, 1); err != nil {
		return s, nil, err
	}
	extra, pads, want := n.Ints("output_padding", []int{0, 0}), n.Ints("pads", []int{0, 0, 0, 0}), n.Ints("output_shape", nil)
	if len(extra) != 2 || len(pads) != 4 || want != nil && len(want) < 2 {
		return s, nil, n.Errorf("has %d values of output_padding, %d of pads and %d of output_shape, want 2, 4 and 2", len(extra), len(pads), len(want))
	}
	for _, v := range append(append([]int{}, extra...), pads...) {
		if v < 0 || v > 1<<20 {
			return s, nil, n.Errorf("pads %v and output_padding %v must not be negative", pads, extra)
		}
	}
	full := [2]int{
		s.StrideH*(x.Shape[2]-1) + extra[0] + s.DilationH*(s.KH-1) + 1,
		s.StrideW*(x.Shape[3]-1) + extra[1] + s.DilationW*(s.KW-1) + 1,
	}
	stride := [2]int{s.StrideH, s.StrideW}
	auto := n.Str("auto_pad", "NOTSET")
	for i := range 2 {
		total := -1
		switch {
		case want != nil:
			full[i] = max(full[i], want[len(want)-2+i]) // what is beyond the windows is zero
			total = full[i] - want[len(want)-2+i]
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			total = max(0, full[i]-x.Shape[2+i]*stride[i])
		case auto == "VALID":
			total = 0
		}
		if total >= 0 {
			pads[i], pads[2+i] = total/2, total-total/2
			if want != nil && auto != "SAME_UPPER" || auto == "SAME_LOWER" {
				pads[i], pads[2+i] = pads[2+i], pads[i]
			}
		}
	}
	s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = pads[0], pads[1], pads[2], pads[3]
	s.H, s.W = full[0]-pads[0]-pads[2], full[1]-pads[1]-pads[3]
	if s.H < 1 || s.W < 1 {
		return s, nil, n.Errorf("padding %v leaves nothing of the output", pads)
	}
	return s, []int{s.N, s.C, s.H, s.W}, nil
}

func inferConvTranspose(n *Node) error {
	_, out, err := n.deconv()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, out)
}

func bindConvTranspose(n *Node, e *Env) (func(), error) {
	s, _, err := n.deconv()
	if err != nil {
		return nil, err
	}
	if err := s.Validate(); err != nil || s.OutH() != n.In[0].Shape[2] || s.OutW() != n.In[0].Shape[3] {
		return nil, n.Errorf("padding and output_padding do not fit input %v", n.In[0].Shape)
	}
	x, w, y := e.In[0], e.In[1], e.Out[0]
	plane := s.H * s.W
	if x.DType != tensor.Float32 {
		return nil, n.Errorf("input is %v, want float32", x.DType)
	}
	g := kernel.NewConvGradX(e.Pool, s)
	scratch := e.Scratch(g.Scratch())
	return func() {
		g.Run(y.F32, x.F32, w.F32, scratch())
		if n.Input(2) == nil {
			return
		}
		for i := range s.N * s.C {
			p := y.F32[i*plane : (i+1)*plane]
			kernel.AddScalar(p, p, e.In[2].F32[i%s.C])
		}
	}, nil
}

package ops

import (
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/tensor"
)

// halved is the product p of n as one of halves, see [gemm.Halved], where its B is constant and
// its rows are known not to lie in different samples where they are added.
func halved(n *Node, e *Env, p *Product) (s gemm.Halved, ok bool) {
	b := n.In[1]
	if b.Const == nil || b.Param || p.Alpha != 1 || p.K%2 != 0 || !gemm.HalvesColumns(p.N) || len(p.Batch) > 1 ||
		len(p.Batch) == 1 && p.B.Batch[0] != 0 {
		return s, false
	}
	outer, inner := samples(n, e.Images, p)
	if outer == 0 {
		return s, false
	}
	s = gemm.Halved{Outer: outer, Len: p.M / inner, Inner: inner, K: p.K, N: p.N, Bias: n.Input(2) != nil, Residual: n.Input(3) != nil,
		A: gemm.Places{Row: p.A.Row, Col: p.A.Col}, C: gemm.Places{Row: p.C.Row, Col: p.C.Col}}
	if len(p.Batch) == 1 {
		s.A.Outer, s.C.Outer = p.A.Batch[0], p.C.Batch[0]
	} else {
		s.Len /= outer
		s.A.Outer, s.C.Outer = s.Len*inner*s.A.Row, s.Len*inner*s.C.Row
	}
	s.LDB, s.TransB = p.B.layout()
	if p.Clamp != nil {
		s.Act, s.Lo, s.Hi = tile.ActClip, p.Clamp[0], p.Clamp[1]
	}
	return s, s.Len > 1 && (inner == 1 || s.A.Col == 1 && s.C.Col == 1)
}

// samples cuts the rows of a product into outer times others times inner, so that two rows of the same
// outer and the same inner place are of one of the images that a run takes; outer is 0 where that
// is not known.
func samples(n *Node, images int, p *Product) (outer, inner int) {
	if images == 0 {
		return 0, 0
	}
	if len(p.Batch) == 1 {
		if images == 1 || p.Batch[0] == images && p.M != images || p.Batch[0]%images == 0 && p.M%images != 0 {
			return p.Batch[0], 1
		}
		return 0, 0
	}
	if images == 1 {
		return 1, 1
	}
	dims := n.Out[0].Shape
	if dims = dims[:len(dims)-1]; p.C.Col != 1 || tensor.Len(dims) != p.M {
		return 0, 0
	}
	axis := -1
	for i, d := range dims {
		if d == images && axis >= 0 {
			return 0, 0
		} else if d == images {
			axis = i
		}
	}
	switch {
	case axis > 0:
		return 1, tensor.Len(dims[axis:])
	case axis == 0:
		return images, 1
	case len(dims) > 1 && dims[0]%images == 0 && tensor.Len(dims[1:])%images != 0: // windows of images
		return dims[0], 1
	}
	return 0, 0
}

// bindHalved binds a product that is faster by halves; run is nil where it is not.
func bindHalved(n *Node, e *Env, p *Product) (run func(), err error) {
	s, ok := halved(n, e, p)
	if !ok || !s.Worthwhile() {
		return nil, nil
	}
	g := gemm.NewStrassen(e.Pool, s)
	if err := n.packs(g.PackedLen()); err != nil {
		return nil, err
	}
	packed := e.constants(g.PackedLen(), func(to []float32) {
		g.Pack(to, e.In[1].F32()[p.B.Offset:])
		e.packed(e.In[1].F32())
	})
	none := &tensor.Tensor{}
	a, c, bias, residual := e.In[0], e.Out[0], none, none
	if s.Bias {
		bias = e.In[2]
	}
	if s.Residual {
		residual = e.In[3]
	}
	apart := 0 // floats of a residual that may not be the result's memory
	if s.Residual && s.C.Row == 1 {
		apart = residual.Len()
	}
	scratch := e.Scratch(apart + g.Scratch())
	return func() {
		own, r := scratch(), residual.F32()
		if apart > 0 && &r[0] == &c.F32()[0] {
			copy(own, r)
			r = own[:apart]
		}
		if s.Residual {
			r = r[p.C.Offset:]
		}
		g.Run(c.F32()[p.C.Offset:], a.F32()[p.A.Offset:], packed, bias.F32(), r, own[apart:])
	}, nil
}

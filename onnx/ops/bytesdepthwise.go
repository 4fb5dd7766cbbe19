package ops

import (
	"memprobe/internal/kernel/conv"
	"memprobe/internal/kernel/quant"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// mostExact bounds the integers that float32 holds one and all.
const mostExact = 1 << 24

// narrow reports whether a convolution of bytes has groups that would leave most of a tile
// empty, and sums that float32 holds exactly, in whatever order they are added.
func (n *Node) narrow(s conv.Spec) bool {
	if s.Group == 1 || s.C/s.Group > 1 || s.M/s.Group > 2 {
		return false
	}
	limit := mostExact - int64(s.KH*s.KW)*255*255
	if r := n.rounded(); r != nil {
		for _, b := range r.Bias {
			limit = min(limit, mostExact-int64(s.KH*s.KW)*255*255-max(int64(b), -int64(b)))
		}
	}
	return limit > 0
}

// bindNarrow computes a convolution of bytes in float32, exactly.
func (n *Node) bindNarrow(e *Env, s conv.Spec) (func(), error) {
	x, zero, y, r := e.In[0], optional(e.In, 2), e.Out[0], n.rounded()
	w, weights := n.byteWeights(), make([]float32, n.In[1].Len())
	per := len(weights) / s.M
	for m := range s.M {
		z := int32(0)
		if len(w.Zero) > 0 {
			z = w.Zero[min(m, len(w.Zero)-1)]
		}
		quant.Dequantize(weights[m*per:][:per], w.W[m*per:], w.Signed, 1, z)
	}
	bias := make([]float32, s.M)
	if r != nil && r.Bias != nil {
		for m, b := range r.Bias {
			bias[m] = float32(b)
		}
	}
	s.Bias, s.Constant = true, true
	p := conv.New(e.Pool, s)
	if err := n.packs(p.PackedLen()); err != nil {
		return nil, err
	}
	packed := p.Prepack(weights)
	work := p.Scratch()
	scratch := e.Scratch(work + x.Len() + y.Len())
	var numbers, sums []float32
	widen := func(_, chunk int) {
		from, to := parallel.Range(chunk, span, x.Len())
		quant.Dequantize(numbers[from:to], x.Bytes()[from:to], x.DType == tensor.Int8, 1, firstOf(zero))
	}
	plane := tensor.Len(y.Shape[2:])
	var grid quant.Grid
	if r != nil {
		grid = r.result().Grid
	}
	store := func(_, chunk int) {
		at := sums[chunk*plane:][:plane]
		if r != nil {
			quant.RoundScaled(y.Bytes()[chunk*plane:][:plane], at, r.Scale[chunk%s.M], grid)
			return
		}
		for i, v := range at {
			y.I32()[chunk*plane+i] = int32(v)
		}
	}
	return func() {
		all := scratch()
		numbers, sums = all[work:][:x.Len()], all[work+x.Len():]
		e.Pool.For(parallel.Chunks(x.Len(), span), widen)
		p.RunPacked(sums, numbers, packed, bias, nil, all[:work])
		e.Pool.For(s.N*s.M, store)
	}, nil
}

package ops

import (
	"slices"

	"memprobe/internal/kernel/conv"
	"memprobe/internal/kernel/quant"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// byteConvs are convolutions of bytes: x, constant weights, the zero point of x and the
// constant one of the weights.
var byteConvs = []Def{
	{Op: "IntegerConv", Domain: Internal, Since: 1, NotDifferentiable: "its result is an integer",
		Infer: inferIntegerConv, Bind: bindIntegerConv},
}

func inferIntegerConv(n *Node) error {
	c, err := n.conv(n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return err
	}
	if _, flat := c.spec(); !flat || c.n == 0 {
		return n.Errorf("input has shape %v, want images of at most two dimensions", n.In[0].Shape)
	}
	if err := n.bytesWith(c.m, tensor.Len(n.In[1].Shape[1:])); err != nil {
		return err
	}
	return n.SetOut(0, n.rounded().dtype(), slices.Concat([]int{c.n, c.m}, c.own(c.out)))
}

func bindIntegerConv(n *Node, e *Env) (func(), error) {
	c, err := n.conv(n.In[0].Shape, n.In[1].Shape)
	if err != nil {
		return nil, err
	}
	s, _ := c.spec()
	if n.narrow(s) {
		return n.bindNarrow(e, s)
	}
	if err := n.packs(quant.PackedLen(s) / 4); err != nil {
		return nil, err
	}
	x, zero, y := e.In[0], optional(e.In, 2), e.Out[0]
	p := quant.NewConv(e.Pool, s, x.DType == tensor.Int8, n.byteWeights(), n.rounded().result())
	scratch := e.Scratch(p.Scratch())
	if n.rounded() == nil {
		return func() { p.RunSums(y.I32(), x.Bytes(), firstOf(zero), scratch()) }, nil
	}
	return func() { p.Run(y.Bytes(), x.Bytes(), firstOf(zero), scratch()) }, nil
}

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
	packed := e.constants(p.PackedLen(), func(to []float32) { p.Prepack(to, weights) })
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

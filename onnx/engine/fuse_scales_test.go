package engine

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Scales that a convolution takes over are applied where its weights are packed: no plan
// holds a scaled copy of them, and the bits are those of weights that were scaled before.
func TestScalesAreNoCopy(t *testing.T) {
	const m, c = 9, 4
	weights, bias := values(1, m, c, 3, 3), values(2, m)
	first, second := values(3, m), values(4, 1)
	build := func(w, b *tensor.Tensor, scaled bool) (*program, string) {
		f := fusion{inputs: image, build: func(s sketch) *ops.Value {
			y := s.Op("Conv", ops.Attrs{"pads": []int64{1, 1, 1, 1}}, s.x[0], s.Const(w), s.Const(b))
			if !scaled {
				y = s.Op("Mul", nil, y, s.Const(first.Reshape(m, 1, 1)))
				y = s.Op("Mul", nil, y, s.Const(second))
			}
			return s.Op("Relu", nil, y)
		}}
		p, out := f.program(t)
		p.fuse(rewrites, p.named([]string{out}))
		if got := p.operators(); got != "FusedConv" {
			t.Fatalf("%q run, want FusedConv", got)
		}
		return p, out
	}
	p, out := build(weights, bias, false)
	if got := p.nodes[0].In[1].Const; got != weights {
		t.Error("the weights of the fused convolution are a copy")
	}
	w, b := tensor.New(tensor.Float32, weights.Shape...), tensor.New(tensor.Float32, m)
	for i, x := range weights.F32() {
		w.F32()[i] = x * first.F32()[i/(9*c)] * second.F32()[0]
	}
	for i, x := range bias.F32() {
		b.F32()[i] = x * first.F32()[i] * second.F32()[0]
	}
	q, same := build(w, b, true)
	got, want := p.run(t, out)[out], q.run(t, same)[same]
	if !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Error("scales give other bits than weights that were scaled before")
	}
}

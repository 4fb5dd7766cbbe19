package engine

import (
	"slices"
	"testing"

	kernels "memprobe/internal/kernel/conv"
	"memprobe/onnx/ops"
)

// blocks are inverted residuals as mobile networks have them, with planes of 28x28 to 7x7, and a head.
var blocks = fusion{"inverted residuals", [][]int{{2, 16, 28, 28}}, func(s sketch) *ops.Value {
	point := func(x *ops.Value, m int) *ops.Value {
		return s.Op("Conv", nil, x, s.weights(m, x.Shape[1], 1, 1), s.weights(m))
	}
	depth := func(x *ops.Value, taps, stride int) *ops.Value {
		pad, c := int64(taps/2), x.Shape[1]
		y := s.Op("Conv", ops.Attrs{"group": int64(c), "pads": []int64{pad, pad, pad, pad},
			"strides": []int64{int64(stride), int64(stride)}}, x, s.weights(c, 1, taps, taps), s.weights(c))
		return s.Op("Relu", nil, y)
	}
	expand := func(x *ops.Value, m int) *ops.Value { return s.Op("Relu", nil, point(x, m)) }
	x := point(depth(expand(s.x[0], 48), 5, 2), 32)
	x = s.Op("Add", nil, point(depth(expand(x, 64), 5, 1), 32), x)
	x = s.Op("Add", nil, x, point(depth(expand(x, 64), 3, 1), 32))
	x = point(depth(expand(x, 96), 3, 2), 40) // no whole vectors
	x = s.Op("Add", nil, x, point(depth(expand(x, 80), 3, 1), 40))
	return s.Op("GlobalAveragePool", nil, expand(x, 96))
}, ""}

// Convolutions that hand their results on with channels innermost have the bits of those that
// do not, as where every tensor is wanted.
func TestTurn(t *testing.T) {
	turned := func(p *program) (n int) {
		for _, n1 := range p.nodes {
			if n1.Has("turned") {
				n++
			}
		}
		return n
	}
	p, out := blocks.program(t)
	p.turn(p.fuse(rewrites, p.named([]string{out})))
	want := 0
	if x, _ := kernels.SuitsTurned(kernels.Spec{N: 1, C: 16, H: 14, W: 14, M: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1,
		DilationW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 16}); x {
		want = 15 // all but the head
	}
	if got := turned(p); got != want {
		t.Errorf("%d convolutions with channels innermost, want %d", got, want)
	}
	plain, _ := blocks.program(t)
	var all []string
	for _, n := range plain.nodes {
		all = append(all, n.Out[0].Name)
	}
	plain.turn(plain.fuse(rewrites, plain.named(all)))
	if got := turned(plain); got != 0 {
		t.Errorf("%d convolutions with channels innermost where all is wanted", got)
	}
	if !slices.Equal(p.run(t, out)[out], plain.run(t, all...)[out]) {
		t.Error("other bits than with planes")
	}
}

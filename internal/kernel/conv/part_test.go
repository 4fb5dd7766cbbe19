package conv

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
)

// A plan for some images of a batch has the method, and the bits, of the plan for all of them.
func TestPart(t *testing.T) {
	const batch = 8
	other := 0 // shapes whose method for an image is not that for all
	for _, s := range []Spec{
		kerneltest.SquareConv(batch, 64, 8, 64, 3, 1, 1), kerneltest.SquareConv(batch, 128, 4, 128, 3, 1, 1),
		kerneltest.SquareConv(batch, 32, 7, 48, 3, 1, 1), kerneltest.SquareConv(batch, 64, 9, 32, 3, 2, 1),
		kerneltest.SquareConv(batch, 16, 33, 24, 3, 2, 1), kerneltest.SquareConv(batch, 3, 32, 16, 7, 2, 1),
		kerneltest.SquareConv(batch, 96, 14, 192, 1, 1, 1), kerneltest.SquareConv(batch, 512, 7, 256, 1, 1, 1),
		kerneltest.SquareConv(batch, 64, 7, 128, 1, 2, 1), kerneltest.SquareConv(batch, 512, 14, 512, 1, 1, 1),
		kerneltest.SquareConv(batch, 64, 1, 48, 1, 1, 1), kerneltest.SquareConv(batch, 24, 8, 24, 2, 2, 1),
	} {
		s.Constant, s.Bias = true, true
		whole, one := New(nil, s), s
		one.N = 1
		part := NewPart(nil, one, batch)
		if part.Algorithm() != whole.Algorithm() {
			t.Errorf("%+v: %s for all and %s for an image", s, whole.Algorithm(), part.Algorithm())
		}
		if New(nil, one).Algorithm() != whole.Algorithm() {
			other++
		}
		nx, nw, ny := s.Lengths()
		x, w, bias := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3)
		run := func(p *Plan, y, x []float32) {
			packed := kerneltest.Noise(p.PackedLen(), 4)
			p.Prepack(packed, w)
			p.RunPacked(y, x, packed, bias, nil, kerneltest.Noise(p.Scratch(), 5))
		}
		want, got := kerneltest.Noise(ny, 6), kerneltest.Noise(ny, 7)
		run(whole, want, x)
		for n := range batch {
			run(part, got[n*ny/batch:(n+1)*ny/batch], x[n*nx/batch:(n+1)*nx/batch])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v: other bits by images", s)
		}
	}
	if other == 0 {
		t.Error("the method depends on the batch for none of the shapes")
	}
}

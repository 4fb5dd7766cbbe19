package conv

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/parallel"
)

// Convolutions of patches give the same bits gathered and directly, on any number of threads.
func TestPatchBits(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	for _, d := range [][5]int{ // images, channels, height, output channels, size of the patches
		{2, 3, 64, 40, 16}, {1, 3, 224, 512, 16}, {1, 5, 33, 17, 16}, {3, 3, 32, 30, 8}, {2, 3, 21, 20, 4}, {1, 60, 9, 7, 2}, {2, 1, 7, 12, 7},
	} {
		s := Spec{N: d[0], C: d[1], H: d[2], W: d[2] + 3, M: d[3], KH: d[4], KW: d[4], StrideH: d[4], StrideW: d[4],
			DilationH: 1, DilationW: 1, Group: 1, Bias: d[0] > 1, Residual: d[0] > 2, Constant: true}
		if !isPatches(s) {
			t.Fatalf("%+v: no patches", s)
		}
		nx, nw, ny := s.Lengths()
		x, w, bias, residual := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
		var want []float32
		for i, c := range []method.Conv{newDirect(nil, s), newGathered(nil, s, s), newGathered(pool, s, s)} {
			packed, scratch, y := kerneltest.Noise(c.PackedLen(), 5), kerneltest.Noise(c.Scratch(), 6), kerneltest.Noise(ny, 7)
			c.Pack(packed, w)
			c.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: residual}, scratch)
			kerneltest.Intact(t, y)
			kerneltest.Intact(t, scratch)
			if i == 0 {
				want = y
			} else if !slices.Equal(want, y) {
				t.Fatalf("%+v: way %d gives other bits", s, i)
			}
		}
	}
	for _, s := range []Spec{kerneltest.SquareConv(1, 3, 32, 8, 4, 4, 1), kerneltest.SquareConv(1, 96, 32, 8, 2, 2, 1)} {
		if isPatches(s) {
			t.Errorf("%+v: patches", s)
		}
	}
}

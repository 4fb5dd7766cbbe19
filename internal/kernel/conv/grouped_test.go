package conv

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// With channels as lanes a grouped convolution gives the bits of a direct one, on any number of
// threads.
func TestGroupedBits(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	for _, d := range [][6]int{ // images, channels, size, output channels, stride, groups
		{2, 32, 14, 32, 1, 8}, {1, 20, 30, 20, 1, 5}, {2, 24, 28, 24, 2, 3}, {1, 40, 33, 40, 1, 5}, {2, 64, 14, 32, 1, 2}, {1, 36, 29, 48, 2, 3},
		{3, 64, 7, 64, 1, 2}, {1, 32, 14, 128, 2, 2}, {2, 40, 10, 64, 1, 2}, {1, 8, 120, 16, 1, 4}, {1, 14, 15, 28, 1, 7}, {1, 64, 56, 64, 1, 2},
	} {
		for flags := range 8 {
			s := kerneltest.SquareConv(d[0], d[1], d[2], d[3], 3, d[4], d[5])
			s.Bias, s.Residual, s.Constant = flags&1 > 0, flags&2 > 0, true
			if flags&4 > 0 {
				s.Act, s.Lo, s.Hi = ref.ActClip, -0.5, 2
				s.PadLeft, s.PadBottom, s.H, s.KH = 2, 0, s.H+3, 2
			}
			suited := suitsGrouped(s)
			if suited != tile.HasGroups() {
				t.Fatalf("%+v is suited: %v", s, suited)
			}
			if !suited {
				continue
			}
			nx, nw, ny := s.Lengths()
			x, w, bias, residual := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
			var want []float32
			for i, c := range []method.Conv{newDirect(nil, s), newGrouped(nil, s), newGrouped(pool, s)} {
				packed, scratch, y := kerneltest.Noise(c.PackedLen(), 5), kerneltest.Noise(c.Scratch(), 6), kerneltest.Noise(ny, 7)
				c.Pack(packed, w)
				c.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: residual}, scratch)
				for _, x := range [][]float32{packed, scratch, y} {
					kerneltest.Intact(t, x)
				}
				if i == 0 {
					want = y
				} else if !slices.Equal(want, y) {
					t.Fatalf("%+v: way %d gives other bits", s, i)
				}
			}
		}
	}
}

// What is fetched lies within the operands: the planes that the next chunk reads, and its weights where
// they are others.
func TestGroupedFetches(t *testing.T) {
	s := kerneltest.SquareConv(2, 24, 28, 24, 3, 1, 6)
	s.Constant = true
	c := newGrouped(nil, s)
	c.bands, c.band = 1, s.OutH()
	nx, _, _ := s.Lengths()
	x, packed := make([]float32, nx), make([]float32, c.PackedLen())
	c.groupedRun = groupedRun{Operands: method.Operands{X: x, Packed: packed}}
	inside := func(of []float32, l ref.Lines) bool {
		return within(of, l.At) && within(of, l.At+uintptr(128*(l.Pairs-1)))
	}
	for i := range c.blocks*s.N + 1 {
		planes, weights := c.fetched(i)[0], c.fetched(i)[1]
		if last := i == c.blocks*s.N; last != (planes.Pairs == 0) || !last && !inside(x, planes) {
			t.Errorf("chunk %d: planes %v", i, planes)
		}
		if other := i < c.blocks*s.N && i%s.N == 0; other != (weights.Pairs > 0) || other && !inside(packed, weights) {
			t.Errorf("chunk %d: weights %v", i, weights)
		}
	}
}

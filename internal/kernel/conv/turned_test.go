package conv

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// Turned round, by strips or neither, a pointwise convolution gives the same bits, on any
// number of threads.
func TestPointwiseBits(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	for _, d := range [][4]int{ // images, channels, size, output channels
		{1, 1, 1, 1}, {3, 5, 2, 17}, {2, 300, 5, 40}, {2, 600, 7, 33}, {5, 64, 7, 16}, {1, 20, 13, 100}, {2, 16, 28, 48},
		{9, 513, 3, 65}, {1, 7, 41, 5}, {2, 256, 12, 22}, {1, 3, 8, 6}, {2, 33, 10, 3},
	} {
		for flags := range 8 {
			s := kerneltest.SquareConv(d[0], d[1], d[2], d[3], 1, 1, 1)
			s.Bias, s.Residual = flags&1 > 0, flags&2 > 0
			if flags&4 > 0 {
				s.Act, s.Lo, s.Hi = tile.ActClip, -0.5, 2
			}
			nx, nw, ny := s.Lengths()
			x, w, bias, residual := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
			for _, flipped := range []bool{false, true} {
				var want []float32
				ways := []method.Conv{newPointwise(nil, s, flipped), newTurned(nil, s, flipped), newTurned(pool, s, flipped)}
				if suitsStrips(s) {
					ways = append(ways, newStrips(nil, s, flipped), newStrips(pool, s, flipped))
				}
				for i, c := range ways {
					packed, scratch, y := kerneltest.Noise(c.PackedLen(), 5), kerneltest.Noise(c.Scratch(), 6), kerneltest.Noise(ny, 7)
					c.Pack(packed, w)
					c.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: residual}, scratch)
					kerneltest.Intact(t, y)
					if i == 0 {
						want = y
					} else if !slices.Equal(want, y) {
						t.Fatalf("%+v flipped %v: way %d gives other bits", s, flipped, i)
					}
				}
			}
		}
	}
}

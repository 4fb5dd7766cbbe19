package conv

import (
	"slices"
	"testing"
	"unsafe"

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

// What is read and written with channels innermost has the bits of planes, on any number of threads.
func TestTurnedBits(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	for _, d := range [][4]int{ // images, channels, size, output channels
		{1, 16, 1, 16}, {3, 48, 5, 80}, {2, 336, 7, 48}, {2, 544, 14, 16}, {1, 32, 28, 96}, {3, 272, 4, 112},
	} {
		for flags := range 32 {
			s := kerneltest.SquareConv(d[0], d[1], d[2], d[3], 1, 1, 1)
			s.Bias, s.Residual = flags&1 > 0, flags&2 > 0
			if flags&4 > 0 {
				s.Act, s.Lo, s.Hi = tile.ActClip, -0.5, 2
			}
			nx, nw, ny := s.Lengths()
			x, w, bias, residual := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
			run := func(c method.Conv, x, residual []float32) []float32 {
				packed, scratch, y := kerneltest.Noise(c.PackedLen(), 5), kerneltest.Noise(c.Scratch(), 6), kerneltest.Noise(ny, 7)
				c.Pack(packed, w)
				c.Run(method.Operands{Y: y, X: x, Packed: packed, Bias: bias, Residual: residual}, scratch)
				kerneltest.Intact(t, y)
				return y
			}
			want := run(newPointwise(nil, s, false), x, residual)
			plane := s.H * s.W
			if s.TurnedX = flags&8 > 0; s.TurnedX {
				x = kerneltest.Turned(x, s.C, plane)
			}
			if s.TurnedY = flags&16 > 0; s.TurnedY {
				want, residual = kerneltest.Turned(want, s.M, plane), kerneltest.Turned(residual, s.M, plane)
			}
			for _, p := range []*parallel.Pool{nil, pool} {
				if !slices.Equal(want, run(newTurned(p, s, false), x, residual)) {
					t.Fatalf("%+v: other bits", s)
				}
			}
		}
	}
}

// What is fetched lies within the operands: the weights that come next, all of them in the course
// of a block, and the planes where the sums of the last pass are placed.
func TestTurnedFetches(t *testing.T) {
	for i, d := range [][4]int{{2, 600, 7, 40}, {2, 300, 28, 33}, {3, 20, 5, 70}, {2, 300, 28, 48}} {
		s := kerneltest.SquareConv(d[0], d[1], d[2], d[3], 1, 1, 1)
		s.Residual, s.TurnedY = true, i == 3
		c := newTurned(nil, s, false)
		nx, nw, ny := s.Lengths()
		packed, scratch, y, residual := make([]float32, c.PackedLen()), make([]float32, c.Scratch()), make([]float32, ny), make([]float32, ny)
		c.Pack(packed, make([]float32, nw))
		c.turnedRun = turnedRun{method.Operands{Y: y, X: make([]float32, nx), Packed: packed, Residual: residual}, scratch}
		weights, placed := 0, 0
		for n := range c.images {
			b := pixels{0, c.images, 0, c.band}
			p := pass{0, 0, 2, 0, 2, min(4, c.panels)}
			if s.C > turnedDepth {
				p.nextK, p.next, p.nextEnd = turnedDepth, 0, 2
			}
			pieces := c.pieces[0]
			for i := range c.fetched(pieces, &b, &p, n) {
				switch at := pieces[i].At; {
				case within(packed, at):
					weights += pieces[i].Turns
				case within(y, at) || within(residual, at):
					placed += pieces[i].Turns
				default:
					t.Errorf("%v: a piece lies outside the operands", d)
				}
			}
			if p.nextK > 0 && placed > 0 {
				t.Errorf("%v: the planes are fetched before the last pass", d)
			}
		}
		if weights == 0 || s.C <= turnedDepth && placed == 0 {
			t.Errorf("%v: %d turns of weights, %d of planes", d, weights, placed)
		}
	}
}

// within reports whether the address is in x.
func within(x []float32, at uintptr) bool {
	first := uintptr(unsafe.Pointer(&x[0]))
	return first <= at && at < first+4*uintptr(len(x))
}

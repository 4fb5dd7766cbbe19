package kernel

import (
	"fmt"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// randomConv draws a small valid convolution that may have anything odd.
func randomConv(seed uint64) ConvSpec {
	r := rng.New(seed, rng.Bench, 2)
	for {
		s := ConvSpec{N: 1 + r.IntN(5), H: 1 + r.IntN(21), W: 1 + r.IntN(37), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4),
			StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), DilationH: 1 + r.IntN(2), DilationW: 1 + r.IntN(2),
			PadTop: r.IntN(4), PadLeft: r.IntN(4), PadBottom: r.IntN(4), PadRight: r.IntN(4), Group: 1 + r.IntN(3)}
		s.C, s.M = s.Group*(1+r.IntN(20)), s.Group*(1+r.IntN(20))
		if seed%4 == 0 {
			s.Group, s.C, s.M = 1+r.IntN(40), 1, 1+r.IntN(2)
			s.C, s.M = s.Group*s.C, s.Group*s.M
		}
		if seed%3 == 0 { // the usual shape
			s.KH, s.KW, s.StrideH, s.StrideW, s.DilationH, s.DilationW = 3, 3, 1, 1, 1, 1
			s.PadTop, s.PadLeft, s.PadBottom, s.PadRight = 1, 1, 1, 1
		}
		s.Bias, s.Residual = r.IntN(2) == 0, r.IntN(2) == 0
		s.Act, s.Lo, s.Hi = Activation(r.IntN(4)), -0.25, 0.5
		if s.Validate() == nil {
			return s
		}
	}
}

// usualConv lists the layers of the networks that matter, at a small batch.
var usualConv = []ConvSpec{
	{N: 3, C: 3, H: 32, W: 32, M: 16, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 2, C: 3, H: 64, W: 64, M: 32, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3},
	{N: 2, C: 64, H: 32, W: 32, M: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 2, C: 64, H: 32, W: 32, M: 128, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 2, C: 64, H: 32, W: 32, M: 128, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 3, C: 128, H: 14, W: 14, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 100, H: 2, W: 2, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 300, H: 1, W: 1, M: 70, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 5, C: 300, H: 5, W: 5, M: 130, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 4, C: 30, H: 4, W: 4, M: 50, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 9, C: 128, H: 4, W: 4, M: 100, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 9, C: 256, H: 2, W: 2, M: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1},
	{N: 2, C: 40, H: 15, W: 15, M: 40, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3, Group: 40},
	{N: 2, C: 40, H: 16, W: 16, M: 40, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 40},
	{N: 2, C: 9, H: 32, W: 33, M: 9, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 9},
	{N: 2, C: 9, H: 33, W: 71, M: 9, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 9},
	{N: 2, C: 9, H: 14, W: 14, M: 9, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2, Group: 9},
	{N: 2, C: 9, H: 9, W: 7, M: 9, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 2, PadLeft: 2, PadBottom: 2, PadRight: 2, Group: 9},
	{N: 1, C: 9, H: 19, W: 40, M: 9, KH: 5, KW: 5, StrideH: 1, StrideW: 1, PadTop: 4, PadLeft: 3, Group: 9},
	{N: 1, C: 9, H: 17, W: 35, M: 9, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 2, PadBottom: 2, PadRight: 1, Group: 9},
	{N: 9, C: 40, H: 4, W: 4, M: 40, KH: 7, KW: 7, StrideH: 1, StrideW: 1, PadTop: 3, PadLeft: 3, PadBottom: 3, PadRight: 3, Group: 40},
	{N: 14, C: 70, H: 5, W: 6, M: 70, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 70},
	{N: 1, C: 30, H: 2, W: 2, M: 30, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 30},
	{N: 1, C: 3, H: 64, W: 64, M: 192, KH: 16, KW: 16, StrideH: 16, StrideW: 16},
	{N: 3, C: 90, H: 7, W: 7, M: 50, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 7, C: 50, H: 7, W: 7, M: 90, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
	{N: 2, C: 30, H: 14, W: 13, M: 90, KH: 1, KW: 1, StrideH: 2, StrideW: 2},
	{N: 8, C: 50, H: 7, W: 7, M: 90, KH: 1, KW: 1, StrideH: 1, StrideW: 1},
}

func allConvs() []ConvSpec {
	list := slices.Clone(usualConv)
	for i := range list {
		s := &list[i]
		s.DilationH, s.DilationW, s.Group = 1, 1, max(s.Group, 1)
		s.Bias, s.Residual = i%2 == 0, i%3 == 0
		s.Act, s.Lo, s.Hi = Activation(i/3%3), -0.25, 0.5
	}
	for seed := range uint64(200) {
		list = append(list, randomConv(seed))
	}
	return list
}

// convLike checks a pass for one spec: the same bits for any number of threads,
// close to want, nothing written past the ends.
func convLike(t *testing.T, s ConvSpec, terms int, want []float64,
	plan func(p *parallel.Pool) (name string, scratch int, run func(out, scratch []float32))) {
	t.Helper()
	var first []float32
	for _, threads := range threadCounts {
		p := parallel.New(threads)
		defer p.Close()
		name, n, run := plan(p)
		out, scratch := noise(len(want), 9), noise(n, 8)
		run(out, scratch)
		intact(t, out)
		intact(t, scratch)
		if first == nil {
			first = out
			// A product of at most 1 for each term; Winograd's transforms
			// widen the rounding by a small factor.
			if err := tol.Close(out, want, 4e-7*float64(terms+8), 2e-6); err != nil {
				t.Fatalf("%s %+v: %v", name, s, err)
			}
		} else if !slices.Equal(first, out) {
			t.Fatalf("%s %+v: %d threads give other bits", name, s, threads)
		}
	}
}

func TestConv(t *testing.T) {
	for _, s := range allConvs() {
		nx, nw, ny := s.Lengths()
		x, w, bias, res := noise(nx, 1), noise(nw, 2), noise(s.M, 3), noise(ny, 4)
		want := make([]float64, ny)
		ref.Conv(s, want, wide(x), wide(w), wide(bias), wide(res))
		for _, s.Constant = range []bool{false, true} {
			convLike(t, s, s.C/s.Group*s.KH*s.KW, want, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				c := NewConv(p, s)
				return c.Algorithm(), c.Scratch(), func(out, scratch []float32) {
					c.RunPacked(out, x, c.Prepack(w), bias, res, scratch)
					if s.Constant {
						return
					}
					again := noise(ny, 9)
					c.Run(again, x, w, bias, res, scratch)
					if !slices.Equal(out, again) {
						t.Fatalf("%+v: packed weights give other bits", s)
					}
				}
			})
		}
	}
}

func TestConvGradX(t *testing.T) {
	for _, s := range allConvs() {
		nx, nw, ny := s.Lengths()
		dy, w, want := noise(ny, 1), noise(nw, 2), make([]float64, nx)
		ref.ConvGradX(s, want, wide(dy), wide(w))
		convLike(t, s, s.M/s.Group*s.KH*s.KW, want, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
			g := NewConvGradX(p, s)
			return g.Algorithm(), g.Scratch(), func(out, scratch []float32) { g.Run(out, dy, w, scratch) }
		})
	}
}

func TestConvGradW(t *testing.T) {
	for _, s := range allConvs() {
		nx, nw, ny := s.Lengths()
		x, dy, want := noise(nx, 1), noise(ny, 2), make([]float64, nw)
		ref.ConvGradW(s, want, wide(x), wide(dy))
		convLike(t, s, s.N*s.OutH()*s.OutW(), want, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
			g := NewConvGradW(p, s)
			return g.Algorithm(), g.Scratch(), func(out, scratch []float32) { g.Run(out, x, dy, scratch) }
		})
	}
}

func TestConvDoesNotAllocate(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	for _, s := range append(allConvs()[:12], squareConv(13, 16, 32, 16, 3, 1, 1)) {
		nx, nw, ny := s.Lengths()
		x, w, y, bias := noise(nx, 1), noise(nw, 2), noise(ny, 3), noise(s.M, 4)
		c, gx, gw := NewConv(p, s), NewConvGradX(p, s), NewConvGradW(p, s)
		scratch := make([]float32, max(c.Scratch(), gx.Scratch(), gw.Scratch()))
		out := make([]float32, max(nx, nw, ny))
		for name, f := range map[string]func(){
			"Conv":      func() { c.Run(out, x, w, bias, y, scratch) },
			"ConvGradX": func() { gx.Run(out, y, w, scratch) },
			"ConvGradW": func() { gw.Run(out, x, y, scratch) },
		} {
			if n := testing.AllocsPerRun(3, f); n != 0 {
				t.Errorf("%s of %+v allocates %v times", name, s, n)
			}
		}
	}
}

// BenchmarkConv measures the layers of ResNet-18 at two widths, as images are
// trained: the name has channels in and out, size, kernel and stride.
func BenchmarkConv(b *testing.B) {
	for _, s := range []ConvSpec{
		squareConv(32, 3, 32, 64, 3, 1, 1), squareConv(32, 64, 32, 64, 3, 1, 1), squareConv(32, 64, 32, 128, 3, 2, 1), squareConv(32, 64, 32, 128, 1, 2, 1),
		squareConv(32, 128, 16, 128, 3, 1, 1), squareConv(32, 128, 16, 256, 3, 2, 1), squareConv(32, 128, 16, 256, 1, 2, 1),
		squareConv(32, 256, 8, 256, 3, 1, 1), squareConv(32, 256, 8, 512, 3, 2, 1), squareConv(32, 256, 8, 512, 1, 2, 1), squareConv(32, 512, 4, 512, 3, 1, 1),
		squareConv(64, 3, 32, 16, 3, 1, 1), squareConv(64, 16, 32, 16, 3, 1, 1), squareConv(64, 16, 32, 32, 3, 2, 1), squareConv(64, 16, 32, 32, 1, 2, 1), squareConv(64, 32, 16, 32, 3, 1, 1),
		squareConv(64, 32, 16, 64, 3, 2, 1), squareConv(64, 64, 8, 64, 3, 1, 1), squareConv(64, 64, 8, 128, 3, 2, 1), squareConv(64, 128, 4, 128, 3, 1, 1),
		squareConv(16, 3, 64, 64, 7, 2, 1), squareConv(16, 256, 4, 512, 3, 2, 1), squareConv(16, 256, 4, 512, 1, 2, 1), squareConv(16, 512, 2, 512, 3, 1, 1),
		squareConv(8, 96, 32, 24, 1, 1, 1), squareConv(8, 24, 16, 144, 1, 1, 1), squareConv(8, 320, 2, 1280, 1, 1, 1),
		squareConv(8, 144, 16, 144, 3, 1, 144), squareConv(8, 96, 32, 96, 3, 2, 96), squareConv(8, 96, 16, 96, 7, 1, 96),
	} {
		nx, nw, ny := s.Lengths()
		x, w, y := noise(nx, 1), noise(nw, 2), noise(ny, 3)
		for threads := 1; threads <= 2; threads++ {
			p := parallel.New(threads)
			c, gx, gw := NewConv(p, s), NewConvGradX(p, s), NewConvGradW(p, s)
			scratch := make([]float32, max(c.Scratch(), gx.Scratch(), gw.Scratch()))
			out := make([]float32, max(nx, nw, ny))
			for _, f := range []struct {
				pass, algo string
				run        func()
			}{
				{"fwd", c.Algorithm(), func() { c.Run(out, x, w, nil, nil, scratch) }},
				{"gradx", gx.Algorithm(), func() { gx.Run(out, y, w, scratch) }},
				{"gradw", gw.Algorithm(), func() { gw.Run(out, x, y, scratch) }},
			} {
				name := fmt.Sprintf("n%d_%d-%d_%dx%d_k%ds%dg%d/%s/t%d/%s", s.N, s.C, s.M, s.H, s.W, s.KH, s.StrideH, s.Group, f.pass, threads, f.algo)
				b.Run(name, func(b *testing.B) {
					reportBest(b, 2*float64(ny)*float64(s.C/s.Group*s.KH*s.KW), f.run)
				})
			}
			p.Close()
		}
	}
}

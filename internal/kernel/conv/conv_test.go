package conv

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

func TestConv(t *testing.T) {
	for _, s := range kerneltest.AllConvs() {
		nx, nw, ny := s.Lengths()
		x, w, bias, res := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
		want := make([]float64, ny)
		ref.Conv(s, want, kerneltest.Wide(x), kerneltest.Wide(w), kerneltest.Wide(bias), kerneltest.Wide(res))
		for _, s.Constant = range []bool{false, true} {
			kerneltest.ConvLike(t, s, s.C/s.Group*s.KH*s.KW, want,
				func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
					c := New(p, s)
					return c.Algorithm(), c.Scratch(), func(out, scratch []float32) {
						if !s.Constant {
							c.Run(out, x, w, bias, res, scratch)
							return
						}
						packed := make([]float32, c.PackedLen())
						c.Prepack(packed, w)
						c.RunPacked(out, x, packed, bias, res, scratch)
					}
				})
		}
	}
}

func TestConvGradX(t *testing.T) {
	for _, s := range kerneltest.AllConvs() {
		nx, nw, ny := s.Lengths()
		dy, w, want := kerneltest.Noise(ny, 1), kerneltest.Noise(nw, 2), make([]float64, nx)
		ref.ConvGradX(s, want, kerneltest.Wide(dy), kerneltest.Wide(w))
		residual := kerneltest.Noise(nx, 3)
		if s.Residual {
			for i, r := range residual {
				want[i] += float64(r)
			}
		}
		kerneltest.ConvLike(t, s, s.M/s.Group*s.KH*s.KW, want,
			func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				g := NewGradX(p, s)
				return g.Algorithm(), g.Scratch(), func(out, scratch []float32) { g.Run(out, dy, w, residual, scratch) }
			})
	}
}

func TestConvGradW(t *testing.T) {
	for _, s := range kerneltest.AllConvs() {
		nx, nw, ny := s.Lengths()
		x, dy, want := kerneltest.Noise(nx, 1), kerneltest.Noise(ny, 2), make([]float64, nw)
		ref.ConvGradW(s, want, kerneltest.Wide(x), kerneltest.Wide(dy))
		kerneltest.ConvLike(t, s, s.N*s.OutH()*s.OutW(), want,
			func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				g := NewGradW(p, s)
				return g.Algorithm(), g.Scratch(), func(out, scratch []float32) { g.Run(out, x, dy, scratch) }
			})
	}
}

func TestConvDoesNotAllocate(t *testing.T) {
	p := parallel.New(2)
	defer p.Close()
	for _, s := range append(kerneltest.AllConvs()[:12], kerneltest.SquareConv(13, 16, 32, 16, 3, 1, 1)) {
		nx, nw, ny := s.Lengths()
		x, w, y, bias := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(ny, 3), kerneltest.Noise(s.M, 4)
		c, gx, gw := New(p, s), NewGradX(p, s), NewGradW(p, s)
		scratch := make([]float32, max(c.Scratch(), gx.Scratch(), gw.Scratch()))
		out := make([]float32, max(nx, nw, ny))
		for name, f := range map[string]func(){
			"Conv":      func() { c.Run(out, x, w, bias, y, scratch) },
			"ConvGradX": func() { gx.Run(out, y, w, x, scratch) },
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
	for _, s := range []Spec{
		kerneltest.SquareConv(32, 3, 32, 64, 3, 1, 1), kerneltest.SquareConv(32, 64, 32, 64, 3, 1, 1),
		kerneltest.SquareConv(32, 64, 32, 128, 3, 2, 1), kerneltest.SquareConv(32, 64, 32, 128, 1, 2, 1),
		kerneltest.SquareConv(32, 128, 16, 128, 3, 1, 1), kerneltest.SquareConv(32, 128, 16, 256, 3, 2, 1),
		kerneltest.SquareConv(32, 128, 16, 256, 1, 2, 1),
		kerneltest.SquareConv(32, 256, 8, 256, 3, 1, 1), kerneltest.SquareConv(32, 256, 8, 512, 3, 2, 1),
		kerneltest.SquareConv(32, 256, 8, 512, 1, 2, 1), kerneltest.SquareConv(32, 512, 4, 512, 3, 1, 1),
		kerneltest.SquareConv(64, 3, 32, 16, 3, 1, 1), kerneltest.SquareConv(64, 16, 32, 16, 3, 1, 1),
		kerneltest.SquareConv(64, 16, 32, 32, 3, 2, 1), kerneltest.SquareConv(64, 16, 32, 32, 1, 2, 1),
		kerneltest.SquareConv(64, 32, 16, 32, 3, 1, 1),
		kerneltest.SquareConv(64, 32, 16, 64, 3, 2, 1), kerneltest.SquareConv(64, 64, 8, 64, 3, 1, 1),
		kerneltest.SquareConv(64, 64, 8, 128, 3, 2, 1), kerneltest.SquareConv(64, 128, 4, 128, 3, 1, 1),
		kerneltest.SquareConv(16, 3, 64, 64, 7, 2, 1), kerneltest.SquareConv(16, 256, 4, 512, 3, 2, 1),
		kerneltest.SquareConv(16, 256, 4, 512, 1, 2, 1), kerneltest.SquareConv(16, 512, 2, 512, 3, 1, 1),
		kerneltest.SquareConv(8, 96, 32, 24, 1, 1, 1), kerneltest.SquareConv(8, 24, 16, 144, 1, 1, 1),
		kerneltest.SquareConv(8, 320, 2, 1280, 1, 1, 1),
		kerneltest.SquareConv(8, 144, 16, 144, 3, 1, 144), kerneltest.SquareConv(8, 96, 32, 96, 3, 2, 96),
		kerneltest.SquareConv(8, 96, 16, 96, 7, 1, 96),
	} {
		nx, nw, ny := s.Lengths()
		x, w, y := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(ny, 3)
		for threads := 1; threads <= 2; threads++ {
			p := parallel.New(threads)
			c, gx, gw := New(p, s), NewGradX(p, s), NewGradW(p, s)
			scratch := make([]float32, max(c.Scratch(), gx.Scratch(), gw.Scratch()))
			out := make([]float32, max(nx, nw, ny))
			for _, f := range []struct {
				pass, algo string
				run        func()
			}{
				{"fwd", c.Algorithm(), func() { c.Run(out, x, w, nil, nil, scratch) }},
				{"gradx", gx.Algorithm(), func() { gx.Run(out, y, w, nil, scratch) }},
				{"gradw", gw.Algorithm(), func() { gw.Run(out, x, y, scratch) }},
			} {
				name := fmt.Sprintf("n%d_%d-%d_%dx%d_k%ds%dg%d/%s/t%d/%s",
					s.N, s.C, s.M, s.H, s.W, s.KH, s.StrideH, s.Group, f.pass, threads, f.algo)
				b.Run(name, func(b *testing.B) {
					kerneltest.ReportBest(b, 2*float64(ny)*float64(s.C/s.Group*s.KH*s.KW), f.run)
				})
			}
			p.Close()
		}
	}
}

// TestWinogradError bounds the error against float64 relative to the root mean
// square of the output, for normal inputs, and beside that of direct convolution.
func TestWinogradError(t *testing.T) {
	limits := map[string]float64{"winograd-2": 2, "winograd-4": 6, "winograd-2-stride-2": 2}
	for i := range 6 {
		c := []int{16, 64, 512}[i/2]
		hold := func(pass string, most float64, in, w []float32, want []float64, direct method.Conv, others []method.Conv) {
			scale, out := rms(want), make([]float32, len(want))
			measure := func(a method.Conv) (root, worst float64) {
				_, n, run := kerneltest.RunAlgo(a, in, w, nil, nil)
				run(out, make([]float32, n))
				diff := make([]float64, len(out))
				for i := range diff {
					diff[i] = (float64(out[i]) - want[i]) / scale
					worst = max(worst, math.Abs(diff[i]))
				}
				return rms(diff), worst
			}
			least, worst := measure(direct)
			t.Logf("%d channels, %s: direct %.2g, at most %.2g", c, pass, least, worst)
			for _, a := range others {
				root, worst := measure(a)
				t.Logf("%d channels, %s: %s %.2g, at most %.2g", c, pass, a.Name(), root, worst)
				if !(root <= limits[a.Name()]*least) || !(root <= 2e-6) || !(worst <= most*root) {
					t.Errorf("%d channels, %s: %s errs by %.2g, at most %.2g; direct %.2g", c, pass, a.Name(), root, worst, least)
				}
			}
		}
		stride := 1 + i%2
		s := kerneltest.SquareConv(2, c, 8, 16, 3, stride, 1)
		nx, nw, ny := s.Lengths()
		x, w, y := kerneltest.Normal(nx, 1, 0), kerneltest.Normal(nw, 2, 0), make([]float64, ny)
		ref.Conv(s, y, kerneltest.Wide(x), kerneltest.Wide(w), nil, nil)
		var others []method.Conv
		for _, f := range winograd.Forms(s) {
			others = append(others, winograd.New(nil, s, f))
		}
		hold("fwd", 8, x, w, y, newDirect(nil, s), others)

		s = kerneltest.SquareConv(2, 16, 8*stride, c, 3, stride, 1)
		nx, nw, ny = s.Lengths()
		dy, w, dx := kerneltest.Normal(ny, 1, 0), kerneltest.Normal(nw, 2, 0), make([]float64, nx)
		ref.ConvGradX(s, dx, kerneltest.Wide(dy), kerneltest.Wide(w))
		others = nil
		for _, f := range winograd.GradXForms(s) {
			others = append(others, winograd.NewGradX(nil, s, f))
		}
		// More elements, so that the worst is further out; of stride 2 sums over one, two or four of the taps.
		hold("gradx", 6+3*float64(stride), dy, w, dx, newDirectGradX(nil, s), others)
	}
}

func rms(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x * x
	}
	return math.Sqrt(sum / float64(len(v)))
}

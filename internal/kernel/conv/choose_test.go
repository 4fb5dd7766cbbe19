package conv

import (
	"fmt"
	"math"
	"testing"
	"time"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/tile"
)

// choices lists 3x3 convolutions by the networks that have them.
func choices() []Spec {
	var list []Spec
	layers := func(n, width, size int) {
		for ; size >= 2 && width <= 512; size, width = size/2, 2*width {
			list = append(list, kerneltest.SquareConv(n, width, size, width, 3, 1, 1))
		}
	}
	layers(32, 64, 32) // ResNet-18, small stem
	layers(64, 16, 32)
	layers(16, 64, 16) // torchvision's ResNet-18 at 64x64
	layers(8, 64, 64)  // VGG at 64x64
	layers(1, 64, 32)
	layers(128, 32, 32)
	for _, width := range []int{16, 64} { // ResNet-18, small stem
		for size := 32; size >= 8; size, width = size/2, 2*width {
			list = append(list, kerneltest.SquareConv(64, width, size, 2*width, 3, 2, 1))
		}
	}
	for size, width := 56, 128; size >= 14; size, width = size/2, 2*width { // ResNet-50 at 224x224, at 64x64
		list = append(list, kerneltest.SquareConv(2, width, size, width, 3, 2, 1), kerneltest.SquareConv(8, width, size*2/7, width, 3, 2, 1))
	}
	return append(list, kerneltest.SquareConv(32, 3, 32, 64, 3, 1, 1), kerneltest.SquareConv(32, 8, 32, 8, 3, 1, 1),
		kerneltest.SquareConv(16, 512, 4, 512, 3, 1, 1))
}

// TestDeepChoice shows that layers of many channels and few pixels are convolved by Winograd in
// training: their weights, which change in every step, are most of the work.
func TestDeepChoice(t *testing.T) {
	for _, l := range []struct {
		n, channels, size int
		names             [3]string // forward, data gradient, weight gradient
	}{
		{32, 512, 4, [3]string{"winograd-4", "winograd-4", "winograd-4"}},
		{8, 512, 2, [3]string{"winograd-2", "winograd-2", "winograd-2"}},
	} {
		s := kerneltest.SquareConv(l.n, l.channels, l.size, l.channels, 3, 1, 1)
		got := [3]string{New(nil, s).Algorithm(), NewGradX(nil, s).Algorithm(), NewGradW(nil, s).Algorithm()}
		if got != l.names {
			t.Errorf("%d images, %d channels, %d×%d: %v, want %v", l.n, l.channels, l.size, l.size, got, l.names)
		}
	}
}

// TestPointwiseChoice shows that large planes are strips or packed columns, and small ones rows of tiles or
// halves: the others take up to half as long again. Halves, which have other bits, are chosen alike with and
// without the kernels of strips.
func TestPointwiseChoice(t *testing.T) {
	for _, l := range []struct {
		channels, size, out int
		constant            bool
		name                string
	}{
		{256, 56, 64, true, "gemm-strips"},
		{224, 56, 128, true, "gemm-strips"},
		{256, 28, 512, true, "gemm-strips"},
		{512, 28, 256, true, "gemm"},
		{512, 28, 128, true, "gemm"},
		{1024, 14, 512, true, "gemm-strassen"},
		{512, 7, 2048, true, "gemm-strassen"},
		{512, 7, 2048, false, "gemm-turned"},
	} {
		s := kerneltest.SquareConv(2, l.channels, l.size, l.out, 1, 1, 1)
		s.Constant = l.constant
		got := New(nil, s).Algorithm()
		if got != l.name && (tile.HasQuads() || (got == "gemm-strassen") != (l.name == "gemm-strassen")) {
			t.Errorf("%d channels of %d×%d to %d, constant %t: %s, want %s", l.channels, l.size, l.size, l.out, l.constant, got, l.name)
		}
	}
}

// BenchmarkChoice measures every method that suits a shape, in turn on one thread:
// GFLOP/s of the definition at the best of the rounds, and how many times the best
// method's time the chosen one took.
func BenchmarkChoice(b *testing.B) {
	type candidate struct {
		name string
		run  func()
		best time.Duration
	}
	for _, s := range choices() {
		nx, nw, ny := s.Lengths()
		x, w, y := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(ny, 3)
		forward := func(a method.Conv, out, in []float32) candidate {
			_, n, run := kerneltest.RunAlgo(a, in, w, nil, nil)
			scratch := kerneltest.Noise(n, 4)
			return candidate{a.Name(), func() { run(out, scratch) }, math.MaxInt64}
		}
		weights := func(a method.GradW) candidate {
			dw, scratch := kerneltest.Noise(nw, 5), kerneltest.Noise(a.Scratch(), 4)
			return candidate{a.Name(), func() { a.Run(method.GradOperands{DW: dw, X: x, DY: y}, scratch) }, math.MaxInt64}
		}
		for _, pass := range []struct {
			name, chosen string
			methods      func() []candidate
		}{
			{"fwd", New(nil, s).Algorithm(), func() []candidate {
				list := []candidate{forward(newDirect(nil, s), y, x)}
				for _, f := range winograd.Forms(s) {
					list = append(list, forward(winograd.New(nil, s, f), y, x))
				}
				return list
			}},
			{"gradx", NewGradX(nil, s).Algorithm(), func() []candidate {
				list := []candidate{forward(newDirectGradX(nil, s), x, y)}
				if suitsScattered(s) {
					list = append(list, forward(newScattered(nil, s), x, y))
				}
				for _, f := range winograd.GradXForms(s) {
					list = append(list, forward(winograd.NewGradX(nil, s, f), x, y))
				}
				return list
			}},
			{"gradw", NewGradW(nil, s).Algorithm(), func() []candidate {
				list := []candidate{weights(newOuter(nil, s))}
				for _, f := range winograd.Forms(s) {
					list = append(list, weights(winograd.NewGradW(nil, s, f)))
				}
				return list
			}},
		} {
			b.Run(fmt.Sprintf("n%d_%d-%d_%dx%d_s%d/%s/%s", s.N, s.C, s.M, s.H, s.W, s.StrideH, pass.name, pass.chosen), func(b *testing.B) {
				methods := pass.methods()
				for b.Loop() {
					for i := range methods {
						start := time.Now()
						methods[i].run()
						methods[i].best = min(methods[i].best, time.Since(start))
					}
				}
				best, chosen := time.Duration(math.MaxInt64), time.Duration(0)
				for _, m := range methods {
					b.ReportMetric(2*float64(ny)*float64(s.C*9)/float64(m.best), m.name+"-GFLOP/s")
					if best = min(best, m.best); m.name == pass.chosen {
						chosen = m.best
					}
				}
				b.ReportMetric(float64(chosen)/float64(best), "chosen/best")
			})
		}
	}
}

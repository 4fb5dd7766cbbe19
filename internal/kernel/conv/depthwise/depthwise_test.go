package depthwise

import (
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Whatever method is chosen, all three passes are those of ref.
func TestDepthwise(t *testing.T) {
	chosen := map[string]bool{}
	for _, s := range kerneltest.AllConvs() {
		if !Is(s) {
			continue
		}
		nx, nw, ny := s.Lengths()
		x, w, bias, res := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(s.M, 3), kerneltest.Noise(ny, 4)
		y := make([]float64, ny)
		ref.Conv(s, y, kerneltest.Wide(x), kerneltest.Wide(w), kerneltest.Wide(bias), kerneltest.Wide(res))
		kerneltest.ConvLike(t, s, s.KH*s.KW, y, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
			c := New(p, s)
			chosen[c.Name()] = true
			return kerneltest.RunAlgo(c, x, w, bias, res)
		})
		s.Bias, s.Residual, s.Act = false, false, ref.ActNone // which gradients do not have
		dy, dx, dw := kerneltest.Noise(ny, 5), make([]float64, nx), make([]float64, nw)
		ref.ConvGradX(s, dx, kerneltest.Wide(dy), kerneltest.Wide(w))
		kerneltest.ConvLike(t, s, s.KH*s.KW, dx, func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
			return kerneltest.RunAlgo(NewGradX(p, s), dy, w, nil, nil)
		})
		ref.ConvGradW(s, dw, kerneltest.Wide(x), kerneltest.Wide(dy))
		kerneltest.ConvLike(t, s, s.N*s.OutH()*s.OutW(), dw,
			func(p *parallel.Pool) (string, int, func(out, scratch []float32)) {
				g := NewGradW(p, s)
				return g.Name(), g.Scratch(), func(out, scratch []float32) {
					g.Run(method.GradOperands{DW: out, X: x, DY: dy}, scratch)
				}
			})
	}
	if len(chosen) < 2 {
		t.Errorf("only %v were chosen", chosen)
	}
}

//go:build amd64 && !purego

package conv

import (
	"testing"

	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/kernel/kerneltest"
)

func TestConvBits(t *testing.T) {
	kerneltest.NeedAVX512(t)
	for _, s := range []Spec{
		kerneltest.SquareConv(3, 20, 13, 37, 3, 1, 1), kerneltest.SquareConv(2, 3, 19, 16, 7, 2, 1),
		kerneltest.SquareConv(5, 40, 4, 70, 1, 1, 1), kerneltest.SquareConv(2, 16, 9, 32, 3, 2, 2), kerneltest.SquareConv(3, 40, 13, 37, 3, 2, 1),
		kerneltest.SquareConv(2, 3, 64, 32, 3, 2, 1), kerneltest.SquareConv(1, 3, 33, 20, 3, 1, 1), kerneltest.SquareConv(2, 3, 96, 16, 7, 2, 1),
	} {
		nx, nw, ny := s.Lengths()
		x, w, dy := kerneltest.Noise(nx, 1), kerneltest.Noise(nw, 2), kerneltest.Noise(ny, 3)
		forward := []func() method.Conv{func() method.Conv { return newDirect(nil, s) }}
		backward := []func() method.Conv{func() method.Conv { return newDirectGradX(nil, s) }}
		for _, f := range winograd.Forms(s) {
			forward = append(forward, func() method.Conv { return winograd.New(nil, s, f) })
		}
		for _, f := range winograd.GradXForms(s) {
			backward = append(backward, func() method.Conv { return winograd.NewGradX(nil, s, f) })
		}
		run := func(plan func() method.Conv, in []float32, n int) func() []float32 {
			return func() []float32 {
				a := plan()
				out, packed := make([]float32, n), make([]float32, a.PackedLen())
				a.Pack(packed, w)
				a.Run(method.Operands{Y: out, X: in, W: w, Packed: packed}, make([]float32, a.Scratch()))
				return out
			}
		}
		for _, a := range forward {
			kerneltest.SameBits(t, s, run(a, x, ny))
		}
		for _, a := range backward {
			kerneltest.SameBits(t, s, run(a, dy, nx))
		}
		gradW := newGradW(nil, s)
		kerneltest.SameBits(t, s, func() []float32 {
			dw := make([]float32, nw)
			gradW.Run(method.GradOperands{DW: dw, X: x, DY: dy}, make([]float32, gradW.Scratch()))
			return dw
		})
	}
}

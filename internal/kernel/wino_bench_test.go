package kernel

import (
	"fmt"
	"testing"

	"memprobe/internal/parallel"
)

func squareConv(n, c, h, m, k, stride, group int) ConvSpec {
	pad := k / 2
	return ConvSpec{N: n, C: c, H: h, W: h, M: m, KH: k, KW: k, StrideH: stride, StrideW: stride,
		DilationH: 1, DilationW: 1, PadTop: pad, PadLeft: pad, PadBottom: pad, PadRight: pad, Group: group}
}

func BenchmarkWino(b *testing.B) {
	for _, s := range []ConvSpec{
		squareConv(32, 64, 32, 64, 3, 1, 1), squareConv(32, 128, 16, 128, 3, 1, 1), squareConv(32, 256, 8, 256, 3, 1, 1), squareConv(32, 512, 4, 512, 3, 1, 1),
		squareConv(64, 16, 32, 16, 3, 1, 1), squareConv(64, 32, 16, 32, 3, 1, 1), squareConv(64, 64, 8, 64, 3, 1, 1), squareConv(64, 128, 4, 128, 3, 1, 1),
		squareConv(16, 64, 16, 64, 3, 1, 1), squareConv(16, 128, 8, 128, 3, 1, 1), squareConv(16, 256, 4, 256, 3, 1, 1), squareConv(16, 512, 2, 512, 3, 1, 1),
	} {
		nx, nw, ny := s.Lengths()
		x, w, y := noise(nx, 1), noise(nw, 2), noise(ny, 3)
		for threads := 1; threads <= 2; threads++ {
			p := parallel.New(threads)
			for _, a := range []convAlgo{newDirect(p, s), newWinograd(p, s, 2), newWinograd(p, s, 4)} {
				scratch := make([]float32, a.scratch())
				packed := make([]float32, a.packedLen())
				a.pack(packed, w)
				b.Run(fmt.Sprintf("n%d_%d-%d_%dx%d/t%d/%s", s.N, s.C, s.M, s.H, s.W, threads, a.name()), func(b *testing.B) {
					flops := 2 * float64(ny) * float64(s.C*9)
					reportBest(b, flops, func() { a.run(y, x, packed, nil, nil, scratch) })
				})
				b.Run(fmt.Sprintf("n%d_%d-%d_%dx%d/t%d/%s-pack", s.N, s.C, s.M, s.H, s.W, threads, a.name()), func(b *testing.B) {
					for b.Loop() {
						a.pack(packed, w)
					}
				})
			}
			out := make([]float32, nw)
			for _, a := range []gradWAlgo{newOuter(p, s), newWinogradW(p, s, 2), newWinogradW(p, s, 4)} {
				scratch := make([]float32, a.scratch())
				b.Run(fmt.Sprintf("n%d_%d-%d_%dx%d/t%d/gradw/%s", s.N, s.C, s.M, s.H, s.W, threads, a.name()), func(b *testing.B) {
					flops := 2 * float64(ny) * float64(s.C*9)
					reportBest(b, flops, func() { a.run(out, x, y, scratch) })
				})
			}
			p.Close()
		}
	}
}

package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/parallel"
)

// strassen is a pointwise convolution of stride 1 with constant weights by seven products of
// halves, see [gemm.Halved]: pixels are the rows, and those of the two halves of a plane are added.
type strassen struct{ plan *gemm.Strassen }

// suitsStrassen reports whether strassen can compute s well. Of weights that train it would have to make
// the sums in every step. Of large planes the results and the residual leave the second-level cache, and are
// joined in bursts: that takes longer than the eighth product where the third level is slow.
func suitsStrassen(s Spec) bool {
	plane := s.H * s.W
	return s.Constant && s.C%2 == 0 && gemm.HalvesColumns(s.M) && plane > 1 && plane <= halvedPixels
}

// halvedPixels is the largest plane that is halved.
const halvedPixels = 400

func newStrassen(p *parallel.Pool, s Spec) *strassen {
	plane := s.H * s.W
	return &strassen{gemm.NewStrassen(p, gemm.Halved{Outer: s.N, Len: plane, Inner: 1, K: s.C, N: s.M, LDB: s.C, TransB: true,
		A: gemm.Places{Outer: s.C * plane, Row: 1, Col: plane}, C: gemm.Places{Outer: s.M * plane, Row: 1, Col: plane},
		Bias: s.Bias, Residual: s.Residual, Act: s.Act, Lo: s.Lo, Hi: s.Hi})}
}

func (t *strassen) Name() string             { return "gemm-strassen" }
func (t *strassen) PackedLen() int           { return t.plan.PackedLen() }
func (t *strassen) Pack(packed, w []float32) { t.plan.Pack(packed, w) }
func (t *strassen) Scratch() int             { return t.plan.Scratch() }
func (t *strassen) Cycles() float64          { return t.plan.Cycles() }
func (t *strassen) Run(o method.Operands, scratch []float32) {
	t.plan.Run(o.Y, o.X, o.Packed, o.Bias, o.Residual, scratch)
}

package conv

import (
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/parallel"
)

// dense is a convolution of planes of one element with windows of one: the product
// y [N,M] = x [N,C]·wᵀ.
type dense struct{ gemm *gemm.Plan }

// isDense reports whether dense can compute s.
func isDense(s Spec) bool { return isPointwise(s) && s.H == 1 && s.W == 1 && !s.Residual }

func newDense(p *parallel.Pool, s Spec) *dense {
	return &dense{gemm.New(p, gemm.Spec{M: s.N, N: s.M, K: s.C, TransB: true,
		BiasCol: s.Bias, Act: s.Act, Lo: s.Lo, Hi: s.Hi})}
}

func (d *dense) Name() string { return "gemm-dense" }

func (d *dense) PackedLen() int { return d.gemm.PackedLenB() }

func (d *dense) Pack(packed, w []float32) { d.gemm.PackIntoB(packed, w) }

func (d *dense) Scratch() int { return d.gemm.Scratch() }

func (d *dense) Run(o method.Operands, scratch []float32) {
	d.gemm.RunPackedB(o.Y, o.X, o.Packed, o.Bias, scratch)
}

package kernel

import "memprobe/internal/parallel"

// dense is a convolution of planes of one element with windows of one: the product
// y [N,M] = x [N,C]·wᵀ.
type dense struct{ gemm *Gemm }

// isDense reports whether dense can compute s.
func isDense(s ConvSpec) bool { return isPointwise(s) && s.H == 1 && s.W == 1 && !s.Residual }

func newDense(p *parallel.Pool, s ConvSpec) *dense {
	return &dense{NewGemm(p, GemmSpec{M: s.N, N: s.M, K: s.C, TransB: true, BiasCol: s.Bias, Act: s.Act, Lo: s.Lo, Hi: s.Hi})}
}

func (d *dense) name() string { return "gemm-dense" }

func (d *dense) packedLen() int { return d.gemm.packedB() }

func (d *dense) pack(packed, w []float32) { d.gemm.packB(packed, w) }

func (d *dense) scratch() int { return d.gemm.Scratch() }

func (d *dense) run(y, x, packed, bias, _, scratch []float32) {
	d.gemm.RunPackedB(y, x, packed, bias, scratch)
}

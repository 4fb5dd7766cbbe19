package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// Gemm is a plan for a matrix product of one shape.
type Gemm struct {
	spec GemmSpec
}

// NewGemm plans C = act(alpha·op(A)·op(B) [+ C] + bias), once or over a batch.
func NewGemm(p *parallel.Pool, s GemmSpec) *Gemm { return &Gemm{s.Normal()} }

// Scratch is the number of float32s of workspace that Run wants.
func (g *Gemm) Scratch() int { return 0 }

// Run computes the product. bias is read where the spec has one.
func (g *Gemm) Run(c, a, b, bias, scratch []float32) { ref.Gemm(g.spec, c, a, b, bias) }

// PackA returns the constant matrix A in the order in which RunPackedA reads it.
func (g *Gemm) PackA(a []float32) []float32 { return a }

// PackB returns the constant matrix B in the order in which RunPackedB reads it.
func (g *Gemm) PackB(b []float32) []float32 { return b }

// RunPackedA is Run with an A that PackA of a plan of the same spec returned.
func (g *Gemm) RunPackedA(c, packedA, b, bias, scratch []float32) {
	g.Run(c, packedA, b, bias, scratch)
}

// RunPackedB is Run with a B that PackB of a plan of the same spec returned.
func (g *Gemm) RunPackedB(c, a, packedB, bias, scratch []float32) {
	g.Run(c, a, packedB, bias, scratch)
}

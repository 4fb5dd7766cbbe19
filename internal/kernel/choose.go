package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return naive{s, false} }

func newGradXAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return naive{s, true} }

func newGradWAlgo(p *parallel.Pool, s ConvSpec) gradWAlgo { return naiveGradW{s} }

// naive convolves as the definition says.
type naive struct {
	spec  ConvSpec
	gradX bool
}

func (a naive) name() string { return "naive" }

func (a naive) packedLen() int {
	_, n, _ := a.spec.Lengths()
	return n
}

func (a naive) pack(packed, w []float32) { copy(packed, w) }

func (a naive) scratch() int { return 0 }

func (a naive) run(y, x, packed, bias, residual, scratch []float32) {
	if a.gradX {
		ref.ConvGradX(a.spec, y, x, packed)
		return
	}
	ref.Conv(a.spec, y, x, packed, bias, residual)
}

type naiveGradW struct{ spec ConvSpec }

func (a naiveGradW) name() string { return "naive" }

func (a naiveGradW) scratch() int { return 0 }

func (a naiveGradW) run(dw, x, dy, scratch []float32) { ref.ConvGradW(a.spec, dw, x, dy) }

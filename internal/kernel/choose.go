package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return newDirect(p, s) }

func newGradXAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return newDirectGradX(p, s) }

func newGradWAlgo(p *parallel.Pool, s ConvSpec) gradWAlgo { return naiveGradW{s} }

type naiveGradW struct{ spec ConvSpec }

func (a naiveGradW) name() string { return "naive" }

func (a naiveGradW) scratch() int { return 0 }

func (a naiveGradW) run(dw, x, dy, scratch []float32) { ref.ConvGradW(a.spec, dw, x, dy) }

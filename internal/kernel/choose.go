package kernel

import "memprobe/internal/parallel"

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return newDirect(p, s) }

func newGradXAlgo(p *parallel.Pool, s ConvSpec) convAlgo { return newDirectGradX(p, s) }

func newGradWAlgo(p *parallel.Pool, s ConvSpec) gradWAlgo { return newOuter(p, s) }

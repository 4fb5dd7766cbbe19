package kernel

import "memprobe/internal/parallel"

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo {
	if isDepthwise(s) {
		return newDepthwise(p, s, false)
	}
	return newDirect(p, s)
}

func newGradXAlgo(p *parallel.Pool, s ConvSpec) convAlgo {
	if isDepthwise(s) {
		return newDepthwise(p, s, true)
	}
	return newDirectGradX(p, s)
}

func newGradWAlgo(p *parallel.Pool, s ConvSpec) gradWAlgo {
	if isDepthwise(s) {
		return newDepthGradW(p, s)
	}
	return newOuter(p, s)
}

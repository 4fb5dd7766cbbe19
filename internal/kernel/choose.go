package kernel

import "memprobe/internal/parallel"

// A convolution is planned by each method that suits it, and the plan that should
// take the fewest cycles on one thread is kept. The estimates add up the parts of
// a run, from constants measured on one core (AVX2); what counts is their ratio.
// BenchmarkChoice compares them with the clock.

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo {
	if isDepthwise(s) {
		return newDepthForward(p, s)
	}
	if isDense(s) {
		return newDense(p, s)
	}
	if isPointwise(s) {
		return newPointwise(p, s)
	}
	return fewestCycles(p, s, newDirect, newWinograd)
}

func newGradXAlgo(p *parallel.Pool, s ConvSpec) convAlgo {
	if isDepthwise(s) {
		return newDepthGradX(p, s)
	}
	if isPointwise(s) && s.StrideH == 1 && s.StrideW == 1 {
		return newPointwiseGradX(p, s)
	}
	return fewestCycles(p, s, newDirectGradX, newWinogradGradX)
}

// fewestCycles returns the plan of s that takes the fewest cycles, of methods in
// the order of their rounding errors. Plans for one thread are compared, so that
// the method is the same for any number.
func fewestCycles(p *parallel.Pool, s ConvSpec, newDirect func(*parallel.Pool, ConvSpec) *direct,
	newWinograd func(*parallel.Pool, ConvSpec, int) *winograd) convAlgo {
	if !suitsWinograd(s) {
		return newDirect(p, s)
	}
	cycles, best := newDirect(nil, s).cycles(), 0
	for _, m := range []int{2, 4} {
		if c := newWinograd(nil, s, m).cycles(); c < worthwhile*cycles {
			cycles, best = c, m
		}
	}
	if best == 0 {
		return newDirect(p, s)
	}
	return newWinograd(p, s, best)
}

// worthwhile is the part of the cycles that a method may take at most to be
// preferred to one with less rounding error.
const worthwhile = 0.85

func newGradWAlgo(p *parallel.Pool, s ConvSpec) gradWAlgo {
	if isDepthwise(s) {
		return newDepthGradW(p, s)
	}
	if !suitsWinograd(s) {
		return newOuter(p, s)
	}
	cycles, best := newOuter(nil, s).cycles(), 0
	for _, m := range []int{2, 4} {
		if c := newWinogradW(nil, s, m).cycles(); c < worthwhile*cycles {
			cycles, best = c, m
		}
	}
	if best == 0 {
		return newOuter(p, s)
	}
	return newWinogradW(p, s, best)
}

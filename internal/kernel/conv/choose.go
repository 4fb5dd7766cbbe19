package conv

import (
	"memprobe/internal/kernel/conv/depthwise"
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/parallel"
)

// A convolution is planned by each method that suits it, and the plan that should
// take the fewest cycles on one thread is kept. The estimates add up the parts of
// a run, from constants measured on one core (AVX2); what counts is their ratio.
// BenchmarkChoice compares them with the clock.

func newConv(p *parallel.Pool, s Spec) method.Conv {
	if depthwise.Is(s) {
		return depthwise.New(p, s)
	}
	if isDense(s) {
		return newDense(p, s)
	}
	if isPointwise(s) {
		return newPointwise(p, s)
	}
	return fewestCycles(p, s, newDirect, winograd.New)
}

func newGradX(p *parallel.Pool, s Spec) method.Conv {
	if depthwise.Is(s) {
		return depthwise.NewGradX(p, s)
	}
	if isPointwise(s) && s.StrideH == 1 && s.StrideW == 1 {
		return newPointwiseGradX(p, s)
	}
	return fewestCycles(p, s, newDirectGradX, winograd.NewGradX)
}

// fewestCycles returns the plan of s that takes the fewest cycles, of methods in
// the order of their rounding errors. Plans for one thread are compared, so that
// the method is the same for any number.
func fewestCycles(p *parallel.Pool, s Spec, newDirect func(*parallel.Pool, Spec) *direct,
	newWinograd func(*parallel.Pool, Spec, int) *winograd.Conv) method.Conv {
	if !winograd.Suits(s) {
		return newDirect(p, s)
	}
	cycles, best := newDirect(nil, s).Cycles(), 0
	for _, m := range []int{2, 4} {
		if c := newWinograd(nil, s, m).Cycles(); c < worthwhile*cycles {
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

func newGradW(p *parallel.Pool, s Spec) method.GradW {
	if depthwise.Is(s) {
		return depthwise.NewGradW(p, s)
	}
	if !winograd.Suits(s) {
		return newOuter(p, s)
	}
	cycles, best := newOuter(nil, s).Cycles(), 0
	for _, m := range []int{2, 4} {
		if c := winograd.NewGradW(nil, s, m).Cycles(); c < worthwhile*cycles {
			cycles, best = c, m
		}
	}
	if best == 0 {
		return newOuter(p, s)
	}
	return winograd.NewGradW(p, s, best)
}

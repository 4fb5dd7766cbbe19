package conv

import (
	"memprobe/internal/kernel/conv/depthwise"
	"memprobe/internal/kernel/conv/method"
	"memprobe/internal/kernel/conv/winograd"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// A convolution is planned by each method that suits it, and the plan that should
// take the fewest cycles on one thread is kept. The estimates add up the parts of
// a run, from constants measured on one core (AVX2); what counts is their ratio.
// BenchmarkChoice compares them with the clock.

// newConv plans s by the method that is best for all, which is s with other images.
func newConv(p *parallel.Pool, s, all Spec) method.Conv {
	if s.TurnedX || s.TurnedY {
		if depthwise.Is(s) {
			return depthwise.NewTurned(p, s)
		}
		return newTurned(p, s, false)
	}
	if depthwise.Is(s) {
		return depthwise.New(p, s)
	}
	if isDense(s) {
		return newDense(p, s)
	}
	if isPointwise(s) {
		if s.StrideH > 1 || s.StrideW > 1 {
			return newGathered(p, s, all)
		}
		return pointwiseOf(p, s, all, false)
	}
	if isPatches(s) {
		g, d := newGathered(nil, all, all), newDirect(nil, all)
		if g.len() <= gatheredFloats && !d.quads && g.Cycles() < d.Cycles() {
			return newGathered(p, s, all)
		}
	}
	if suitsGrouped(all) && newGrouped(nil, all).Cycles() < newDirect(nil, all).Cycles() {
		return newGrouped(p, s)
	}
	return fewestCycles(p, s, all, winograd.Forms(s), newDirect, winograd.New)
}

// SuitsTurned reports whether s is fast for x and for y with channels innermost, and has, of finite
// numbers, the bits that it has for planes.
func SuitsTurned(s Spec) (x, y bool) {
	if depthwise.Is(s) {
		both := depthwise.SuitsTurned(s)
		return both, both
	}
	if !depthwise.HasTurned() || !isPointwise(s) || s.StrideH > 1 || s.StrideW > 1 {
		return false, false
	}
	if _, halves := newConv(nil, s, s).(*strassen); halves {
		return false, false // of other bits
	}
	return s.C%tile.NR == 0, s.M%tile.NR == 0
}

// estimated is a method that says how many cycles it takes.
type estimated interface {
	method.Conv
	Cycles() float64
}

func newGradX(p *parallel.Pool, s Spec) method.Conv {
	if depthwise.Is(s) {
		return depthwise.NewGradX(p, s)
	}
	if isPointwise(s) {
		if s.StrideH > 1 || s.StrideW > 1 {
			return newScattered(p, s)
		}
		s.C, s.M = s.M, s.C
		return pointwiseOf(p, s, s, true)
	}
	if coversPatches(s) && newScattered(nil, s).Cycles() < newDirectGradX(nil, s).Cycles() {
		return newScattered(p, s)
	}
	forms := winograd.GradXForms(s)
	if suitsScattered(s) &&
		newScattered(nil, s).Cycles() < fewestCycles(nil, s, s, forms, newDirectGradX, winograd.NewGradX).Cycles() {
		return newScattered(p, s)
	}
	return fewestCycles(p, s, s, forms, newDirectGradX, winograd.NewGradX)
}

// pointwiseOf plans a pointwise convolution of strides of 1, forward or flipped, by the method
// that is best for all.
func pointwiseOf(p *parallel.Pool, s, all Spec, flipped bool) estimated {
	product, pixels := newPointwise(nil, all, flipped).Cycles(), newTurned(nil, all, flipped).Cycles()
	if suitsStrassen(s) && newStrassen(nil, all).Cycles() < gemm.HalvesAtMost*min(product, pixels) {
		return newStrassen(p, s)
	}
	if suitsStrips(s) && newStrips(nil, all, flipped).Cycles() < min(product, pixels) {
		return newStrips(p, s, flipped)
	}
	if pixels < product {
		return newTurned(p, s, flipped)
	}
	return newPointwise(p, s, flipped)
}

// fewestCycles returns the plan of s by the method that takes the fewest cycles for all, of
// methods in the order of their rounding errors. Plans for one thread are compared, so that
// the method is the same for any number.
func fewestCycles(p *parallel.Pool, s, all Spec, forms []ref.Form, newDirect func(*parallel.Pool, Spec) *direct,
	newWinograd func(*parallel.Pool, Spec, ref.Form) *winograd.Conv) estimated {
	cycles, best := 0.0, ref.Form{}
	for _, f := range forms {
		if cycles == 0 {
			cycles = newDirect(nil, all).Cycles()
		}
		if c := newWinograd(nil, all, f).Cycles(); c < worthwhile*cycles {
			cycles, best = c, f
		}
	}
	if best.M == 0 {
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
	cycles, best := 0.0, ref.Form{}
	for _, f := range winograd.Forms(s) {
		if cycles == 0 {
			cycles = newOuter(nil, s).Cycles()
		}
		if c := winograd.NewGradW(nil, s, f).Cycles(); c < worthwhile*cycles {
			cycles, best = c, f
		}
	}
	if best.M == 0 {
		return newOuter(p, s)
	}
	return winograd.NewGradW(p, s, best)
}

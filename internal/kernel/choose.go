package kernel

import (
	"memprobe/internal/kernel/ref"
	"memprobe/internal/parallel"
)

// A convolution is planned by each method that suits it, and the plan that should
// take the fewest cycles on one thread is kept. The estimates add up the parts of
// a run, from constants measured on one core (AVX2); what counts is their ratio.
// BenchmarkChoice compares them with the clock.

// Cycles of the parts of a Winograd convolution, each for one channel.
const (
	turnCycles   = 0.45 // per float brought among its channels
	spreadCycles = 0.35 // per float brought back into its plane
	startCycles  = 20.0 // per tile of a product, to begin and to store it
)

// changeCycles are those of a tile of F(m×m, 3×3), by change.
func changeCycles(m int) [5]float64 {
	if m == 2 {
		return [...]float64{4.9, 3.2, 4.2, 3.7, 3.3}
	}
	return [...]float64{11.4, 6.8, 9.4, 9.8, 6.1}
}

// streamCycles are those of reading floats of weights, again for each block,
// beyond what the product hides: from the third level of cache or from memory.
func streamCycles(floats, blocks int) float64 {
	const second, third = 1 << 18, 4 << 20 // floats
	switch {
	case floats <= second:
		return 0
	case floats <= third:
		return 0.1 * float64(floats*blocks)
	}
	return 0.5 * float64(floats*blocks)
}

func (d *direct) cycles() float64 {
	floats := d.packedLen()
	cost := d.cost + streamCycles(floats, d.groups*(d.bands-1))
	if !d.spec.Constant {
		cost += float64(floats)
	}
	return cost
}

func (w *winograd) cycles() float64 {
	s := &w.spec
	of, square := changeCycles(w.m), float64(w.m*w.m)
	tiles := float64(s.N * w.rows * w.cols)
	read := tiles * float64(w.ld) * (of[ref.ChangeInput] + square*turnCycles)
	write := tiles * float64(w.panels*nr) * (of[ref.ChangeOutput] + square*spreadCycles)
	panels := float64(w.blocks()*parallel.Chunks(w.tiles(), mr)) * tiles / float64(w.blocks()*w.tiles())
	products := panels * float64(w.elements()*w.panels) * (float64(s.C)*tileCycles + startCycles)
	weights := float64(s.C*w.panels*nr)*of[ref.ChangeWeight] + float64(w.packedLen())
	if s.Constant {
		weights = 0
	}
	return read + products + write + streamCycles(w.packedLen(), w.blocks()) + weights
}

func (o *outer) cycles() float64 {
	s := &o.spec
	pixels := float64(s.N * s.OutH() * s.OutW() * s.Group)
	copies := float64(s.N*s.H*s.W*s.C*o.parts) * turnCycles
	products := pixels * float64(o.panels*parallel.Chunks(o.mg, mr)) * tileCycles * outerSlack
	return copies + pixels*float64(o.mg*o.parts)*turnCycles + products + float64(o.splits*s.Group*o.sumLen())
}

// outerSlack is how much longer a pass of the product takes than its
// multiplications, for the input is read with strides.
const outerSlack = 1.1

func (w *winogradW) cycles() float64 {
	s := &w.spec
	of, square := changeCycles(w.m), float64(w.m*w.m)
	tiles := float64(s.N * w.tiling.rows * w.tiling.cols)
	rows, cols := float64(w.grad.panels()*nr), float64(w.input.panels()*nr)
	changes := tiles * (cols*(of[ref.ChangeInput]+square*turnCycles) + rows*(of[ref.ChangeOutputGrad]+square*turnCycles))
	passes := float64(w.steps * parallel.Chunks(min(w.stepTiles, s.N*w.tiling.rows*w.tiling.cols), winoDepth))
	products := float64(w.elements()) * rows / mr * cols / nr * (tiles*tileCycles + passes*startCycles)
	sums := float64(max(w.shares, 1) * w.nrows * w.ncols * w.sumLen())
	return changes + products + sums + float64(s.M)*cols*(of[ref.ChangeWeightGrad]+9*spreadCycles)
}

func newConvAlgo(p *parallel.Pool, s ConvSpec) convAlgo {
	if suitsDepthPlane(s) {
		return depthOfPlanes(p, s, false)
	}
	if suitsDepthRows(s) {
		return newDepthRows(p, s)
	}
	if isDepthwise(s) {
		return newDepthwise(p, s, false)
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
	if suitsDepthPlane(s) && s.H*s.W <= depthPlaneOut {
		return depthOfPlanes(p, s, true)
	}
	if isDepthwise(s) {
		return newDepthwise(p, s, true)
	}
	if isPointwise(s) && s.StrideH == 1 && s.StrideW == 1 {
		return newPointwiseGradX(p, s)
	}
	return fewestCycles(p, s, newDirectGradX, newWinogradGradX)
}

// depthOfPlanes is the plan of a depthwise pass that suits depthPlane.
func depthOfPlanes(p *parallel.Pool, s ConvSpec, flipped bool) convAlgo {
	d := newDepthPlane(p, s, flipped)
	if suitsDepthLanes(d.in) {
		if l := newDepthLanes(d, flipped); len(l.taps) > 0 {
			return l
		}
	}
	return d
}

// fewestCycles returns the plan of s that takes the fewest cycles, of methods in
// the order of their rounding errors. Plans for one thread are compared, so that
// the method is the same for any number.
func fewestCycles(p *parallel.Pool, s ConvSpec, direct func(*parallel.Pool, ConvSpec) *direct,
	winograd func(*parallel.Pool, ConvSpec, int) *winograd) convAlgo {
	if !suitsWinograd(s) {
		return direct(p, s)
	}
	cycles, best := direct(nil, s).cycles(), 0
	for _, m := range []int{2, 4} {
		if c := winograd(nil, s, m).cycles(); c < worthwhile*cycles {
			cycles, best = c, m
		}
	}
	if best == 0 {
		return direct(p, s)
	}
	return winograd(p, s, best)
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

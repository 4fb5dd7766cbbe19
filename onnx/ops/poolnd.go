package ops

import (
	"math"

	"memprobe/internal/tensor"
)

// poolND pools in any number of dimensions, a chunk of work a plane. Each of
// its passes reads and writes what the fields hold during the run.
type poolND[T tensor.Float] struct {
	*slide
	e           *Env
	includePad  bool
	small, wide []T // of the output's size and of the input's
	index       []int32

	max, maxGrad, avg, avgGrad func(worker, plane int)
}

func newPoolND[T tensor.Float](e *Env, g *slide, includePad bool) *poolND[T] {
	p := &poolND[T]{slide: g, e: e, includePad: includePad}
	p.max, p.maxGrad, p.avg, p.avgGrad = p.maxPlane, p.maxGradPlane, p.avgPlane, p.avgGradPlane
	return p
}

func (p *poolND[T]) run(body func(worker, plane int), small, wide []T, index []int32) {
	p.small, p.wide, p.index = small, wide, index
	p.e.Pool.For(p.n*p.c, body)
}

func (p *poolND[T]) plan() *poolPlan[T] {
	return &poolPlan[T]{
		max:     func(y []T, index []int32, x []T) { p.run(p.max, y, x, index) },
		avg:     func(y []T, _ []int32, x []T) { p.run(p.avg, y, x, nil) },
		maxGrad: func(dx, dy []T, index []int32) { p.run(p.maxGrad, dy, dx, index) },
		avgGrad: func(dx, dy []T, _ []int32) { p.run(p.avgGrad, dy, dx, nil) },
	}
}

// plane returns plane i of the output and of the input, and where the former
// begins.
func (p *poolND[T]) plane(i int) (small, wide []T, base int) {
	in, _, out := p.planes()
	return p.small[i*out:][:out], p.wide[i*in:][:in], i * out
}

func (p *poolND[T]) maxPlane(_, plane int) {
	y, x, base := p.plane(plane)
	for o := range y {
		best, at := T(math.Inf(-1)), -1
		p.at(o, func(i, _ int) {
			if v := x[i]; at < 0 || v > best || v != v && best == best {
				best, at = v, i
			}
		})
		y[o] = best
		if p.index != nil {
			p.index[base+o] = int32(at)
		}
	}
}

func (p *poolND[T]) maxGradPlane(_, plane int) {
	dy, dx, base := p.plane(plane)
	clear(dx)
	for o, d := range dy {
		if at := p.index[base+o]; at >= 0 {
			dx[at] += d
		}
	}
}

func (p *poolND[T]) avgPlane(_, plane int) {
	y, x, _ := p.plane(plane)
	for o := range y {
		var sum T
		p.at(o, func(i, _ int) { sum += x[i] })
		y[o] = sum / T(p.divisor(o, p.includePad))
	}
}

func (p *poolND[T]) avgGradPlane(_, plane int) {
	dy, dx, _ := p.plane(plane)
	clear(dx)
	for o := range dy {
		d := dy[o] / T(p.divisor(o, p.includePad))
		p.at(o, func(i, _ int) { dx[i] += d })
	}
}

// divisor is how many elements of the input, or of the padded input, output
// element o covers; 1 where there are none.
func (g *slide) divisor(o int, includePad bool) int {
	count := 1
	for i := axes - 1; i >= 0; i-- {
		first, covered := o%g.out[i]*g.stride[i]-g.before[i], 0
		o /= g.out[i]
		lo, hi := 0, g.in[i]
		if includePad {
			lo, hi = -g.before[i], g.in[i]+g.after[i]
		}
		for k := range g.kernel[i] {
			if p := first + k*g.dilation[i]; p >= lo && p < hi {
				covered++
			}
		}
		count *= covered
	}
	return max(count, 1)
}

package ops

import (
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// gradGridSample: dx adds dy·weight to the elements that a point read, dgrid is the
// sum over channels and elements of dy·x·∂weight.
func gradGridSample(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	x, grid, out := n.In[0], n.In[1], make([]*Value, 2)
	attrs := Attrs{"shape": int64s(x.Shape), "forward": n}
	if want[0] {
		out[0] = b.Op("GridSampleGradX", attrs, dy[0], grid)
	}
	if want[1] {
		out[1] = b.Op("GridSampleGradGrid", attrs, dy[0], x, grid)
	}
	return out, b.Err
}

// forwardSampler is that of the node whose gradient n is.
func (n *Node) forwardSampler() (*sampler, error) {
	f := attr[*Node](n, "forward", nil)
	return f.sampler(f.In[0], f.In[1])
}

func bindGridSampleGradX(n *Node, e *Env) (func(), error) {
	s, err := n.forwardSampler()
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return gridSampleGradXLoop[float32](e, s) },
		func() func() { return gridSampleGradXLoop[float64](e, s) })
}

// gridSampleGradXLoop adds in the order of the points, an image at a time.
func gridSampleGradXLoop[T tensor.Float](e *Env, s *sampler) func() {
	dy, grid, dx := e.In[0], e.In[1], e.Out[0]
	channels, plane := dx.Shape[1], tensor.Len(s.size)
	body := func(_, item int) {
		src, at, dst := tensor.Data[T](dy), tensor.Data[T](grid), tensor.Data[T](dx)[item*channels*plane:][:channels*plane]
		clear(dst)
		var b mixture
		for point := range s.points {
			g := coordinates(at, item*s.points+point, len(s.size))
			s.mix(&b, &g)
			for c := range channels {
				d := float64(src[(item*channels+c)*s.points+point])
				image := dst[c*plane:][:plane]
				for i, o := range b.at[:b.n] {
					image[o] += T(b.weight[i] * d)
				}
			}
		}
	}
	return func() { e.Pool.For(dx.Shape[0], body) }
}

func bindGridSampleGradGrid(n *Node, e *Env) (func(), error) {
	s, err := n.forwardSampler()
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return gridSampleGradGridLoop[float32](e, s) },
		func() func() { return gridSampleGradGridLoop[float64](e, s) })
}

func gridSampleGradGridLoop[T tensor.Float](e *Env, s *sampler) func() {
	dy, x, grid, dgrid := e.In[0], e.In[1], e.In[2], e.Out[0]
	channels, plane, k, total := x.Shape[1], tensor.Len(s.size), len(s.size), x.Shape[0]*s.points
	size := max(1, span/(16*max(1, channels)))
	body := func(_, chunk int) {
		dsrc, src, at, dst := tensor.Data[T](dy), tensor.Data[T](x), tensor.Data[T](grid), tensor.Data[T](dgrid)
		var b mixture
		lo, hi := parallel.Range(chunk, size, total)
		for p := lo; p < hi; p++ {
			g := coordinates(at, p, k)
			s.mix(&b, &g)
			item, point := p/s.points, p%s.points
			var sum [3]float64
			for c := range channels {
				d := float64(dsrc[(item*channels+c)*s.points+point])
				image := src[(item*channels+c)*plane:][:plane]
				for i, o := range b.at[:b.n] {
					v := d * float64(image[o])
					for axis := range k {
						sum[axis] += v * b.slope[axis][i]
					}
				}
			}
			for axis := range k {
				dst[p*k+axis] = T(sum[axis])
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(total, size), body) }
}

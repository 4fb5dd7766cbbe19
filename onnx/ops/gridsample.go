package ops

import (
	"math"
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// samplings read images at positions that another tensor gives.
var samplings = []Def{
	{Op: "GridSample", Since: 16, Attributes: "align_corners:i mode:s padding_mode:s",
		Infer: inferGridSample, Bind: bindGridSample, Grad: gradGridSample},
	{Op: "GridSampleGradX", Domain: Internal, Since: 1, Infer: inferMoved(2), Bind: bindGridSampleGradX},
	{Op: "GridSampleGradGrid", Domain: Internal, Since: 1,
		Infer: func(n *Node) error { return n.SetOut(0, n.In[2].DType, n.In[2].Shape) }, Bind: bindGridSampleGradGrid},
}

// sampler reads x [N,C,spatial…] at grid [N,out…,k]: for each position of out, the k
// coordinates of a place in x, the last axis first, from -1 to 1.
type sampler struct {
	mode, padding string
	corners       bool  // -1 and 1 are the centres of the outermost elements
	size          []int // of x's k spatial axes
	points        int   // of out, an image
}

// sampler checks the operands x and grid.
func (n *Node) sampler(x, grid *Value) (*sampler, error) {
	k := len(x.Shape) - 2
	s := &sampler{mode: n.Str("mode", "linear"), padding: n.Str("padding_mode", "zeros"),
		corners: n.Int("align_corners", 0) != 0}
	switch s.mode {
	case "bilinear":
		s.mode = "linear"
	case "bicubic":
		s.mode = "cubic"
	}
	switch {
	case k != 2 && k != 3 || len(grid.Shape) != k+2 || grid.Shape[0] != x.Shape[0] || grid.Shape[k+1] != k:
		return nil, n.Errorf("grid has shape %v for input %v, want [N,%d sizes,%d]",
			grid.Shape, x.Shape, max(k, 0), max(k, 0))
	case x.DType != grid.DType || !x.DType.IsFloat():
		return nil, n.Errorf("input is %v and grid %v, want float32", x.DType, grid.DType)
	case !slices.Contains([]string{"linear", "nearest", "cubic"}, s.mode):
		return nil, n.Errorf("mode is %q, want linear, nearest or cubic", s.mode)
	case !slices.Contains([]string{"zeros", "border", "reflection"}, s.padding):
		return nil, n.Errorf("padding_mode is %q, want zeros, border or reflection", s.padding)
	case tensor.Len(x.Shape[2:]) == 0:
		return nil, n.Errorf("input has shape %v, want elements to sample", x.Shape)
	}
	s.size, s.points = x.Shape[2:], tensor.Len(grid.Shape[1:k+1])
	return s, nil
}

func inferGridSample(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	x, grid := n.In[0], n.In[1]
	if _, err := n.sampler(x, grid); err != nil {
		return err
	}
	return n.SetOut(0, x.DType, slices.Concat(x.Shape[:2], grid.Shape[1:len(grid.Shape)-1]))
}

// gridTap is an element of an axis, its weight, and the weight's derivative by the
// grid's coordinate.
type gridTap struct {
	at    int
	w, dw float64
}

// position is where a coordinate lies on an axis of the given size, in elements, and
// how fast it moves there.
func (s *sampler) position(g float64, size int) (at, slope float64) {
	if s.corners {
		slope = float64(size-1) / 2
		return (g + 1) * slope, slope
	}
	slope = float64(size) / 2
	return (g+1)*slope - 0.5, slope
}

// reflect folds a position at the ends of an axis until it lies within. The sign is
// the derivative.
func (s *sampler) reflect(x float64, size int) (at, sign float64) {
	low, span := -0.5, float64(size)
	if s.corners {
		low, span = 0, float64(size-1)
	}
	if span == 0 {
		return low, 0
	}
	x, sign = x-low, 1
	if x < 0 {
		x, sign = -x, -1
	}
	if x = math.Mod(x, 2*span); x > span {
		x, sign = 2*span-x, -sign
	}
	return low + x, sign
}

// element is the element that stands at place i, −1 for none.
func (s *sampler) element(i float64, size int) int {
	switch s.padding {
	case "border":
		i = min(max(i, 0), float64(size-1))
	case "reflection":
		i, _ = s.reflect(i, size)
		i = min(max(math.Trunc(i), 0), float64(size-1))
	}
	if !(i >= 0 && i < float64(size)) {
		return -1
	}
	return int(i)
}

// taps returns the elements of an axis that make up the value at coordinate g. As in
// PyTorch, padding moves the position for linear, the elements for cubic.
func (s *sampler) taps(to *[4]gridTap, g float64, size int) []gridTap {
	x, slope := s.position(g, size)
	if s.mode == "nearest" {
		to[0] = gridTap{s.element(math.RoundToEven(x), size), 1, 0}
		return to[:1]
	}
	if s.mode == "cubic" {
		lo := math.Floor(x)
		for i := range to {
			at := lo + float64(i-1)
			w, dw := cubicSlope(x-at, -0.75)
			to[i] = gridTap{s.element(at, size), w, dw * slope}
		}
		return to[:4]
	}
	if s.padding == "reflection" {
		at, sign := s.reflect(x, size)
		x, slope = at, slope*sign
	}
	if last := float64(size - 1); s.padding != "zeros" && !(x >= 0 && x <= last) {
		x, slope = min(max(x, 0), last), 0
	}
	lo := math.Floor(x)
	to[0] = gridTap{s.element(lo, size), lo + 1 - x, -slope}
	to[1] = gridTap{s.element(lo+1, size), x - lo, slope}
	return to[:2]
}

// cubicSlope is cubic at the signed distance d, with its derivative.
func cubicSlope(d, a float64) (w, dw float64) {
	t := math.Abs(d)
	switch w = cubic(t, a); {
	case t <= 1:
		dw = (3*(a+2)*t - 2*(a+3)) * t
	case t < 2:
		dw = a * ((3*t-10)*t + 8)
	}
	return w, math.Copysign(1, d) * dw
}

// mixture holds the elements that one point reads: their offsets in a plane, their
// weights, and the derivatives of these by the point's coordinates.
type mixture struct {
	n      int
	at     [64]int
	weight [64]float64
	slope  [3][64]float64
}

// mix finds the elements for a point of the grid, whose coordinates are g.
func (s *sampler) mix(b *mixture, g *[3]float64) {
	var store [3][4]gridTap
	axis := [3][]gridTap{{{0, 1, 0}}, {{0, 1, 0}}, {{0, 1, 0}}}
	var stride [3]int
	k, step := len(s.size), 1
	for i := range k { // coordinate i is that of the axis i from the last
		d := s.size[k-1-i]
		axis[i], stride[i] = s.taps(&store[i], g[i], d), step
		step *= d
	}
	b.n = 0
	for _, p := range axis[2] {
		for _, q := range axis[1] {
			for _, r := range axis[0] {
				if p.at < 0 || q.at < 0 || r.at < 0 {
					continue
				}
				b.at[b.n] = r.at*stride[0] + q.at*stride[1] + p.at*stride[2]
				b.weight[b.n] = p.w * q.w * r.w
				b.slope[0][b.n], b.slope[1][b.n], b.slope[2][b.n] = p.w*q.w*r.dw, p.w*q.dw*r.w, p.dw*q.w*r.w
				b.n++
			}
		}
	}
}

// coordinates reads those of a point.
func coordinates[T tensor.Float](grid []T, point, k int) (g [3]float64) {
	for i, v := range grid[point*k : (point+1)*k] {
		g[i] = float64(v)
	}
	return g
}

func bindGridSample(n *Node, e *Env) (func(), error) {
	s, err := n.sampler(n.In[0], n.In[1])
	if err != nil {
		return nil, err
	}
	return floatLoop(n, e, func() func() { return gridSampleLoop[float32](e, s) },
		func() func() { return gridSampleLoop[float64](e, s) })
}

func gridSampleLoop[T tensor.Float](e *Env, s *sampler) func() {
	x, grid, y := e.In[0], e.In[1], e.Out[0]
	channels, plane, total := x.Shape[1], tensor.Len(s.size), x.Shape[0]*s.points
	size := max(1, span/(16*max(1, channels)))
	body := func(_, chunk int) {
		src, at, dst := tensor.Data[T](x), tensor.Data[T](grid), tensor.Data[T](y)
		var b mixture
		lo, hi := parallel.Range(chunk, size, total)
		for p := lo; p < hi; p++ {
			g := coordinates(at, p, len(s.size))
			s.mix(&b, &g)
			item, point := p/s.points, p%s.points
			for c := range channels {
				image, sum := src[(item*channels+c)*plane:][:plane], 0.0
				for i, o := range b.at[:b.n] {
					sum += b.weight[i] * float64(image[o])
				}
				dst[(item*channels+c)*s.points+point] = T(sum)
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(total, size), body) }
}

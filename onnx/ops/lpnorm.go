package ops

import (
	"math"
	"slices"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

var lpNorms = []Def{{Op: "LpNormalization", Since: 1, Attributes: "axis:i p:i",
	Infer: inferLpNorm, Bind: bindLpNorm, Grad: gradLpNorm}}

func inferLpNorm(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	if _, err := n.Axis(n.Int("axis", -1), len(n.In[0].Shape)); err != nil {
		return err
	}
	if p := n.Int("p", 2); p < 1 || p > 2 {
		return n.Errorf("p is %d, want 1 or 2", p)
	}
	return sameAs(n, 1, 1)
}

func bindLpNorm(n *Node, e *Env) (func(), error) {
	return floatLoop(n, e, func() func() { return lpNormLoop[float32](n, e) },
		func() func() { return lpNormLoop[float64](n, e) })
}

// lpNormLoop divides each line by its norm; a line of zeros stays.
func lpNormLoop[T tensor.Float](n *Node, e *Env) func() {
	x, y, p := e.In[0], e.Out[0], n.Int("p", 2)
	axis, _ := n.Axis(n.Int("axis", -1), len(x.Shape))
	d, inner := x.Shape[axis], tensor.Len(x.Shape[axis+1:])
	lines, size := tensor.Len(x.Shape[:axis])*inner, max(1, span/max(d, 1))
	body := func(_, chunk int) {
		src, dst := tensor.Data[T](x), tensor.Data[T](y)
		lo, hi := parallel.Range(chunk, size, lines)
		for l := lo; l < hi; l++ {
			at, sum := l/inner*d*inner+l%inner, 0.0
			for k := range d {
				v := math.Abs(float64(src[at+k*inner]))
				if p == 2 {
					v *= v
				}
				sum += v
			}
			if p == 2 {
				sum = math.Sqrt(sum)
			}
			for k := range d {
				dst[at+k*inner] = src[at+k*inner]
				if sum != 0 {
					dst[at+k*inner] = T(float64(src[at+k*inner]) / sum)
				}
			}
		}
	}
	return func() { e.Pool.For(parallel.Chunks(lines, size), body) }
}

// gradLpNorm: with y = x/‖x‖, dx = (dy - ∂‖x‖/∂x·Σ dy·y)/‖x‖ along the axis; a line
// of zeros passes dy on.
func gradLpNorm(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	x, y, p := n.In[0], n.Out[0], n.Int("p", 2)
	axis, err := n.Axis(n.Int("axis", -1), len(x.Shape))
	if err != nil {
		return nil, err
	}
	line := slices.Clone(x.Shape)
	line[axis] = 1
	norm := b.Op([]string{"ReduceL1", "ReduceL2"}[p-1], nil, x, b.Ints(axis))
	dot := b.SumTo(b.Op("Mul", nil, dy[0], y), line)
	d := b.Op("Sub", nil, dy[0], b.normSlope(x, norm, dot, p))
	zero, one := b.Scalar(x, 0), b.Scalar(x, 1)
	return []*Value{b.Op("Div", nil, d, b.Op("Where", nil, b.Op("Equal", nil, norm, zero), one, norm))}, b.Err
}

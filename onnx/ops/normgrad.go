package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// gradGroupNorm normalises again, every group of every item as a channel of one
// batch, and differentiates that under dy·scale.
func gradGroupNorm(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	groups, err := n.groupNorm()
	if err != nil {
		return nil, err
	}
	x, scale, out := n.In[0], n.In[1], make([]*Value, 3)
	if x.Len() == 0 {
		return nil, n.Errorf("input of shape %v has no gradient", x.Shape)
	}
	g, params := x.Shape[0]*groups, scale.Len()
	batch := []int{1, g, x.Len() / g}
	planes, column := []int{x.Shape[0], params, x.Len() / (x.Shape[0] * params)}, []int{params, 1}
	one, zero := b.filled(x.DType, g, 1), b.filled(x.DType, g, 0)
	eps, rows := Attrs{"epsilon": n.Float("epsilon", 1e-5)}, b.Reshape(x, batch)
	stats := b.OpN("BatchNormTrain", eps, 5, rows, one, zero, zero, one)
	if b.Err != nil {
		return nil, b.Err
	}
	d := b.Reshape(dy[0], planes)
	if want[0] {
		dz := b.Reshape(b.Op("Mul", nil, d, b.Reshape(scale, column)), batch)
		if dx := b.OpN("BatchNormGrad", eps, 3, dz, rows, one, zero, stats[1], stats[2]); b.Err == nil {
			out[0] = b.Reshape(dx[0], x.Shape)
		}
	}
	if want[1] {
		out[1] = b.Reshape(b.SumTo(b.Op("Mul", nil, d, b.Reshape(stats[0], planes)), column), scale.Shape)
	}
	if want[2] {
		out[2] = b.Reshape(b.SumTo(d, column), n.In[2].Shape)
	}
	return out, b.Err
}

// filled is a constant vector of n equal values.
func (b *Builder) filled(d tensor.DType, n int, x float64) *Value {
	return b.Const(full(d, x, n))
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

// gradMVN: with y = (x-mean)/(std+1e-9) and means over the axes,
// dx = (dy - mean(dy))/(std+1e-9) - (x-mean)·mean(dy·y)/(std·(std+1e-9)).
func gradMVN(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	x := n.In[0]
	axes, err := n.Axes(n.Ints("axes", []int{0, 2, 3}), len(x.Shape))
	if err != nil {
		return nil, err
	}
	mean := func(v *Value) *Value { return b.Op("ReduceMean", nil, v, b.Ints(axes...)) }
	centred := b.Op("Sub", nil, x, mean(x))
	std := b.Op("Sqrt", nil, mean(b.Op("Mul", nil, centred, centred)))
	rest := b.Op("Div", nil, mean(b.Op("Mul", nil, dy[0], n.Out[0])), b.Op("Max", nil, std, b.Scalar(x, 1e-30)))
	d := b.Op("Sub", nil, b.Op("Sub", nil, dy[0], mean(dy[0])), b.Op("Mul", nil, centred, rest))
	return []*Value{b.Op("Div", nil, d, b.Op("Add", nil, std, b.Scalar(x, 1e-9)))}, b.Err
}

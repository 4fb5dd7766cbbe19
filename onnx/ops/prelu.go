package ops

import "slices"

var pRelus = []Def{{Op: "PRelu", Since: 1, Attributes: hinted,
	Roles: []Role{"", Slope}, Infer: inferPRelu,
	Bind: bindPRelu, Grad: gradPRelu}}

// slopes is the shape of a PRelu's slope to broadcast to x. A vector of one slope a
// channel is what opset 6 means by it, and what exporters write later, where it does
// not broadcast to the last axis.
func (n *Node) slopes() ([]int, error) {
	if err := n.Want(2, 2); err != nil {
		return nil, err
	}
	x, a := n.In[0].Shape, n.In[1].Shape
	out, err := broadcastShape(n, x, a)
	fits := err == nil && slices.Equal(out, x)
	if len(a) == 1 && len(x) > 2 && a[0] == x[1] && (n.Opset < 7 || !fits) {
		return append(slices.Clone(a), slices.Repeat([]int{1}, len(x)-2)...), nil
	}
	if !fits {
		return nil, n.Errorf("slope %v does not broadcast to %v", a, x)
	}
	return a, nil
}

func inferPRelu(n *Node) error {
	if _, err := n.slopes(); err != nil {
		return err
	}
	if err := n.sameFloat(); err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindPRelu(n *Node, e *Env) (func(), error) {
	f32 := func(x, a float32) float32 {
		if x < 0 {
			return a * x
		}
		return x
	}
	f64 := func(x, a float64) float64 {
		if x < 0 {
			return a * x
		}
		return x
	}
	shape, err := n.slopes()
	if err != nil {
		return nil, err
	}
	slope := e.In[1].Reshape(shape...)
	run, err := arith{f32: f32, f64: f64}.bind(n, e, e.In[0], slope, e.Out[0])
	if err != nil {
		return nil, err
	}
	return func() { slope.Alias(e.In[1]); run() }, nil
}

// gradPRelu: dx = dy·(slope where x < 0, else 1), dslope = dy·min(x, 0).
func gradPRelu(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	shape, err := n.slopes()
	if err != nil {
		return nil, err
	}
	x, slope, out := n.In[0], n.In[1], make([]*Value, 2)
	if want[0] {
		factor := b.Op("Where", nil, b.Op("Less", nil, x, b.Scalar(x, 0)), b.Reshape(slope, shape), b.Scalar(x, 1))
		out[0] = b.Op("Mul", nil, dy[0], factor)
	}
	if want[1] {
		sum := b.SumTo(b.Op("Mul", nil, dy[0], b.Op("Min", nil, x, b.Scalar(x, 0))), shape)
		out[1] = b.Reshape(sum, slope.Shape)
	}
	return out, b.Err
}

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var convTransposes = []Def{
	{Op: "ConvTranspose", Since: 1,
		Attributes: "auto_pad:s dilations:I group:i kernel_shape:I output_padding:I output_shape:I pads:I strides:I",
		Weighted:   true, Roles: []Role{"", ConvWeight, Bias},
		Fan: func(_ *Node, arg int, shape []int) int {
			if arg != 1 || len(shape) < 3 || shape[0] == 0 {
				return 0
			}
			return tensor.Len(shape[1:]) // [C, M/group, kernel…]
		}, Infer: inferConvTranspose, Bind: bindConvTranspose, Grad: gradConvTranspose, MultiplyAdds: func(n *Node) int64 {
			// w [C, M/group, kernel…]: all but C for each operand
			return int64(n.In[0].Len()) * int64(tensor.Len(n.In[1].Shape[1:]))
		}},
}

// convTranspose resolves a transposed convolution as the convolution whose data
// gradient it is: that one maps this one's output to its input.
func (n *Node) convTranspose() (*convolution, error) {
	if err := n.Want(2, 3); err != nil {
		return nil, err
	}
	x, w := n.In[0].Shape, n.In[1].Shape
	g, err := n.spatial(x)
	if err != nil {
		return nil, err
	}
	c := &convolution{slide: g, group: n.Int("group", 1), m: g.c}
	if err := c.weight(n, w); err != nil {
		return nil, err
	}
	if c.group < 1 || c.m != w[0] || c.m%c.group != 0 || w[1] > 1<<20 || c.group > 1<<20 {
		return nil, n.Errorf("input %v and weight %v do not fit with group %d", x, w, c.group)
	}
	g.c, g.out = w[1]*c.group, g.in
	if err := g.unfit(n); err != nil {
		return nil, err
	}
	return c, c.biased(n, g.c)
}

// unfit resolves the size that the transposed convolution makes of the input,
// which out holds, and the padding that it takes off. output_shape and SAME give
// the size, and the padding follows.
func (g *slide) unfit(n *Node) error {
	extra, err := n.perAxis("output_padding", g.rank, 0, 0)
	if err != nil {
		return err
	}
	if g.before, g.after, err = n.padded(g.rank); err != nil {
		return err
	}
	want, auto := n.Ints("output_shape", nil), n.Str("auto_pad", "NOTSET")
	if !slices.Contains([]string{"NOTSET", "", "VALID", "SAME_UPPER", "SAME_LOWER"}, auto) {
		return n.Errorf("auto_pad is %q, want NOTSET, VALID, SAME_UPPER or SAME_LOWER", auto)
	}
	if len(want) == g.rank+2 {
		want = want[2:]
	}
	if want != nil && (len(want) != g.rank || slices.Min(want) < 1) {
		return n.Errorf("output_shape is %v, want %d positive values", want, g.rank)
	}
	for i := range axes {
		full := g.stride[i]*(g.out[i]-1) + extra[i] + g.extent(i)
		g.in[i] = full - g.before[i] - g.after[i]
		own := i - (axes - g.rank)
		switch {
		case own >= 0 && want != nil:
			g.in[i] = want[own]
		case auto == "SAME_UPPER" || auto == "SAME_LOWER":
			g.in[i] = g.out[i] * g.stride[i]
		case auto == "VALID":
			g.in[i] = full
		}
		if want != nil || auto != "NOTSET" && auto != "" {
			g.before[i], g.after[i] = halves(max(0, full-g.in[i]), auto != "SAME_UPPER")
		}
		if g.in[i] < 1 {
			return n.Errorf("pads %v and %v leave nothing of the output", g.own(g.before), g.own(g.after))
		}
	}
	return nil
}

func inferConvTranspose(n *Node) error {
	c, err := n.convTranspose()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, slices.Concat([]int{c.n, c.c}, c.own(c.in)))
}

func bindConvTranspose(n *Node, e *Env) (func(), error) {
	c, err := n.convTranspose()
	if err != nil {
		return nil, err
	}
	y := e.Out[0]
	if y.Len() == 0 {
		return func() {}, nil
	}
	bias := func() {}
	if c.bias {
		bias = addBias[float32](e, y, e.In[2])
		if y.DType == tensor.Float64 {
			bias = addBias[float64](e, y, e.In[2])
		}
		c.bias = false
	}
	run := c.gradX(e, y, e.In[0], e.In[1], &tensor.Tensor{})
	return func() { run(); bias() }, nil
}

// gradConvTranspose: with respect to the input the gradient is the convolution
// itself.
func gradConvTranspose(b *Builder, n *Node, dy []*Value, want []bool) ([]*Value, error) {
	c, err := n.convTranspose()
	if err != nil {
		return nil, err
	}
	out := make([]*Value, len(n.In))
	if want[0] {
		dx := b.Op("Conv", c.attrs(nil), dy[0], n.In[1])
		if dx != nil && !slices.Equal(dx.Shape, n.In[0].Shape) {
			return nil, n.Errorf("output_padding that exceeds the strides has no gradient")
		}
		out[0] = dx
	}
	if want[1] {
		out[1] = b.Op("ConvGradW", c.attrs(n.In[1].Shape), dy[0], n.In[0])
	}
	if c.bias && want[2] {
		out[2] = b.channelSum(dy[0])
	}
	return out, b.Err
}

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var causalConvs = []Def{{Op: "CausalConvWithState", Since: 27, Attributes: "activation:s",
	Expand: expandCausalConv}}

// expandCausalConv is a convolution of each channel of x [N,C,T] with its own weights
// [C,1,K] over the K elements up to each; before the first are those of past_state
// [N,C,K−1], or zeros. Outputs are y and the last K−1 elements.
func expandCausalConv(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 4); err != nil {
		return nil, err
	}
	x, w := n.In[0], n.In[1]
	if len(x.Shape) != 3 || len(w.Shape) != 3 || w.Shape[0] != x.Shape[1] || w.Shape[1] != 1 || w.Shape[2] < 1 {
		return nil, n.Errorf("input has shape %v and weight %v, want [N,C,T] and [C,1,K]", x.Shape, w.Shape)
	}
	c, before := x.Shape[1], w.Shape[2]-1
	past := n.Input(3)
	if past == nil {
		past = b.Const(tensor.New(x.DType, x.Shape[0], c, before))
	}
	if !slices.Equal(past.Shape, []int{x.Shape[0], c, before}) {
		return nil, n.Errorf("past_state has shape %v, want %v", past.Shape, []int{x.Shape[0], c, before})
	}
	whole := b.concat(2, past, x)
	y := b.Op("Conv", Attrs{"group": int64(c)}, whole, w, n.Input(2))
	switch a := n.Str("activation", "none"); a {
	case "none":
	case "silu", "swish":
		y = b.Op("Swish", nil, y)
	default:
		return nil, n.Errorf("activation is %q, want none, silu or swish", a)
	}
	return []*Value{y, b.slice(whole, 2, x.Shape[2], x.Shape[2]+before)}, b.Err
}

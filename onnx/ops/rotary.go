package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// tokens are operators on sequences of tokens, written out in others.
var tokens = []Def{
	{Op: "RotaryEmbedding", Since: 23, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(3, 4); err != nil {
			return nil, err
		}
		y, err := b.rotate(n, n.In[0], n.In[1], n.In[2], n.Input(3))
		return []*Value{y}, err
	}},
	{Op: "TensorScatter", Since: 24, Expand: expandTensorScatter},
	{Op: "SwiGLU", Since: 28, Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(2, 2); err != nil {
			return nil, err
		}
		y := b.Op("Mul", nil, b.Op("Swish", Attrs{"alpha": n.Float("alpha", 1)}, n.In[0]), n.In[1])
		return []*Value{y}, b.Err
	}},
	{Op: "CausalConvWithState", Since: 27, Expand: expandCausalConv},
}

// rotate turns pairs of the first features of x [N,heads,T,D], or [N,T,heads·D], by
// angles whose cosines and sines are given for each token [N,T,R/2], or for each
// position [P,R/2] with the positions of the tokens [N,T]:
//
//	(u, v) → (u·cos − v·sin, u·sin + v·cos)
//
// A pair is features i and i+R/2 of a head or, interleaved, 2i and 2i+1. Reference: Su
// et al. 2021.
func (b *Builder) rotate(n *Node, x, cos, sin, positions *Value) (*Value, error) {
	flat := len(x.Shape) == 3
	if !flat && len(x.Shape) != 4 || !x.DType.IsFloat() {
		return nil, n.Errorf("input is %v%v, want floats [N,heads,T,D] or [N,T,heads·D]", x.DType, x.Shape)
	}
	heads, length, d, err := n.heads(x, "num_heads", flat)
	if err != nil {
		return nil, err
	}
	r := n.Int("rotary_embedding_dim", 0)
	if r == 0 {
		r = d
	}
	if r < 0 || r > d || r%2 != 0 {
		return nil, n.Errorf("rotary_embedding_dim is %d, want an even number up to %d", r, d)
	}
	angle := func(cache *Value) *Value { // [N,1,T,R/2]
		if positions != nil {
			cache = b.Op("Gather", nil, cache, positions)
		}
		if cache == nil || len(cache.Shape) != 3 || cache.Shape[2] < r/2 {
			return nil
		}
		return b.Reshape(b.slice(cache, 2, 0, r/2), []int{cache.Shape[0], 1, cache.Shape[1], r / 2})
	}
	c, s := angle(cos), angle(sin)
	if b.Err == nil && (c == nil || s == nil) {
		return nil, n.Errorf("caches have shapes %v and %v, want %d angles for each of %d tokens", cos.Shape, sin.Shape, r/2, length)
	}
	shape := x.Shape
	if flat {
		x = b.transpose(b.Reshape(x, []int{shape[0], length, heads, d}), 0, 2, 1, 3)
	}
	whole := []int{shape[0], heads, length, r}
	u, v := b.slice(x, 3, 0, r/2), b.slice(x, 3, r/2, r)
	interleaved := n.Int("interleaved", 0) != 0
	if interleaved {
		pairs := b.Reshape(b.slice(x, 3, 0, r), []int{shape[0], heads, length, r / 2, 2})
		half := []int{shape[0], heads, length, r / 2}
		u, v = b.Reshape(b.slice(pairs, 4, 0, 1), half), b.Reshape(b.slice(pairs, 4, 1, 2), half)
	}
	first := b.Op("Sub", nil, b.Op("Mul", nil, u, c), b.Op("Mul", nil, v, s))
	second := b.Op("Add", nil, b.Op("Mul", nil, u, s), b.Op("Mul", nil, v, c))
	y := b.concat(3, first, second)
	if interleaved {
		one := []int{shape[0], heads, length, r / 2, 1}
		y = b.Reshape(b.concat(4, b.Reshape(first, one), b.Reshape(second, one)), whole)
	}
	if r < d {
		y = b.concat(3, y, b.slice(x, 3, r, d))
	}
	if flat {
		y = b.Reshape(b.transpose(y, 0, 2, 1, 3), shape)
	}
	return y, b.Err
}

// expandTensorScatter writes updates into a cache along an axis, from the index of
// each item of the batch on; a circular cache goes on at its beginning.
func expandTensorScatter(b *Builder, n *Node) ([]*Value, error) {
	if err := n.Want(2, 3); err != nil {
		return nil, err
	}
	cache, update, at := n.In[0], n.In[1], n.Input(2)
	rank := len(cache.Shape)
	axis, err := n.Axis(n.Int("axis", -2), rank)
	if err != nil {
		return nil, err
	}
	if axis == 0 || len(update.Shape) != rank || update.Shape[axis] > cache.Shape[axis] || update.DType != cache.DType ||
		!slices.Equal(slices.Delete(slices.Clone(update.Shape), axis, axis+1), slices.Delete(slices.Clone(cache.Shape), axis, axis+1)) {
		return nil, n.Errorf("update is %v%v for a cache %v%v", update.DType, update.Shape, cache.DType, cache.Shape)
	}
	mode := n.Str("mode", "linear")
	if mode != "linear" && mode != "circular" {
		return nil, n.Errorf("mode is %q, want linear or circular", mode)
	}
	one := slices.Repeat([]int{1}, rank)
	one[axis] = update.Shape[axis]
	index := b.Const(counting(one[axis], one...))
	if at != nil {
		if !slices.Equal(at.Shape, cache.Shape[:1]) || at.DType != tensor.Int64 {
			return nil, n.Errorf("write_indices is %v%v, want int64 %v", at.DType, at.Shape, cache.Shape[:1])
		}
		first := slices.Repeat([]int{1}, rank)
		first[0] = at.Shape[0]
		index = b.Op("Add", nil, index, b.Reshape(at, first))
	}
	if mode == "circular" {
		index = b.Op("Mod", nil, index, b.Ints(cache.Shape[axis]))
	}
	index = b.expand(index, update.Shape)
	return []*Value{b.Op("ScatterElements", Attrs{"axis": int64(axis)}, cache, index, update)}, b.Err
}

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

package ops

var rotaries = []Def{
	{Op: "RotaryEmbedding", Since: 23, Attributes: "interleaved:i num_heads:i rotary_embedding_dim:i",
		Expand: func(b *Builder, n *Node) ([]*Value, error) {
			if err := n.Want(3, 4); err != nil {
				return nil, err
			}
			y, err := b.rotate(n, n.In[0], n.In[1], n.In[2], n.Input(3))
			return []*Value{y}, err
		}},
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
		return nil, n.Errorf("caches have shapes %v and %v, want %d angles for each of %d tokens",
			cos.Shape, sin.Shape, r/2, length)
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

package ops

var swiGLUs = []Def{
	{Op: "SwiGLU", Since: 28, Attributes: "alpha:f", Expand: func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(2, 2); err != nil {
			return nil, err
		}
		y := b.Op("Mul", nil, b.Op("Swish", Attrs{"alpha": n.Float("alpha", 1)}, n.In[0]), n.In[1])
		return []*Value{y}, b.Err
	}},
}

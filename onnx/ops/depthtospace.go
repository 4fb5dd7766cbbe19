package ops

import "memprobe/internal/tensor"

var depthToSpaces = []Def{
	{Op: "DepthToSpace", Since: 1, Attributes: "blocksize:i!; 11 blocksize:i! mode:s",
		Infer: inferBlocks, Bind: bindBlocks, Grad: gradBlocks},
	{Op: "SpaceToDepth", Since: 1, Attributes: "blocksize:i!",
		Infer: inferBlocks, Bind: bindBlocks, Grad: gradBlocks},
}

// blocks says how DepthToSpace or SpaceToDepth moves elements: the input seen in
// six axes, these permuted, and the result seen in four.
func (n *Node) blocks() (split, perm, shape []int, err error) {
	x := n.In[0].Shape
	bs := n.Int("blocksize", 0)
	if len(x) != 4 || bs < 1 || bs > 1<<15 {
		return nil, nil, nil, n.Errorf("input has shape %v and blocksize is %d, want [N,C,H,W] and at least 1", x, bs)
	}
	b, c, h, w := x[0], x[1], x[2], x[3]
	if n.Op == "SpaceToDepth" {
		if h%bs != 0 || w%bs != 0 {
			return nil, nil, nil, n.Errorf("blocks of %d do not divide shape %v", bs, x)
		}
		return []int{b, c, h / bs, bs, w / bs, bs}, []int{0, 3, 5, 1, 2, 4}, []int{b, c * bs * bs, h / bs, w / bs}, nil
	}
	if c%(bs*bs) != 0 {
		return nil, nil, nil, n.Errorf("blocks of %dx%d do not divide %d channels", bs, bs, c)
	}
	shape = []int{b, c / bs / bs, h * bs, w * bs}
	switch mode := n.Str("mode", "DCR"); mode {
	case "DCR":
		return []int{b, bs, bs, c / bs / bs, h, w}, []int{0, 3, 4, 1, 5, 2}, shape, nil
	case "CRD":
		return []int{b, c / bs / bs, bs, bs, h, w}, []int{0, 1, 4, 2, 5, 3}, shape, nil
	default:
		return nil, nil, nil, n.Errorf("mode is %q, want DCR or CRD", mode)
	}
}

func inferBlocks(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	_, _, shape, err := n.blocks()
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[0].DType, shape)
}

func bindBlocks(n *Node, e *Env) (func(), error) {
	split, perm, _, err := n.blocks()
	if err != nil {
		return nil, err
	}
	own := tensor.Strides(split)
	shape, strides := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		shape[i], strides[i] = split[p], own[p]
	}
	wide, out := *e.Out[0], e.Out[0]
	wide.Shape = shape
	run := bindView(e, &wide, e.In[0], view{0, strides})
	return func() { wide.Alias(out); run() }, nil
}

// gradBlocks moves the elements back.
func gradBlocks(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	split, perm, _, err := n.blocks()
	if err != nil {
		return nil, err
	}
	moved, back := make([]int, len(perm)), make([]int, len(perm))
	for i, p := range perm {
		moved[i], back[p] = split[p], i
	}
	dx := b.Op("Transpose", Attrs{"perm": int64s(back)}, b.Reshape(dy[0], moved))
	return []*Value{b.Reshape(dx, n.In[0].Shape)}, b.Err
}

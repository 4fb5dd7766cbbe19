package ops

import (
	"memprobe/internal/tensor"
)

// trilu resolves the diagonal from which on, or up to which, elements stay.
func (n *Node) trilu() (k int, upper bool, err error) {
	if n.Input(1) != nil {
		v, err := n.known(1, "k")
		if err != nil {
			return 0, false, err
		}
		if len(v) != 1 {
			return 0, false, n.Errorf("k has %d values, want 1", len(v))
		}
		k = v[0]
	}
	return k, n.Int("upper", 1) != 0, nil
}

func inferTrilu(n *Node) error {
	if err := n.Want(1, 2); err != nil {
		return err
	}
	if _, _, err := n.trilu(); err != nil {
		return err
	}
	if len(n.In[0].Shape) < 2 {
		return n.Errorf("input has shape %v, want matrices", n.In[0].Shape)
	}
	return n.SetOut(0, n.In[0].DType, n.In[0].Shape)
}

func bindTrilu(n *Node, e *Env) (func(), error) {
	k, upper, err := n.trilu()
	if err != nil {
		return nil, err
	}
	return words(e.In[0].DType, func() func() { return triluLoop[uint8](e, k, upper) }, func() func() { return triluLoop[uint16](e, k, upper) },
		func() func() { return triluLoop[uint32](e, k, upper) }, func() func() { return triluLoop[uint64](e, k, upper) }), nil
}

// triluLoop keeps element (i,j) of each matrix where j−i ≥ k, or ≤ k.
func triluLoop[T tensor.Word](e *Env, k int, upper bool) func() {
	x, y := e.In[0], e.Out[0]
	rank := len(x.Shape)
	rows, cols := x.Shape[rank-2], x.Shape[rank-1]
	return func() {
		src, dst := tensor.Words[T](x), tensor.Words[T](y)
		for lo := 0; lo < len(dst); lo += cols {
			i := lo / cols % rows
			for j := range cols {
				if upper && j-i >= k || !upper && j-i <= k {
					dst[lo+j] = src[lo+j]
				} else {
					var zero T
					dst[lo+j] = zero
				}
			}
		}
	}
}

func gradTrilu(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	out := make([]*Value, len(n.In))
	out[0] = b.Op("Trilu", Attrs{"upper": int64(n.Int("upper", 1))}, append([]*Value{dy[0]}, n.In[1:]...)...)
	return out, b.Err
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

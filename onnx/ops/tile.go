package ops

import "memprobe/internal/tensor"

var tiles = []Def{{Op: "Tile", Since: 6, Infer: inferTile, Bind: bindTile, Grad: gradTile}}

func inferTile(n *Node) error {
	if err := n.Want(2, 2); err != nil {
		return err
	}
	repeats, err := n.known(1, "repeats")
	if err != nil {
		return err
	}
	in := n.In[0]
	if len(repeats) != len(in.Shape) {
		return n.Errorf("has %d repeats for rank %d", len(repeats), len(in.Shape))
	}
	out := make([]int, len(repeats))
	for i, r := range repeats {
		if r < 0 || r > maxElements/max(in.Shape[i], 1) {
			return n.Errorf("repeats %v are out of range", repeats)
		}
		out[i] = in.Shape[i] * r
	}
	return n.SetOut(0, in.DType, out)
}

// bindTile sees the result as [r0,d0,r1,d1,…], in which the repeats have stride 0.
func bindTile(n *Node, e *Env) (func(), error) {
	repeats, _ := n.In[1].Ints()
	own := tensor.Strides(n.In[0].Shape)
	var shape, strides []int
	for i, r := range repeats {
		shape, strides = append(shape, r, n.In[0].Shape[i]), append(strides, 0, own[i])
	}
	wide := *e.Out[0]
	wide.Shape = shape
	out := e.Out[0]
	run := bindView(e, &wide, e.In[0], view{0, strides})
	return func() { wide.Alias(out); run() }, nil
}

// gradTile sums over the repeats r of [r0,d0,r1,d1,…].
func gradTile(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	repeats, _ := n.In[1].Ints()
	var wide, one []int
	for i, d := range n.In[0].Shape {
		wide, one = append(wide, repeats[i], d), append(one, 1, d)
	}
	return []*Value{b.Reshape(b.SumTo(b.Reshape(dy[0], wide), one), n.In[0].Shape), nil}, b.Err
}

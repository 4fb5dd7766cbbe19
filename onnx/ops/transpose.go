package ops

import (
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/tensor"
)

var transposes = []Def{
	{Op: "Transpose", Since: 1, Attributes: "perm:I",
		Moves: true, Infer: inferTranspose, Bind: bindTranspose, Grad: gradTranspose},
}

func inferTranspose(n *Node) error {
	if err := n.Want(1, 1); err != nil {
		return err
	}
	in := n.In[0]
	perm := n.Perm()
	if p := slices.Sorted(slices.Values(perm)); len(p) != len(in.Shape) {
		return n.Errorf("perm %v does not fit shape %v", perm, in.Shape)
	} else {
		for i := range p {
			if p[i] != i {
				return n.Errorf("perm %v is no permutation", perm)
			}
		}
	}
	out := make([]int, len(perm))
	for i, p := range perm {
		out[i] = in.Shape[p]
	}
	return n.SetOut(0, in.DType, out)
}

// Perm is Transpose's attribute, by default the reversal of the axes.
func (n *Node) Perm() []int {
	if n.Has("perm") {
		return n.Ints("perm", nil)
	}
	perm := make([]int, len(n.In[0].Shape))
	for i := range perm {
		perm[i] = len(perm) - 1 - i
	}
	return perm
}

func bindTranspose(n *Node, e *Env) (func(), error) {
	x, y, perm := e.In[0], e.Out[0], n.Perm()
	if x.DType == tensor.Float32 && x.Len() > 0 {
		p := vec.NewPermute[float32](e.Pool, x.Shape, perm)
		return func() { p.Run(y.F32(), x.F32()) }, nil
	}
	own := tensor.Strides(x.Shape)
	strides := make([]int, len(perm))
	for i, p := range perm {
		strides[i] = own[p]
	}
	return bindView(e, y, x, view{0, strides}), nil
}

func gradTranspose(b *Builder, n *Node, dy []*Value, _ []bool) ([]*Value, error) {
	perm := n.Perm()
	inverse := make([]int, len(perm))
	for i, p := range perm {
		inverse[p] = i
	}
	return []*Value{b.Op("Transpose", Attrs{"perm": int64s(inverse)}, dy[0])}, b.Err
}

package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

var oneHots = []Def{{Op: "OneHot", Since: 9, Attributes: "axis:i", Infer: inferOneHot, Bind: bindOneHot,
	NotDifferentiable: "its result is a code of integers"}}

func inferOneHot(n *Node) error {
	if err := n.Want(3, 3); err != nil {
		return err
	}
	depth, ix := n.In[1], n.In[0]
	if depth.Len() != 1 || n.In[2].Len() != 2 {
		return n.Errorf("depth has %d elements and values %d, want 1 and 2", depth.Len(), n.In[2].Len())
	}
	if depth.Const == nil {
		return n.Unknown(depth, "depth")
	}
	if ix.DType == tensor.Bool {
		return n.Errorf("indices are bool, want numbers")
	}
	axis, err := n.Axis(n.Int("axis", -1), len(ix.Shape)+1)
	if err != nil {
		return err
	}
	return n.SetOut(0, n.In[2].DType, slices.Insert(slices.Clone(ix.Shape), axis, int(depth.Const.Number(0))))
}

func bindOneHot(n *Node, e *Env) (func(), error) {
	axis, err := n.Axis(n.Int("axis", -1), len(e.Out[0].Shape))
	if err != nil {
		return nil, err
	}
	l := laneOf(e.Out[0].Shape, axis)
	return words(e.Out[0].DType, func() func() { return oneHotLoop[uint8](e, l) },
		func() func() { return oneHotLoop[uint16](e, l) }, func() func() { return oneHotLoop[uint32](e, l) },
		func() func() { return oneHotLoop[uint64](e, l) }), nil
}

// oneHotLoop writes values[1] at each index, which may count from the end, and
// values[0] elsewhere; an index out of range leaves its lane off.
func oneHotLoop[T tensor.Word](e *Env, l lane) func() {
	return func() {
		ix, values, dst := e.In[0], tensor.Words[T](e.In[2]), tensor.Words[T](e.Out[0])
		for i := range l.outer * l.inner {
			hot := int(ix.Number(i))
			if hot < 0 {
				hot += l.n
			}
			for j := range l.n {
				v := values[0]
				if j == hot {
					v = values[1]
				}
				dst[l.start(i)+j*l.inner] = v
			}
		}
	}
}

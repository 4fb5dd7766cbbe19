package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// Part returns the node that computes for one of several equal parts of a batch what n computes
// for all of its images. of holds the parts of the operands that are of images: tensors whose
// first axis counts images, or pieces of them, one image after the other. The results are of
// images too. It is nil where n is not known to compute each image from that image and
// constants alone.
func (n *Node) Part(of map[*Value]*Value, batch, parts int) *Node {
	rule := partRules[key{n.Domain, n.Op}]
	scalar := slices.ContainsFunc(n.Out, func(v *Value) bool { return v != nil && len(v.Shape) == 0 })
	if rule == nil || scalar || !rule(n, func(v *Value) bool { return of[v] != nil }) {
		return nil
	}
	own := *n
	own.In, own.Out = slices.Clone(n.In), slices.Clone(n.Out)
	for i, v := range n.In {
		if of[v] != nil {
			own.In[i] = of[v]
		}
	}
	for i, v := range n.Out {
		if v != nil {
			own.Out[i] = &Value{Name: v.Name, Producer: &own}
		}
	}
	if n.Op == "Reshape" { // its target may hold the size of the batch
		target := n.Out[0].Shape
		t := tensor.From(int64s(slices.Concat([]int{target[0] / parts}, target[1:])), len(target))
		own.In[1] = &Value{Name: n.In[1].Name, DType: t.DType, Shape: t.Shape, Const: t}
	}
	if own.Def.Infer(&own) != nil {
		return nil
	}
	for i, v := range n.Out {
		if v == nil {
			continue
		}
		part := own.Out[i].Shape
		if v.Shape[0]%batch != 0 || len(part) != len(v.Shape) || part[0]*parts != v.Shape[0] ||
			!slices.Equal(part[1:], v.Shape[1:]) || own.Out[i].DType != v.DType || v.Const != nil {
			return nil
		}
	}
	return &own
}

// partRule reports whether a node computes each image by itself, given which operands are of
// images.
type partRule func(n *Node, images func(v *Value) bool) bool

var partRules = partRulesByOp()

func partRulesByOp() map[key]partRule {
	rules := map[key]partRule{
		{Internal, "FusedConv"}: func(n *Node, images func(*Value) bool) bool {
			r := n.Input(3)
			return images(n.In[0]) && allConstant(n.In[1:min(3, len(n.In))]) && (r == nil || images(r))
		},
		{"", "BatchNormalization"}: func(n *Node, images func(*Value) bool) bool {
			return ofFirst(n, images) && !n.batchStatistics()
		},
		{"", "Concat"}: func(n *Node, images func(*Value) bool) bool {
			axis, err := n.axisAttr(1)
			return err == nil && axis > 0 && !slices.ContainsFunc(n.In, func(v *Value) bool { return !images(v) })
		},
		{"", "Transpose"}: func(n *Node, images func(*Value) bool) bool {
			return ofFirst(n, images) && n.Perm()[0] == 0
		},
		{"", "Slice"}: func(n *Node, images func(*Value) bool) bool {
			if !ofFirst(n, images) {
				return false
			}
			w, err := n.slice()
			x := n.In[0].Shape
			return err == nil && w.shape[0] == x[0] && w.strides[0] == tensor.Strides(x)[0]
		},
		{"", "Reshape"}: func(n *Node, images func(*Value) bool) bool {
			return len(n.In) == 2 && ofFirst(n, images) && len(n.Out[0].Shape) > 0
		},
		{Internal, "BatchNormRelu"}: ofFirst,
	}
	for _, op := range []string{"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LRN",
		"Identity", "Dropout", "Flatten"} {
		rules[key{"", op}] = ofFirst
	}
	for _, op := range []string{"Add", "Sub", "Mul", "Div", "PRelu", "Clip", "Relu", "LeakyRelu", "Elu", "Selu", "Celu",
		"Sigmoid", "HardSigmoid", "Tanh", "Softplus", "HardSwish", "Swish", "Mish", "Gelu"} {
		rules[key{"", op}] = elementByElement
	}
	return rules
}

// ofFirst holds where the first operand is of images, the others are constant, and the first
// result is the only one.
func ofFirst(n *Node, images func(*Value) bool) bool {
	for i := range n.Out {
		if i > 0 && n.wanted(i) {
			return false
		}
	}
	return images(n.In[0]) && allConstant(n.In[1:])
}

func allConstant(vs []*Value) bool {
	return !slices.ContainsFunc(vs, func(v *Value) bool { return v != nil && v.Const == nil })
}

// elementByElement holds where the operands are broadcast along other axes than the first.
func elementByElement(n *Node, images func(*Value) bool) bool {
	out := n.Out[0].Shape
	for _, v := range n.In {
		switch {
		case v == nil:
		case images(v):
			if len(v.Shape) != len(out) || v.Shape[0] != out[0] {
				return false
			}
		case v.Const == nil || len(v.Shape) == len(out) && v.Shape[0] != 1:
			return false
		}
	}
	return true
}

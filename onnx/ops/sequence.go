package ops

import (
	"slices"

	"memprobe/internal/tensor"
)

// sequences are the operators on lists of tensors and on optionals. They run on whole
// values, since a list may hold tensors of many shapes.
var sequences = []Def{
	{Op: "SequenceEmpty", Since: 11, Attributes: "dtype:i", Eager: func(n *Node, _ []Data) ([]Data, error) {
		return []Data{&Sequence{DType: castTypes[n.Int("dtype", 1)].dtype}}, nil
	}},
	{Op: "SequenceConstruct", Since: 11, Eager: sequenceConstruct},
	{Op: "SequenceAt", Since: 11, Eager: sequenceAt},
	{Op: "SequenceInsert", Since: 11, Eager: sequenceInsert},
	{Op: "SequenceErase", Since: 11, Eager: sequenceErase},
	{Op: "SequenceLength", Since: 11, Eager: func(n *Node, in []Data) ([]Data, error) {
		s, err := n.sequenceAt(in, 0)
		if err != nil {
			return nil, err
		}
		return []Data{tensor.From([]int64{int64(len(s.Items))})}, nil
	}},
	{Op: "SplitToSequence", Since: 11, Attributes: "axis:i keepdims:i", Eager: splitToSequence},
	{Op: "ConcatFromSequence", Since: 11, Attributes: "axis:i! new_axis:i", Eager: concatFromSequence},

	{Op: "Optional", Since: 15, Attributes: "type:p", Eager: func(n *Node, in []Data) ([]Data, error) {
		if len(in) == 0 || in[0] == nil {
			return []Data{Nothing{}}, nil
		}
		return handOn(n, in)
	}},
	{Op: "OptionalHasElement", Since: 15, Eager: func(n *Node, in []Data) ([]Data, error) {
		has := len(in) > 0 && in[0] != nil && in[0] != Nothing{}
		return []Data{tensor.From([]bool{has})}, nil
	}},
	{Op: "OptionalGetElement", Since: 15, Eager: func(n *Node, in []Data) ([]Data, error) {
		if len(in) > 0 && in[0] == (Nothing{}) {
			return nil, n.Errorf("its optional is empty")
		}
		return handOn(n, in)
	}},
}

// handOn is an Eager that returns its operand: sequences are never changed.
func handOn(n *Node, in []Data) ([]Data, error) {
	if len(in) != 1 || in[0] == nil {
		return nil, n.Errorf("has %d inputs, want 1", len(in))
	}
	if t, ok := in[0].(*tensor.Tensor); ok {
		own, err := n.own(t)
		return []Data{own}, err
	}
	return in, nil
}

func sequenceConstruct(n *Node, in []Data) ([]Data, error) {
	s := &Sequence{}
	for i := range in {
		t, err := n.tensorAt(in, i)
		if err != nil {
			return nil, err
		}
		if s, err = n.inserted(s, len(s.Items), t); err != nil {
			return nil, err
		}
	}
	return []Data{s}, nil
}

// inserted is s with a copy of t at place i.
func (n *Node) inserted(s *Sequence, i int, t *tensor.Tensor) (*Sequence, error) {
	if s.DType != tensor.Invalid && s.DType != t.DType {
		return nil, n.Errorf("a tensor of %v cannot be put into a sequence of %v", t.DType, s.DType)
	}
	own, err := n.own(t)
	if err != nil {
		return nil, err
	}
	if i == len(s.Items) {
		return s.with(own), nil
	}
	if err := n.need("the sequence", 8*(len(s.Items)+1)); err != nil {
		return nil, err
	}
	return &Sequence{DType: t.DType, Items: slices.Concat(s.Items[:i], []*tensor.Tensor{own}, s.Items[i:])}, nil
}

// place is operand i, a position of 0 to most in a list of size, or of -size to -1 from
// its end; def where it is absent.
func (n *Node) place(in []Data, i, size, most, def int) (int, error) {
	if i >= len(in) || in[i] == nil {
		return def, nil
	}
	t, err := n.tensorAt(in, i)
	if err != nil {
		return 0, err
	}
	if t.Len() != 1 || !t.DType.IsInteger() {
		return 0, n.Errorf("position is %v%v, want one integer", t.DType, t.Shape)
	}
	at := t.Ints()[0]
	if at < 0 {
		at += size
	}
	if at < 0 || at > most {
		return 0, n.Errorf("position %d is out of range for %d", t.Ints()[0], size)
	}
	return at, nil
}

func sequenceAt(n *Node, in []Data) ([]Data, error) {
	s, err := n.sequenceAt(in, 0)
	if err != nil {
		return nil, err
	}
	if len(in) != 2 || in[1] == nil {
		return nil, n.Errorf("has no position")
	}
	at, err := n.place(in, 1, len(s.Items), len(s.Items)-1, 0)
	if err != nil {
		return nil, err
	}
	return []Data{s.Items[at]}, nil
}

func sequenceInsert(n *Node, in []Data) ([]Data, error) {
	s, err := n.sequenceAt(in, 0)
	if err != nil {
		return nil, err
	}
	t, err := n.tensorAt(in, 1)
	if err != nil {
		return nil, err
	}
	at, err := n.place(in, 2, len(s.Items), len(s.Items), len(s.Items))
	if err != nil {
		return nil, err
	}
	s, err = n.inserted(s, at, t)
	return []Data{s}, err
}

func sequenceErase(n *Node, in []Data) ([]Data, error) {
	s, err := n.sequenceAt(in, 0)
	if err != nil {
		return nil, err
	}
	at, err := n.place(in, 1, len(s.Items), len(s.Items)-1, len(s.Items)-1)
	if err != nil {
		return nil, err
	}
	if at < 0 {
		return nil, n.Errorf("its sequence is empty")
	}
	return []Data{&Sequence{DType: s.DType, Items: slices.Concat(s.Items[:at], s.Items[at+1:])}}, nil
}

// splitToSequence cuts a tensor along an axis: into pieces of given sizes, of one size
// where that is a scalar, or of size 1, which lose the axis without keepdims.
func splitToSequence(n *Node, in []Data) ([]Data, error) {
	x, err := n.tensorAt(in, 0)
	if err != nil {
		return nil, err
	}
	axis, err := n.Axis(n.Int("axis", 0), len(x.Shape))
	if err != nil {
		return nil, err
	}
	size := x.Shape[axis]
	sizes, drop := []int{1}, n.Int("keepdims", 1) == 0
	each := true
	if len(in) > 1 && in[1] != nil {
		t, err := n.tensorAt(in, 1)
		if err != nil {
			return nil, err
		}
		if sizes = t.Ints(); sizes == nil || len(t.Shape) > 1 {
			return nil, n.Errorf("split is %v%v, want integers", t.DType, t.Shape)
		}
		each, drop = len(t.Shape) == 0, false
	}
	if each {
		if sizes[0] < 1 {
			return nil, n.Errorf("split is %d, want at least 1", sizes[0])
		}
		count := (size + sizes[0] - 1) / sizes[0]
		if err := n.need("the sizes", 64*count); err != nil {
			return nil, err
		}
		sizes = slices.Repeat(sizes, count)
		if count > 0 {
			sizes[count-1] = size - (count-1)*sizes[0]
		}
	}
	s, at := &Sequence{DType: x.DType}, 0
	for _, d := range sizes {
		if d < 0 || d > size-at {
			return nil, n.Errorf("split %v does not fit axis %d of shape %v", sizes, axis, x.Shape)
		}
		cut := n.piece
		if drop {
			cut = func(t *tensor.Tensor, axis, lo, _ int) (*tensor.Tensor, error) { return n.slab(t, axis, lo) }
		}
		p, err := cut(x, axis, at, at+d)
		if err != nil {
			return nil, err
		}
		s.Items, at = append(s.Items, p), at+d
	}
	if at != size {
		return nil, n.Errorf("split %v does not fit axis %d of shape %v", sizes, axis, x.Shape)
	}
	return []Data{s}, nil
}

func concatFromSequence(n *Node, in []Data) ([]Data, error) {
	s, err := n.sequenceAt(in, 0)
	if err != nil {
		return nil, err
	}
	if len(s.Items) == 0 {
		return nil, n.Errorf("its sequence is empty")
	}
	join := n.concatenated
	if n.Int("new_axis", 0) != 0 {
		join = n.stacked
	}
	t, err := join(n.Int("axis", 0), s.Items)
	return []Data{t}, err
}

package ops

import (
	"fmt"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
)

// Data is what an operator yields when a graph runs: a *tensor.Tensor, a *Sequence or
// Nothing. An optional is what it holds, or Nothing.
type Data any

// Nothing is an optional that is empty.
type Nothing struct{}

// Sequence is a list of tensors of one element type. It is never changed: operators
// return others, which share its tensors.
type Sequence struct {
	DType tensor.DType // Invalid where it is empty and nobody said
	Items []*tensor.Tensor

	used *int // of the array that Items is the begin of, what all sequences on it use
}

// with is s and t behind it. The array grows in place where no other sequence has gone
// on from s, so that a loop that collects n tensors copies O(n) of them, not O(n²).
func (s *Sequence) with(t *tensor.Tensor) *Sequence {
	items, used := s.Items, s.used
	if used == nil || *used != len(items) || len(items) == cap(items) {
		items = slices.Grow(slices.Clone(items), len(items)+1)
		used = new(int)
	}
	items = append(items, t)
	*used = len(items)
	return &Sequence{DType: t.DType, Items: items, used: used}
}

// Body is a graph that a node has as an attribute: what a Loop repeats.
type Body interface {
	// Inputs is the number of its inputs, Outputs that of its outputs.
	Inputs() int
	Outputs() int
	// Run computes the outputs. What it returns stays as it is in later runs.
	Run(in []Data) ([]Data, error)
	// Declared is the type and shape that the file gives output i, open sizes being
	// 0; Invalid where it gives none.
	Declared(i int) (tensor.DType, []int)
}

// tensorAt is operand i of an operation on whole values, which must be a tensor.
func (n *Node) tensorAt(in []Data, i int) (*tensor.Tensor, error) {
	t, err := dataAt[*tensor.Tensor](n, in, i)
	return t, err
}

// sequenceAt is operand i, which must be a sequence.
func (n *Node) sequenceAt(in []Data, i int) (*Sequence, error) {
	return dataAt[*Sequence](n, in, i)
}

func dataAt[T Data](n *Node, in []Data, i int) (T, error) {
	var none T
	if i >= len(in) || in[i] == nil {
		return none, n.Errorf("has %d inputs, want at least %d", len(in), i+1)
	}
	v, ok := in[i].(T)
	if !ok {
		return none, n.Errorf("input %d is %s, want %s", i, KindOf(in[i]), KindOf(none))
	}
	return v, nil
}

// KindOf says what d is, for errors.
func KindOf(d Data) string {
	switch d.(type) {
	case *tensor.Tensor:
		return "a tensor"
	case *Sequence:
		return "a sequence"
	}
	return "an empty optional"
}

// own is a copy of t that no later step writes to.
func (n *Node) own(t *tensor.Tensor) (*tensor.Tensor, error) {
	what := fmt.Sprintf("node %q (%s): a copy of a tensor of shape %v", show.Name(n.Name), n.Op, t.Shape)
	if err := memory.Need(what, int64(t.Len()*t.DType.Size())); err != nil {
		return nil, err
	}
	return t.Clone(), nil
}

// beforehand is an Expand whose results are the constants that compute returns.
func beforehand(least, most int,
	compute func(n *Node) ([]*tensor.Tensor, error)) func(b *Builder, n *Node) ([]*Value, error) {
	return func(b *Builder, n *Node) ([]*Value, error) {
		if err := n.Want(least, most); err != nil {
			return nil, err
		}
		for i, v := range n.In {
			if v != nil && v.Const == nil {
				return nil, n.Unknown(v, fmt.Sprintf("input %d", i))
			}
		}
		results, err := compute(n)
		values := make([]*Value, len(results))
		for i, t := range results {
			values[i] = b.Const(t)
		}
		return values, err
	}
}

// eagerly is an Eager of operands that are all tensors, by a function that reads their
// elements as constants of the node.
func eagerly(least, most int, compute func(n *Node) ([]*tensor.Tensor, error)) func(n *Node, in []Data) ([]Data, error) {
	return func(n *Node, in []Data) ([]Data, error) {
		own := *n
		own.In = make([]*Value, len(in))
		for i, d := range in {
			if d == nil {
				continue
			}
			t, err := n.tensorAt(in, i)
			if err != nil {
				return nil, err
			}
			own.In[i] = &Value{DType: t.DType, Shape: t.Shape, Const: t}
		}
		if err := own.Want(least, most); err != nil {
			return nil, err
		}
		results, err := compute(&own)
		out := make([]Data, len(results))
		for i, t := range results {
			out[i] = t
		}
		return out, err
	}
}

package ops

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/show"
	"memprobe/internal/tensor"
)

// Internal is the domain of operators that exist only inside compiled plans.
const Internal = "memprobe"

// Value is a tensor of a graph as the compiler knows it before anything runs:
// its element type and concrete shape, and its elements where they are constant.
type Value struct {
	Name  string
	DType tensor.DType
	Shape []int
	// Const holds the elements when they are known at compile time.
	Const *tensor.Tensor
	// Param marks an initialiser that training may change: its elements are
	// known (Const) but must not be folded into other constants.
	Param bool
	// Producer is the node that computes the value; nil for inputs and constants.
	Producer *Node
}

// Len is the number of elements of v.
func (v *Value) Len() int { return tensor.Len(v.Shape) }

// Ints returns the elements of a constant integer value, and whether it is one.
func (v *Value) Ints() ([]int, bool) {
	if v == nil || v.Const == nil || !v.DType.IsInteger() {
		return nil, false
	}
	return v.Const.Ints(), true
}

// Node is an operator applied to values. A nil entry of In is an optional input
// that is absent; a nil entry of Out an output that nobody wants.
type Node struct {
	Name   string
	Op     string
	Domain string
	Opset  int
	Attrs  Attrs
	In     []*Value
	Out    []*Value
	Def    *Def
	// Mistyped is set when a rule asks for an attribute that is there with
	// another type.
	Mistyped error
	// Stop is closed once the graph is not to be compiled any more; nil never is.
	Stop <-chan struct{}
}

// Attrs holds attributes by name: int64, float32, string, []int64, []float32,
// []string or *tensor.Tensor; and *Node, in gradients that need the forward node.
type Attrs map[string]any

// Errorf returns an error that names the node and its operator as the graph has it.
func (n *Node) Errorf(format string, args ...any) error {
	op := n.Op
	if n.Def != nil && n.Def.As != "" {
		op = n.Def.As
	}
	return &Error{Node: n.Name, Op: op, Msg: fmt.Sprintf(format, args...)}
}

// Error is a fault of one node of a graph.
type Error struct {
	Node, Op, Msg string
	// Unknown is the operand whose elements the operator must know before the
	// run, where that is the fault.
	Unknown *Value
}

func (e *Error) Error() string { return fmt.Sprintf("node %q (%s): %s", e.Node, e.Op, e.Msg) }

// Unknown is the fault that the elements of v, which is called what, decide the
// shape of n's result or how it is computed, and are not known before the run.
func (n *Node) Unknown(v *Value, what string) error {
	err := n.Errorf("%s must be known before the run", what).(*Error)
	err.Unknown = v
	return err
}

// Input returns input i, or nil where it is absent.
func (n *Node) Input(i int) *Value {
	if i < len(n.In) {
		return n.In[i]
	}
	return nil
}

// known returns the elements of an integer input that must be constant.
func (n *Node) known(i int, what string) ([]int, error) {
	v := n.Input(i)
	if v == nil {
		return nil, n.Errorf("input %d (%s) is missing", i, what)
	}
	if !v.DType.IsInteger() {
		return nil, n.Errorf("input %d (%s) is %v, want integers", i, what, v.DType)
	}
	ints, ok := v.Ints()
	if !ok {
		return nil, n.Unknown(v, fmt.Sprintf("input %d (%s)", i, what))
	}
	if len(v.Shape) > 1 {
		return nil, n.Errorf("input %d (%s) has shape %v, want a vector", i, what, v.Shape)
	}
	return ints, nil
}

// sameFloat checks that all inputs are of one floating-point type.
func (n *Node) sameFloat() error {
	for i, v := range n.In {
		switch {
		case v == nil:
		case !v.DType.IsFloat():
			return n.Errorf("input %d is %v, want float32", i, v.DType)
		case v.DType != n.In[0].DType:
			return n.Errorf("input %d is %v and input 0 is %v, want one type", i, v.DType, n.In[0].DType)
		}
	}
	return nil
}

// Has reports whether the attribute is present.
func (n *Node) Has(name string) bool { _, ok := n.Attrs[name]; return ok }

// attr returns an attribute as a T, or def where it is absent; one of another type
// becomes the node's Mistyped.
func attr[T any](n *Node, name string, def T) T {
	switch v := n.Attrs[name].(type) {
	case nil:
	case T:
		return v
	default:
		n.Mistyped = n.Errorf("attribute %s is %T, want %T", name, v, def)
	}
	return def
}

// Int returns an integer attribute.
func (n *Node) Int(name string, def int) int { return int(attr(n, name, int64(def))) }

// Float returns a float attribute.
func (n *Node) Float(name string, def float32) float32 { return attr(n, name, def) }

// Str returns a string attribute.
func (n *Node) Str(name, def string) string { return attr(n, name, def) }

// Ints returns an integer-list attribute; a lone integer counts as a list of one.
func (n *Node) Ints(name string, def []int) []int {
	switch v := n.Attrs[name].(type) {
	case []int64:
		out := make([]int, len(v))
		for i, x := range v {
			out[i] = int(x)
		}
		return out
	case int64:
		return []int{int(v)}
	case nil:
	default:
		n.Mistyped = n.Errorf("attribute %s is %T, want []int64", name, v)
	}
	return def
}

// Axis resolves an axis that may be negative against a rank.
func (n *Node) Axis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, n.Errorf("axis %d is out of range for rank %d", axis, rank)
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// Axes resolves a list of axes against a rank and sorts it; duplicates are errors.
func (n *Node) Axes(axes []int, rank int) ([]int, error) {
	out := make([]int, len(axes))
	for i, a := range axes {
		r, err := n.Axis(a, rank)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	slices.Sort(out)
	if d := slices.Compact(slices.Clone(out)); len(d) != len(out) {
		return nil, n.Errorf("axes %v repeat", axes)
	}
	return out, nil
}

// SetOut gives output i its element type and shape. A negative or overflowing
// size is an error.
func (n *Node) SetOut(i int, d tensor.DType, shape []int) error {
	if err := n.bounded(i, shape); err != nil {
		return err
	}
	if i < len(n.Out) && n.Out[i] != nil {
		n.Out[i].DType, n.Out[i].Shape = d, slices.Clone(shape)
	}
	return nil
}

// maxElements is the most elements that a result may have.
const maxElements = math.MaxInt32 * 4

// bounded checks the shape that output i is to have. What is empty may not be larger
// without its sizes of 0 than any product of sizes can be computed.
func (n *Node) bounded(i int, shape []int) error {
	total, sizes := 1, 1
	for _, s := range shape {
		switch {
		case s < 0:
			return n.Errorf("output %d would have shape %v", i, shape)
		case s > 0 && (total > maxElements/s || sizes > 1<<62/s):
			return n.Errorf("output %d of shape %v is too large", i, shape)
		}
		total, sizes = total*s, sizes*max(s, 1)
	}
	return nil
}

// need asks for memory that a rule is about to allocate.
func (n *Node) need(what string, bytes int) error {
	return memory.Need(fmt.Sprintf("node %q (%s): %s", show.Name(n.Name), n.Op, what), int64(bytes))
}

// packs asks for a copy of constants in the order in which a kernel reads them, of a
// number of float32s.
func (n *Node) packs(floats int) error {
	return n.need("its constants as the kernel reads them", 4*floats)
}

// errStopped is the error of a rule whose Node is stopped; the engine has its own.
var errStopped = errors.New("stopped")

// stopped reports whether what a rule computes is not wanted any more, so that it may
// be anything. A loop that asks gives its count of turns: it is looked up in a few.
func (n *Node) stopped(turn int) bool {
	if turn&0xfff != 0 {
		return false
	}
	select {
	case <-n.Stop:
		return true
	default:
		return false
	}
}

// Want checks the number of inputs, and that the first min of them are present.
func (n *Node) Want(min, max int) error {
	if len(n.In) > max {
		return n.Errorf("has %d inputs, want at most %d", len(n.In), max)
	}
	for i := range min {
		if n.Input(i) == nil {
			return n.Errorf("has %d inputs, want at least %d", len(n.In), min)
		}
	}
	return nil
}

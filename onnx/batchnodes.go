package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// mostTries bounds how many ways to open a graph's nodes are tried.
const mostTries = 200

// openNodes opens the nodes that fix the batch again. Which dimension of a Reshape's target
// grows is not always plain: where a choice ends in shapes that do not fit, or in other
// results, the last one is made otherwise. Reshapes of equal shapes are alike. The error is
// that of the first way.
func (f *freeing) openNodes() error {
	one, err := f.values(f.fixed, 1)
	if err != nil {
		return err
	}
	var first error
	ways := &ways{}
	for range mostTries {
		undo := f.snapshot()
		err := f.openAll(one, ways)
		if err == nil {
			err = f.verify()
		}
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
		undo()
		if f.fixed.context().Err() != nil || !ways.next() {
			break
		}
	}
	return first
}

// ways are the choices of one way to open a graph, in the order in which they are met.
type ways struct {
	met    []string       // what Reshapes are alike by
	choice map[string]int // which of their targets is taken
	of     map[string]int // of how many
}

// take returns the number of the target that is chosen for Reshapes like this one.
func (w *ways) take(alike string, of int) int {
	if w.of == nil {
		w.choice, w.of = map[string]int{}, map[string]int{}
	}
	if _, ok := w.of[alike]; !ok {
		w.met, w.of[alike] = append(w.met, alike), of
	}
	return w.choice[alike]
}

// next makes the last choice that can be made otherwise so, and forgets those after it; it
// reports whether there was one.
func (w *ways) next() bool {
	for len(w.met) > 0 {
		last := w.met[len(w.met)-1]
		if w.choice[last]+1 < w.of[last] {
			w.choice[last]++
			return true
		}
		w.met = w.met[:len(w.met)-1]
		delete(w.choice, last)
		delete(w.of, last)
	}
	return false
}

// snapshot returns what brings the open graph's nodes back to what they are.
func (f *freeing) snapshot() (undo func()) {
	g := f.open.proto.Graph
	nodes, inputs := slices.Clone(g.Node), make([][]string, len(g.Node))
	for i, n := range nodes {
		inputs[i] = slices.Clone(n.Input)
	}
	return func() {
		g.Node = nodes
		for i, n := range nodes {
			n.Input = inputs[i]
		}
	}
}

// openAll opens one node after the other, since each decides what the next reads.
func (f *freeing) openAll(one map[string]*ops.Value, w *ways) error {
	done := map[*onnxpb.NodeProto]bool{}
	for {
		two, err := f.values(f.open, 2)
		if two == nil {
			return err
		}
		n := f.nextFixed(one, two, done)
		if n == nil {
			return err
		}
		done[n] = true
		if n.GetOpType() == "Concat" {
			f.repeatConstants(n, one, two)
			continue
		}
		x, y := one[n.Input[0]].Shape, one[n.Output[0]].Shape
		axis := grown(one[n.Input[0]], two[n.Input[0]])
		targets := reshapeTargets(x, y, axis)
		if given := one[n.Input[1]].Const.I64(); axis == 0 && x[0] == 1 && given[0] == 1 && zeroCopies(n) {
			targets[0] = slices.Concat([]int64{0}, given[1:]) // leaves open what it does
		}
		t := targets[w.take(fmt.Sprint(x, axis, y), len(targets))]
		n.Input[1] = f.insert(n, "Constant", n.Output[0]+"/"+f.symbol, nil,
			&onnxpb.AttributeProto{Name: proto.String("value"), Type: onnxpb.AttributeProto_TENSOR.Enum(),
				T: EncodeTensor("", tensor.From(t, len(t)))})
	}
}

// nextFixed returns a node that was not looked at and fixes the batch: a Reshape whose
// operand grows with it and whose target does not, or a Concat of what grows and of
// constants that do not.
func (f *freeing) nextFixed(one, two map[string]*ops.Value, done map[*onnxpb.NodeProto]bool) *onnxpb.NodeProto {
	for _, n := range f.open.Nodes() {
		if Domain(n.GetDomain()) != "" || done[n] || one[n.Output[0]] == nil {
			continue
		}
		switch n.GetOpType() {
		case "Reshape":
			if len(n.Input) != 2 || grown(one[n.Input[0]], two[n.Input[0]]) < 0 || len(one[n.Output[0]].Shape) == 0 {
				continue
			}
			if s1, s2 := one[n.Input[1]], two[n.Input[1]]; s1 != nil && s2 != nil && s1.Const != nil &&
				s2.Const != nil && slices.Equal(s1.Const.I64(), s2.Const.I64()) {
				return n
			}
		case "Concat":
			if axis, _ := f.repeats(n, one, two); axis >= 0 {
				return n
			}
		}
	}
	return nil
}

// grown is the axis along which a tensor is twice as long for a batch of two; -1 for none.
func grown(one, two *ops.Value) int {
	if one == nil || two == nil || len(one.Shape) != len(two.Shape) {
		return -1
	}
	axis := -1
	for i, d := range one.Shape {
		switch {
		case two.Shape[i] == d:
		case two.Shape[i] != 2*d || axis >= 0:
			return -1
		default:
			axis = i
		}
	}
	return axis
}

func zeroCopies(n *onnxpb.NodeProto) bool {
	return !slices.ContainsFunc(n.Attribute,
		func(a *onnxpb.AttributeProto) bool { return a.GetName() == "allowzero" && a.GetI() != 0 })
}

// reshapeTargets are the targets that may be meant by one for a batch of 1, which makes y of
// x, the likeliest first: -1 in the place of one of the sizes, first of that before which
// lie as many elements as before x's batch.
func reshapeTargets(x, y []int, axis int) [][]int64 {
	var likely, others [][]int64
	for j := range y {
		t := make([]int64, len(y))
		for i, d := range y {
			t[i] = int64(d)
		}
		t[j] = -1
		if tensor.Len(y[:j]) == tensor.Len(x[:axis]) {
			likely = append(likely, t)
		} else {
			others = append(others, t)
		}
	}
	return append(likely, others...)
}

// repeats finds the operands of a Concat that are to be repeated for each image, constants
// of length 1 along the axis along which the other ones grow; the axis is -1 if there are none.
func (f *freeing) repeats(n *onnxpb.NodeProto, one, two map[string]*ops.Value) (axis int, operands []int) {
	axis = -1
	for _, name := range n.Input {
		axis = max(axis, grown(one[name], two[name]))
	}
	if axis < 0 || f.open.Opset("") < 8 || f.axisOf(n, one) == axis {
		return -1, nil
	}
	for i, name := range n.Input {
		if v := two[name]; v != nil && v.Const != nil && axis < len(v.Shape) && v.Shape[axis] == 1 {
			operands = append(operands, i)
		}
	}
	if operands == nil {
		return -1, nil
	}
	return axis, operands
}

// axisOf is the axis along which a Concat joins.
func (f *freeing) axisOf(n *onnxpb.NodeProto, one map[string]*ops.Value) int {
	axis := 0
	for _, a := range n.Attribute {
		if a.GetName() == "axis" {
			axis = int(a.GetI())
		}
	}
	if axis < 0 {
		axis += len(one[n.Output[0]].Shape)
	}
	return axis
}

// repeatConstants expands the constants of a Concat to the batch of the other operands.
func (f *freeing) repeatConstants(n *onnxpb.NodeProto, one, two map[string]*ops.Value) {
	axis, operands := f.repeats(n, one, two)
	grows := n.Input[slices.IndexFunc(n.Input, func(name string) bool { return grown(one[name], two[name]) == axis })]
	rank := len(one[grows].Shape)
	name := n.Output[0] + "/" + f.symbol
	ints := func(what string, v ...int64) string {
		return f.insert(n, "Constant", name+"/"+what, nil, &onnxpb.AttributeProto{Name: proto.String("value"),
			Type: onnxpb.AttributeProto_TENSOR.Enum(), T: EncodeTensor("", tensor.From(v, len(v)))})
	}
	size := f.insert(n, "Gather", name+"/size",
		[]string{f.insert(n, "Shape", name+"/shape", []string{grows}), ints("axis", int64(axis))})
	dims := make([]string, rank)
	for i := range dims {
		if dims[i] = size; i != axis {
			dims[i] = ints(fmt.Sprint("one", i), 1)
		}
	}
	target := f.insert(n, "Concat", name+"/target", dims,
		&onnxpb.AttributeProto{Name: proto.String("axis"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)})
	for _, i := range operands {
		n.Input[i] = f.insert(n, "Expand", fmt.Sprint(name, "/", i), []string{n.Input[i], target})
	}
}

// insert puts a node before another one, and returns the name of its result.
func (f *freeing) insert(before *onnxpb.NodeProto, op, out string, in []string,
	attributes ...*onnxpb.AttributeProto) string {
	g := f.open.proto.Graph
	n := &onnxpb.NodeProto{OpType: &op, Name: &out, Input: in, Output: []string{out}, Attribute: attributes}
	g.Node = slices.Insert(g.Node, slices.Index(g.Node, before), n)
	return out
}

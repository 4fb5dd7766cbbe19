package onnx

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/onnx/ops"
)

// Keep drops the nodes that none of the named tensors needs, in place, and makes these
// the graph's outputs, in this order.
func (m *Model) Keep(names []string) {
	m.setOutputs(names)
	m.Prune()
}

// Prune drops the nodes that no output needs, in place.
func (m *Model) Prune() {
	var names []string
	for _, v := range m.Outputs() {
		names = append(names, v.Name)
	}
	needed := m.needed(names)
	m.proto.Graph.Node = slices.DeleteFunc(m.Nodes(), func(n *onnxpb.NodeProto) bool { return !needed[n] })
}

// setOutputs makes the named tensors the graph's outputs.
func (m *Model) setOutputs(names []string) {
	g := m.proto.Graph
	outputs := make([]*onnxpb.ValueInfoProto, len(names))
	for i, name := range names {
		outputs[i] = &onnxpb.ValueInfoProto{Name: &name}
		for _, v := range append(slices.Clone(g.ValueInfo), g.Output...) {
			if v.GetName() == name {
				outputs[i] = v
			}
		}
	}
	g.Output = outputs
}

// needed returns the nodes that some tensors depend on. Of a tensor that several nodes
// compute it needs all, for Check to report them.
func (m *Model) needed(names []string) map[*onnxpb.NodeProto]bool {
	producers := map[string][]*onnxpb.NodeProto{}
	for _, n := range m.proto.Graph.Node {
		for _, out := range n.Output {
			producers[out] = append(producers[out], n)
		}
	}
	needed := map[*onnxpb.NodeProto]bool{}
	for open := slices.Clone(names); len(open) > 0; {
		computing := producers[open[len(open)-1]]
		open = open[:len(open)-1]
		for _, n := range computing {
			if !needed[n] {
				needed[n] = true
				open = append(open, reads(n)...)
			}
		}
	}
	return needed
}

// DropTail drops, in place, what follows the network proper and cannot be run:
// operators that memprobe lacks, tensors that are none of numbers, such as the labels
// and maps of ai.onnx.ml, and all that is computed from them. Where such an operator
// alone reads the last tensor of the network, that becomes the output. It returns what
// is gone, and why: outputs, and other tensors. A model that has no other output stays
// as it is, for Check and Inspect to say why.
func (m *Model) DropTail() (outputs, others []Lost) {
	g := m.proto.Graph
	strings := m.strings()
	cause := m.spread(strings, m.broken)
	producer := map[string]*onnxpb.NodeProto{}
	for _, n := range g.Node {
		for _, out := range n.Output {
			producer[out] = n
		}
	}
	var kept []string
	ends := map[string]bool{}
	for _, v := range g.Output {
		name := v.GetName()
		ends[name] = true
		if cause[name] != nil {
			outputs = append(outputs, Lost{name, cause[name]})
			for n := producer[name]; cause[name] != nil && n != nil && n.GetDomain() == "ai.onnx.ml" &&
				len(n.Input) > 0; n = producer[name] {
				name = n.Input[0]
			}
		}
		if cause[name] == nil && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	if len(kept) == 0 {
		return nil, nil
	}
	gone := func(name string) bool { return cause[name] != nil }
	for _, n := range g.Node {
		for _, out := range n.Output {
			if gone(out) && !ends[out] {
				others = append(others, Lost{out, cause[out]})
			}
		}
	}
	m.setOutputs(kept)
	g.Node = slices.DeleteFunc(g.Node, func(n *onnxpb.NodeProto) bool { return slices.ContainsFunc(n.Output, gone) })
	g.Initializer = slices.DeleteFunc(g.Initializer,
		func(t *onnxpb.TensorProto) bool { return strings[t.GetName()] != nil })
	g.Input = slices.DeleteFunc(g.Input, func(v *onnxpb.ValueInfoProto) bool { return strings[v.GetName()] != nil })
	for name := range strings {
		delete(m.inits, name)
	}
	return outputs, others
}

var errNoNumbers = errors.New("holds no numbers")

// strings returns the initialisers that hold none but strings.
func (m *Model) strings() map[string]error {
	found := map[string]error{}
	for name, t := range m.inits {
		if DataType(t.GetDataType()) == onnxpb.TensorProto_STRING {
			found[name] = fmt.Errorf("initializer %q %w", name, errNoNumbers)
		}
	}
	return found
}

// broken returns why a node cannot be run, whatever its operands are: that the table has
// no such operator, or that it holds or yields no numbers; else nil.
func (m *Model) broken(n *onnxpb.NodeProto) error {
	err := m.has(n)
	for _, a := range n.Attribute {
		if a.GetName() == "value_string" || a.GetName() == "value_strings" ||
			a.T != nil && DataType(a.T.GetDataType()) == onnxpb.TensorProto_STRING {
			err = cmp.Or(err, errNoNumbers)
		}
	}
	for _, v := range m.proto.Graph.Output {
		if !slices.Contains(n.Output, v.GetName()) {
			continue
		}
		switch t := v.GetType().GetValue().(type) {
		case nil:
		case *onnxpb.TypeProto_TensorType:
			if DataType(t.TensorType.GetElemType()) == onnxpb.TensorProto_STRING {
				err = cmp.Or(err, errNoNumbers)
			}
		default:
			err = cmp.Or(err, errNoNumbers)
		}
	}
	if err == nil {
		return nil
	}
	return &Error{Node: label(n), Op: n.GetOpType(), Err: err}
}

// has returns nil if a node is an operator of the table, or calls what is checked
// when it is expanded.
func (m *Model) has(n *onnxpb.NodeProto) error {
	if n.GetOpType() == "If" || m.calls(n) {
		return nil
	}
	_, err := ops.Lookup(Domain(n.GetDomain()), n.GetOpType(), int(m.Opset(n.GetDomain())))
	return err
}

// calls reports whether a node calls a local function.
func (m *Model) calls(n *onnxpb.NodeProto) bool {
	return slices.ContainsFunc(m.proto.Functions, func(f *onnxpb.FunctionProto) bool {
		return f.GetName() == n.GetOpType() && Domain(f.GetDomain()) == Domain(n.GetDomain())
	})
}

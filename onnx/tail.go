package onnx

import (
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Keep drops the nodes that none of the named tensors needs, in place, and makes these
// the graph's outputs, in this order.
func (m *Model) Keep(names []string) {
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
	needed := m.needed(names)
	g.Output = outputs
	g.Node = slices.DeleteFunc(g.Node, func(n *onnxpb.NodeProto) bool { return !needed[n] })
}

// needed returns the nodes that some tensors depend on.
func (m *Model) needed(names []string) map[*onnxpb.NodeProto]bool {
	producer := map[string]*onnxpb.NodeProto{}
	for _, n := range m.proto.Graph.Node {
		for _, out := range n.Output {
			producer[out] = n
		}
	}
	needed := map[*onnxpb.NodeProto]bool{}
	for open := slices.Clone(names); len(open) > 0; {
		n := producer[open[len(open)-1]]
		open = open[:len(open)-1]
		if n != nil && !needed[n] {
			needed[n] = true
			open = append(open, reads(n)...)
		}
	}
	return needed
}

// DropTail drops, in place, what follows the network proper and cannot be run: outputs
// that are no tensors of numbers or that need operators which memprobe lacks, such as
// the labels and maps of ai.onnx.ml, and the nodes that no other output needs. Where
// such an operator alone reads the last tensor of the network, that becomes the
// output. It returns the names of the outputs that are gone. A model that has no other
// stays as it is, for Check and Inspect to say why.
func (m *Model) DropTail() []string {
	producer := map[string]*onnxpb.NodeProto{}
	for _, n := range m.proto.Graph.Node {
		for _, out := range n.Output {
			producer[out] = n
		}
	}
	var kept, gone []string
	for _, v := range m.proto.Graph.Output {
		name := v.GetName()
		for n := producer[name]; n != nil && n.GetDomain() == "ai.onnx.ml" && len(n.Input) > 0; n = producer[name] {
			name = n.Input[0]
		}
		if name != v.GetName() || !m.runs(v) {
			gone = append(gone, v.GetName())
		}
		if (name != v.GetName() || m.runs(v)) && m.evaluates(name) && !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	missing := func(n *onnxpb.NodeProto) bool { return !m.has(n) }
	if len(kept) > 0 && (len(gone) > 0 || slices.ContainsFunc(m.proto.Graph.Node, missing)) {
		m.Keep(kept)
	}
	return gone
}

// runs reports whether an output is a tensor of numbers that the engine can compute.
func (m *Model) runs(v *onnxpb.ValueInfoProto) bool {
	switch t := v.GetType().GetValue().(type) {
	case nil:
	case *onnxpb.TypeProto_TensorType:
		if e := DataType(t.TensorType.GetElemType()); e != onnxpb.TensorProto_UNDEFINED && DType(e) == tensor.Invalid {
			return false
		}
	default:
		return false
	}
	return m.evaluates(v.GetName())
}

// evaluates reports whether the table has all operators that a tensor needs.
func (m *Model) evaluates(name string) bool {
	for n := range m.needed([]string{name}) {
		if !m.has(n) {
			return false
		}
	}
	return true
}

// has reports whether a node is an operator of the table, or calls what is checked
// when it is expanded.
func (m *Model) has(n *onnxpb.NodeProto) bool {
	if n.GetOpType() == "If" {
		return true
	}
	for _, f := range m.proto.Functions {
		if f.GetName() == n.GetOpType() && Domain(f.GetDomain()) == Domain(n.GetDomain()) {
			return true
		}
	}
	_, err := ops.Lookup(Domain(n.GetDomain()), n.GetOpType(), int(m.Opset(n.GetDomain())))
	return err == nil
}

package onnx

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// SetWeights replaces the elements of initialisers, by name; see SetInitializer.
// engine.Graph.Weights gives those of a graph after training.
func (m *Model) SetWeights(w map[string]*tensor.Tensor) error {
	for _, name := range slices.Sorted(maps.Keys(w)) {
		if err := m.SetInitializer(name, w[name]); err != nil {
			return err
		}
	}
	return nil
}

// Clone returns a copy that shares nothing with m.
func (m *Model) Clone() *Model {
	c, err := wrap(proto.CloneOf(m.proto), m.name, m.dir)
	if err != nil {
		panic(err) // m was wrapped itself
	}
	return c
}

// EvaluationMode turns a graph that was exported for training into that of
// evaluation, in place: BatchNormalization uses its running statistics and has
// one output, Dropout passes its input on. Names, initialisers, metadata and
// unknown fields stay. A graph of evaluation does not change.
func (m *Model) EvaluationMode() {
	gone := map[string]bool{}
	for _, n := range m.proto.Graph.Node {
		evaluationMode(n, m.Opset(""), gone)
	}
	for _, f := range m.proto.Functions {
		opset := m.Opset("")
		for _, o := range f.OpsetImport {
			if Domain(o.GetDomain()) == "" {
				opset = o.GetVersion()
			}
		}
		for _, n := range f.Node {
			evaluationMode(n, opset, map[string]bool{})
		}
	}
	lost := func(v *onnxpb.ValueInfoProto) bool { return gone[v.GetName()] }
	g := m.proto.Graph
	g.ValueInfo, g.Output = slices.DeleteFunc(g.ValueInfo, lost), slices.DeleteFunc(g.Output, lost)
}

// evaluationMode changes one node and notes which tensors it no longer yields.
func evaluationMode(n *onnxpb.NodeProto, opset int64, gone map[string]bool) {
	if Domain(n.GetDomain()) != "" {
		return
	}
	switch n.GetOpType() {
	case "BatchNormalization":
		for _, name := range n.Output[min(1, len(n.Output)):] {
			gone[name] = name != ""
		}
		n.Output = n.Output[:min(1, len(n.Output))]
	case "Dropout":
		if opset >= 12 && len(n.Input) > 2 {
			n.Input = n.Input[:2] // the third says whether to drop
		}
	default:
		return
	}
	drop := func(a *onnxpb.AttributeProto) bool {
		return a.GetName() == "training_mode" || a.GetName() == "is_test"
	}
	n.Attribute = slices.DeleteFunc(n.Attribute, drop)
	if opset < 7 {
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{
			Name: proto.String("is_test"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)})
	}
}

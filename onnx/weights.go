package onnx

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
)

// BeforeTraining makes the model what training starts from and saves: its weights
// separate, in evaluation mode. See SeparateWeights and EvaluationMode.
func (m *Model) BeforeTraining() error {
	if err := m.SeparateWeights(); err != nil {
		return err
	}
	m.EvaluationMode()
	return nil
}

// SeparateWeights gives every weight of a model that PyTorch exported an
// initialiser of its own, in place. In evaluation mode the exporter merges
// initialisers that hold the same numbers at that moment, such as the 1s of all
// normalisations of one width: it keeps one and makes the others an Identity of it.
// Each of these becomes an initialiser again, under its name. What PyTorch shares
// itself needs no Identity, but for what the exporter folds in every call of a module:
// that stays one, and so does a weight that is also read transposed. Models of other
// producers do not change: there an Identity may be how a weight is shared.
func (m *Model) SeparateWeights() error {
	if m.proto.GetProducerName() != "pytorch" {
		return nil
	}
	g := m.proto.Graph
	listed, result := map[string]*onnxpb.ValueInfoProto{}, map[string]bool{}
	for _, v := range g.Input {
		listed[v.GetName()] = v
	}
	for _, v := range g.Output {
		result[v.GetName()] = true
	}
	var kept []*onnxpb.NodeProto
	shared, same := m.sharing(), map[string]string{}
	size := 0
	for _, n := range g.Node {
		readAs(n, same)
		t := m.merged(n)
		if t == nil || result[n.Output[0]] {
			kept = append(kept, n)
			continue
		}
		if one := shared.tied(n.Output[0], t.GetName()); one != "" {
			same[n.Output[0]] = one
			continue
		}
		if size += proto.Size(t); size > maxBytes {
			return m.errorf("weights that are an Identity of others take more than the 2 GiB of an ONNX file")
		}
		name := n.Output[0]
		own := proto.CloneOf(t)
		own.Name = &name
		g.Initializer, m.inits[name] = append(g.Initializer, own), own
		if v := listed[t.GetName()]; v != nil { // before IR version 4 every initialiser is
			v = proto.CloneOf(v)
			v.Name = &name
			g.Input, listed[name] = append(g.Input, v), v
		}
	}
	g.Node = kept
	g.ValueInfo = slices.DeleteFunc(g.ValueInfo, func(v *onnxpb.ValueInfoProto) bool { return same[v.GetName()] != "" })
	return m.tieTransposed()
}

// merged returns the initialiser of which n is an Identity under a new name.
func (m *Model) merged(n *onnxpb.NodeProto) *onnxpb.TensorProto {
	if n.GetOpType() != "Identity" || Domain(n.GetDomain()) != "" || len(n.Input) != 1 || len(n.Output) != 1 ||
		m.inits[n.Output[0]] != nil {
		return nil
	}
	return m.inits[n.Input[0]]
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
	form := defOf(n).Evaluation
	if form == nil {
		return
	}
	n.Input = n.Input[:min(form.Operands, len(n.Input))]
	results := min(form.Results, len(n.Output))
	for _, name := range n.Output[results:] {
		gone[name] = name != ""
	}
	n.Output = n.Output[:results]
	drop := func(a *onnxpb.AttributeProto) bool {
		return a.GetName() == "training_mode" || a.GetName() == "is_test"
	}
	n.Attribute = slices.DeleteFunc(n.Attribute, drop)
	if opset < 7 {
		n.Attribute = append(n.Attribute, &onnxpb.AttributeProto{
			Name: proto.String("is_test"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)})
	}
}

package onnx

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
)

// trainingNodes is a graph as exporters write it for training.
func trainingNodes(opset int64) *onnxpb.ModelProto {
	one := func(name string) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(1)}
	}
	p := &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: &opset}},
		Graph: &onnxpb.GraphProto{
			Node: []*onnxpb.NodeProto{
				{OpType: proto.String("BatchNormalization"), Input: []string{"x", "s", "b", "m", "v"},
					Output:    []string{"y", "m1", "v1"},
					Attribute: []*onnxpb.AttributeProto{one("training_mode"), one("momentum")}},
				{OpType: proto.String("Dropout"), Input: []string{"y", "ratio", "training"}, Output: []string{"z"}},
			},
			Output:    []*onnxpb.ValueInfoProto{{Name: proto.String("z")}, {Name: proto.String("m1")}},
			ValueInfo: []*onnxpb.ValueInfoProto{{Name: proto.String("v1")}, {Name: proto.String("y")}},
		}}
	p.Graph.ProtoReflect().SetUnknown([]byte{0xfa, 0x3f, 0x01, 'u'})
	return p
}

func TestEvaluationMode(t *testing.T) {
	m, err := FromProto(trainingNodes(17))
	if err != nil {
		t.Fatal(err)
	}
	m.SetMetadata("key", "value")
	m.EvaluationMode()
	norm, drop := m.Nodes()[0], m.Nodes()[1]
	if !slices.Equal(norm.Output, []string{"y"}) || len(norm.Attribute) != 1 || norm.Attribute[0].GetName() != "momentum" {
		t.Errorf("BatchNormalization is %v", norm)
	}
	if !slices.Equal(drop.Input, []string{"y", "ratio"}) {
		t.Errorf("Dropout is %v", drop)
	}
	if out, info := m.Outputs(), m.ValueInfo(); len(out) != 1 || out[0].Name != "z" || len(info) != 1 ||
		info[0].Name != "y" {
		t.Errorf("outputs are %v, annotated are %v", out, info)
	}
	if v, _ := m.Metadata("key"); v != "value" || len(m.Proto().Graph.ProtoReflect().GetUnknown()) != 4 {
		t.Error("metadata or unknown fields are lost")
	}
	again := m.Clone()
	again.EvaluationMode()
	if !proto.Equal(m.Proto(), again.Proto()) {
		t.Error("a graph of evaluation changed")
	}
}

// Before opset 7 an attribute says so, and its default is training.
func TestEvaluationModeOfOldOpsets(t *testing.T) {
	m, err := FromProto(trainingNodes(6))
	if err != nil {
		t.Fatal(err)
	}
	m.EvaluationMode()
	for _, n := range m.Nodes() {
		last := n.Attribute[len(n.Attribute)-1]
		if last.GetName() != "is_test" || last.GetI() != 1 {
			t.Errorf("%s: last attribute is %v, want is_test=1", n.GetOpType(), last)
		}
	}
}

// merged is a graph as PyTorch exports it for evaluation: a and b held the same
// numbers.
func merged(producer string) *onnxpb.ModelProto {
	identity := func(in, out string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{in}, Output: []string{out}}
	}
	value := func(name string) *onnxpb.ValueInfoProto { return &onnxpb.ValueInfoProto{Name: proto.String(name)} }
	return &onnxpb.ModelProto{IrVersion: proto.Int64(3), ProducerName: &producer, Graph: &onnxpb.GraphProto{
		Node: []*onnxpb.NodeProto{identity("a", "b"), identity("x", "y"), identity("a", "z")},
		Initializer: []*onnxpb.TensorProto{{Name: proto.String("a"), Dims: []int64{2}, DataType: proto.Int32(1),
			FloatData: []float32{1, 1}}},
		Input:  []*onnxpb.ValueInfoProto{value("x"), value("a")},
		Output: []*onnxpb.ValueInfoProto{value("y"), value("z")},
	}}
}

func TestSeparateWeights(t *testing.T) {
	m, err := FromProto(merged("pytorch"))
	if err == nil {
		err = m.SeparateWeights()
	}
	if err == nil {
		err = m.SetWeights(map[string]*tensor.Tensor{"a": tensor.From([]float32{2, 3}, 2)})
	}
	if err != nil {
		t.Fatal(err)
	}
	if b, err := m.Initializer("b"); err != nil || !slices.Equal(b.F32(), []float32{1, 1}) {
		t.Errorf("b is %v, %v, want what a was", b, err)
	}
	if n := m.Nodes(); len(n) != 2 || n[0].Output[0] != "y" || n[1].Output[0] != "z" {
		t.Errorf("nodes are %v, want those of x and of the output z", n)
	}
	if in := m.Proto().Graph.Input; len(in) != 3 || in[2].GetName() != "b" {
		t.Errorf("inputs are %v, want b among them as a is", in)
	}
	other, err := FromProto(merged("tf2onnx"))
	if err == nil {
		err = other.SeparateWeights()
	}
	if err != nil || !proto.Equal(other.Proto(), merged("tf2onnx")) {
		t.Errorf("the model of another producer changed; %v", err)
	}
}

// What the exporter folds for each call of a module stays one weight; equal weights of
// other modules, and of other places of one module, are their own.
func TestSeparateWeightsOfCalls(t *testing.T) {
	p := merged("pytorch")
	g := p.Graph
	g.Initializer[0].Name, g.Input, g.Output[1].Name, g.Node = proto.String("onnx::MatMul_1"), nil, proto.String("r"), nil
	names := []string{"/fc/MatMul", "/fc_1/MatMul", "/fc_2/MatMul", "/head/MatMul", "/head_1/MatMul", "/MatMul",
		"/MatMul_1", "/layer_1/MatMul", "/layer_2/MatMul"}
	for i := range names[1:] {
		g.Node = append(g.Node, node("Identity", "", []string{fmt.Sprintf("onnx::MatMul_%d", 1+i/2)},
			[]string{fmt.Sprintf("onnx::MatMul_%d", i+2)}))
	}
	for i, name := range names {
		g.Node = append(g.Node, node("MatMul", name, []string{"x", fmt.Sprintf("onnx::MatMul_%d", i+1)}, []string{name}))
	}
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing changes
		if err := m.SeparateWeights(); err != nil {
			t.Fatal(err)
		}
		var read []string
		for _, n := range m.Nodes() {
			read = append(read, strings.TrimPrefix(n.Input[1], "onnx::MatMul_"))
		}
		if got := strings.Join(read, " "); got != "1 1 1 4 4 6 7 8 9" || len(m.Initializers()) != 6 {
			t.Errorf("weights %s are read, of %v", got, m.Initializers())
		}
	}
}

// A weight that is read as it is and, folded, transposed is one.
func TestSeparateWeightsTiesTransposes(t *testing.T) {
	matrix := func(name string, rows, columns int, v ...float32) *onnxpb.TensorProto {
		return EncodeTensor(name, tensor.From(v, rows, columns))
	}
	p := tiny()
	p.ProducerName = proto.String("pytorch")
	p.Graph.Initializer = []*onnxpb.TensorProto{
		matrix("onnx::MatMul_1", 2, 3, 1, 3, 5, 2, 4, 6), matrix("w", 3, 2, 1, 2, 3, 4, 5, 6),
		matrix("onnx::MatMul_2", 2, 3, 1, 3, 5, 2, 4, 7),
		matrix("zero", 3, 2, 0, 0, 0, 0, 0, 0), matrix("onnx::MatMul_3", 2, 3, 0, 0, 0, 0, 0, 0),
	}
	p.Graph.Node = []*onnxpb.NodeProto{
		node("MatMul", "a", []string{"x", "onnx::MatMul_1"}, []string{"a"}),
		node("MatMul", "b", []string{"a", "w"}, []string{"b"}),
		node("MatMul", "c", []string{"b", "onnx::MatMul_2"}, []string{"c"}),
		node("MatMul", "d", []string{"c", "zero"}, []string{"d"}),
		node("MatMul", "e", []string{"d", "onnx::MatMul_3"}, []string{"e"}),
		node("MatMul", "f", []string{"e", "w"}, []string{"y"}),
	}
	m, err := FromProto(p)
	if err == nil {
		err = m.SeparateWeights()
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(m.Initializers()); got != "[w onnx::MatMul_2 zero onnx::MatMul_3]" || len(m.Check()) > 0 {
		t.Errorf("initialisers %s, faults %v", got, m.Check())
	}
	if n := m.Nodes()[0]; n.GetOpType() != "Transpose" || n.Input[0] != "w" || n.Output[0] != "onnx::MatMul_1" {
		t.Errorf("the first node is %v", n)
	}
}

func TestSetWeights(t *testing.T) {
	m, err := Load(filepath.Join(shared.Path(t, "fixtures", "train", "cnn-sgd"), "init.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	c, names := m.Clone(), m.Initializers()
	bias := tensor.From([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 8)
	if err := c.SetWeights(map[string]*tensor.Tensor{"b1.bias": bias}); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Initializer("b1.bias"); !slices.Equal(got.F32(), bias.F32()) || !slices.Equal(c.Initializers(), names) {
		t.Errorf("weight is %v", got.F32())
	}
	if old, _ := m.Initializer("b1.bias"); slices.Equal(old.F32(), bias.F32()) {
		t.Error("the copy shares weights with the original")
	}
	fails(t, c.SetWeights(map[string]*tensor.Tensor{"nonsense": bias}), `no initializer "nonsense"`)
	fails(t, c.SetWeights(map[string]*tensor.Tensor{"f1.bias": bias}), "shape")
}

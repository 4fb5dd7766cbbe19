package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
)

// A model of a few hundred bytes cannot have gigabytes computed when it is inspected.
func TestConstantsWithinBudget(t *testing.T) {
	defer memory.SetLimit(0)
	memory.SetLimit(512 << 20)
	shape := &onnxpb.TensorProto{Name: proto.String("shape"), DataType: proto.Int32(7), Dims: []int64{2},
		Int64Data: []int64{1 << 15, 1 << 15}}
	m, err := FromProto(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Initializer: []*onnxpb.TensorProto{shape},
			Node: []*onnxpb.NodeProto{{OpType: proto.String("ConstantOfShape"), Name: proto.String("fill"),
				Input: []string{"shape"}, Output: []string{"y"}}},
			Output: []*onnxpb.ValueInfoProto{{Name: proto.String("y")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := m.Inspect(1, nil)
	if len(s.Problems) != 1 {
		t.Fatalf("problems %v", s.Problems)
	}
	e, ok := errors.AsType[*memory.Error](s.Problems[0])
	if !ok || e.Need != 4<<30 || !strings.Contains(s.Problems[0].Error(), `node "fill"`) {
		t.Errorf("%v", s.Problems[0])
	}
}

// A file of a few kilobytes whose function hands a large attribute and a long name
// to all its nodes is no matter of gigabytes: the attribute is shared, the names are
// asked of the budget.
func TestInlinedFunctionsWithinBudget(t *testing.T) {
	defer memory.SetLimit(0)
	memory.SetLimit(256 << 20)
	body := &onnxpb.FunctionProto{Name: proto.String("f"), Domain: proto.String("own"), Input: []string{"x"},
		Output: []string{"y"}, Attribute: []string{"v"}}
	for i := range 1000 {
		body.Node = append(body.Node, &onnxpb.NodeProto{OpType: proto.String("Constant"),
			Output: []string{fmt.Sprint("c", i)},
			Attribute: []*onnxpb.AttributeProto{{Name: proto.String("value_string"), RefAttrName: proto.String("v"),
				Type: onnxpb.AttributeProto_STRING.Enum()}}})
	}
	model := func(name string) *Model {
		m, err := FromProto(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Functions: []*onnxpb.FunctionProto{body},
			OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)},
				{Domain: proto.String("own"), Version: proto.Int64(1)}},
			Graph: &onnxpb.GraphProto{Node: []*onnxpb.NodeProto{{OpType: proto.String("f"), Domain: proto.String("own"), Name: &name, Input: []string{"x"}, Output: []string{"y"},
				Attribute: []*onnxpb.AttributeProto{{Name: proto.String("v"), S: make([]byte, 1<<20),
					Type: onnxpb.AttributeProto_STRING.Enum()}}}}}})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	g, errs := model("call").flat()
	if len(errs) > 0 || len(g.Node) != 1000 || &g.Node[0].Attribute[0].S[0] != &g.Node[999].Attribute[0].S[0] {
		t.Errorf("%d nodes, %v", len(g.Node), errs)
	}
	_, errs = model(strings.Repeat("n", 1<<20)).flat()
	if len(errs) != 1 || !errors.As(errs[0], new(*memory.Error)) {
		t.Errorf("errors %.300v", errs)
	}
}

// Empty messages take two bytes of a file each, and hundreds in memory.
func TestPartsWithinBudget(t *testing.T) {
	defer memory.SetLimit(0)
	memory.SetLimit(512 << 20)
	nodes := bytes.Repeat([]byte{0x0a, 0x00}, 2<<20)
	data := protowire.AppendBytes([]byte{0x08, 0x08, 0x3a}, nodes)
	if _, err := Parse(data, ""); !errors.As(err, new(*memory.Error)) {
		t.Errorf("error %v", err)
	}
}

func floats(name string, shape ...int64) *onnxpb.ValueInfoProto {
	s := new(onnxpb.TensorShapeProto)
	for _, d := range shape {
		s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: s}}}}
}

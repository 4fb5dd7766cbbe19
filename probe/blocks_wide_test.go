package probe

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/onnx"
)

// Blocks are looked for in one pass, however many tensors wait for their reader.
func TestBlocksOfManyBranches(t *testing.T) {
	const branches = 40000 // at a time quadratic in them, minutes
	g := &onnxpb.GraphProto{Name: proto.String("wide"), Input: []*onnxpb.ValueInfoProto{floatsOf("x", 1, 4)},
		Output: []*onnxpb.ValueInfoProto{floatsOf("y", 1, 4)}}
	var names []string
	for i := range branches {
		names = append(names, fmt.Sprint("t", i))
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Relu"), Input: []string{"x"}, Output: names[i:]})
	}
	g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Sum"), Input: names, Output: []string{"y"}})
	m, err := onnx.FromProto(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(13)}}})
	if err != nil {
		t.Fatal(err)
	}
	f, err := newFlow(m, nil, 1, Image([]int{4}), "", 0)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	f.blocks()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func floatsOf(name string, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		shape.Dim = append(shape.Dim,
			&onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape}}}}
}

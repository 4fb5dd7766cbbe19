package onnx

import (
	"errors"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
)

// A model of a few hundred bytes cannot have gigabytes computed when it is inspected.
func TestConstantsWithinBudget(t *testing.T) {
	defer memory.SetLimit(0)
	memory.SetLimit(512 << 20)
	shape := &onnxpb.TensorProto{Name: proto.String("shape"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{1 << 15, 1 << 15}}
	m, err := FromProto(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Initializer: []*onnxpb.TensorProto{shape},
			Node:        []*onnxpb.NodeProto{{OpType: proto.String("ConstantOfShape"), Name: proto.String("fill"), Input: []string{"shape"}, Output: []string{"y"}}},
			Output:      []*onnxpb.ValueInfoProto{{Name: proto.String("y")}},
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

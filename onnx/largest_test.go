//go:build unix

package onnx

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/onnx/engine"
)

// chain is a model of n nodes one after another.
func chain(n int) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{floats("t0", 1, 4)},
		Output: []*onnxpb.ValueInfoProto{{Name: proto.String(fmt.Sprint("t", n))}},
	}
	for i := range n {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String([]string{"Relu", "Sigmoid"}[i%2]),
			Input: []string{fmt.Sprint("t", i)}, Output: []string{fmt.Sprint("t", i+1)}})
	}
	return &onnxpb.ModelProto{IrVersion: proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g}
}

// The largest graph that is read compiles in seconds of the processors: no pass looks at every node
// for every node.
func TestLargestGraphCompiles(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	m, err := FromProto(chain(maxNodes))
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.InputTensors(1, nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := processors()
	if s := m.Inspect(1, nil); len(s.Problems) > 0 || len(s.Layers) != maxNodes {
		t.Fatalf("%d layers, %v", len(s.Layers), s.Problems)
	}
	if _, err := m.Compile(engine.Options{Inputs: in}); err != nil {
		t.Fatal(err)
	}
	if took := processors() - begun; took > 40*time.Second { // it takes 5; a pass over all nodes for each takes minutes
		t.Errorf("takes %v of the processors", took)
	}
}

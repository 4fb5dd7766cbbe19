// Command outside is a program in a module of its own that uses memprobe as a library: it
// writes a network in ONNX's messages, runs it, reads a tensor in its midst, and asks for
// nearest neighbours there.
package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/protobuf/proto"

	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/tensor"
	"memprobe/probe/knn"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1)
	}
}

// points are two of one class, two of another, and a query.
var points = []float32{1, 0, 0.9, 0.2, 0, 1, 0.1, 0.8, 1, 0.1}

func run(ctx context.Context) error {
	model, err := network()
	if err != nil {
		return err
	}
	pool := engine.NewPool(2)
	defer pool.Close()
	session, err := model.Compile(engine.Options{
		Inputs: map[string]*tensor.Tensor{"x": tensor.New(tensor.Float32, 5, 2)},
		Taps:   []string{"hidden"},
		Pool:   pool,
	})
	if err != nil {
		return err
	}
	copy(session.Input("x").F32(), points)
	var hidden *tensor.Tensor
	if err := session.Run(ctx, func(tap int, t *tensor.Tensor) { hidden = t.Clone() }); err != nil {
		return err
	}
	width := hidden.Shape[1]
	index, err := knn.New(ctx, pool, hidden.F32()[:4*width], 4, width, knn.Cosine)
	if err != nil {
		return err
	}
	near, err := index.Search(ctx, hidden.F32()[4*width:], 1, 1)
	if err != nil {
		return err
	}
	answers, err := knn.Classify(near, []int{0, 0, 1, 1}, 2, []int{1}, knn.Uniform, 1)
	if err != nil {
		return err
	}
	fmt.Printf("hidden %v, class %d\n", hidden.Shape, answers[0][0])
	return nil
}

// network is y = ReLU(x·w) of two inputs and three hidden units, ReLU's operand being
// the tensor "hidden".
func network() (*onnx.Model, error) {
	weights := onnx.EncodeTensor("w", tensor.From([]float32{1, -1, 0.5, 0.5, 1, -1}, 2, 3))
	value := func(name string, shape ...int64) *onnx.ValueInfoProto {
		dims := make([]*onnx.TensorShapeProto_Dimension, len(shape))
		for i, n := range shape {
			dims[i] = &onnx.TensorShapeProto_Dimension{Value: &onnx.TensorShapeProto_Dimension_DimValue{DimValue: n}}
		}
		return &onnx.ValueInfoProto{Name: proto.String(name), Type: &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{
			TensorType: &onnx.TypeProto_Tensor{ElemType: proto.Int32(int32(onnx.DataTypeOf(tensor.Float32))),
				Shape: &onnx.TensorShapeProto{Dim: dims}}}}}
	}
	node := func(op, out string, in ...string) *onnx.NodeProto {
		return &onnx.NodeProto{OpType: proto.String(op), Name: proto.String(out), Input: in, Output: []string{out}}
	}
	return onnx.FromProto(&onnx.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnx.GraphProto{
			Name:        proto.String("outside"),
			Input:       []*onnx.ValueInfoProto{value("x", 5, 2)},
			Output:      []*onnx.ValueInfoProto{value("y", 5, 3)},
			Initializer: []*onnx.TensorProto{weights},
			Node:        []*onnx.NodeProto{node("MatMul", "hidden", "x", "w"), node("Relu", "y", "hidden")},
		},
	})
}

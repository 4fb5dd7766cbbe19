package onnx

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

// graphOf is a model of one graph.
func graphOf(t *testing.T, inputs, outputs []*onnxpb.ValueInfoProto, inits []*onnxpb.TensorProto,
	nodes ...*onnxpb.NodeProto) *Model {
	t.Helper()
	p := tiny()
	p.Graph.Input, p.Graph.Output, p.Graph.Initializer, p.Graph.Node = inputs, outputs, inits, nodes
	p.OpsetImport[0].Version = proto.Int64(17)
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A table of embeddings is read by token ids that are known at run time, and a mask
// is computed from them; the shape that another input gives belongs to the plan.
func TestIntegersAtRunTime(t *testing.T) {
	m := graphOf(t,
		[]*onnxpb.ValueInfoProto{info("ids", onnxpb.TensorProto_INT64, 3), info("pad", onnxpb.TensorProto_INT32, 1),
			info("shape", onnxpb.TensorProto_INT64, 2)},
		[]*onnxpb.ValueInfoProto{info("y", onnxpb.TensorProto_FLOAT), info("mask", onnxpb.TensorProto_BOOL),
			info("next", onnxpb.TensorProto_INT32)},
		[]*onnxpb.TensorProto{EncodeTensor("table", tensor.From([]float32{0, 1, 10, 11, 20, 21}, 3, 2))},
		node("Gather", "embed", []string{"table", "ids"}, []string{"rows"}),
		node("Reshape", "reshape", []string{"rows", "shape"}, []string{"y"}),
		node("Cast", "narrow", []string{"ids"}, []string{"ids32"},
			attr("to", onnxpb.AttributeProto_INT, func(a *onnxpb.AttributeProto) { a.I = proto.Int64(6) })),
		node("Greater", "greater", []string{"ids32", "pad"}, []string{"mask"}),
		node("Add", "add", []string{"ids32", "pad"}, []string{"next"}))
	s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{
		"ids": {DType: tensor.Int64, Shape: []int{3}}, "pad": tensor.From([]int32{1}, 1),
		"shape": tensor.From([]int64{2, 3}, 2)}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Input("shape") != nil {
		t.Error("the shape is an input of the session")
	}
	for _, c := range []struct {
		ids  []int64
		y    []float32
		mask []bool
		next []int32
	}{
		{[]int64{2, 0, 1}, []float32{20, 21, 0, 1, 10, 11}, []bool{true, false, false}, []int32{3, 1, 2}},
		{[]int64{-1, 1, 1}, []float32{20, 21, 10, 11, 10, 11}, []bool{false, false, false}, []int32{0, 2, 2}},
	} {
		copy(s.Input("ids").I64(), c.ids)
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if y := s.Output("y"); !slices.Equal(y.F32(), c.y) || !slices.Equal(y.Shape, []int{2, 3}) {
			t.Errorf("%v: y = %v of shape %v, want %v", c.ids, y.F32(), y.Shape, c.y)
		}
		if got := s.Output("mask").Bool(); !slices.Equal(got, c.mask) {
			t.Errorf("%v: mask = %v, want %v", c.ids, got, c.mask)
		}
		if got := s.Output("next").I32(); !slices.Equal(got, c.next) {
			t.Errorf("%v: next = %v, want %v", c.ids, got, c.next)
		}
	}
	s.Input("ids").I64()[1] = 3
	if err := s.Run(t.Context(), nil); err == nil ||
		!strings.Contains(err.Error(), `node "embed" (Gather): index 3 is out of range for axis 0 of shape [3 2]`) {
		t.Errorf("an id beyond the table: error %v", err)
	}
	s.Input("ids").I64()[1] = 2
	if err := s.Run(t.Context(), nil); err != nil {
		t.Errorf("after a fault: %v", err)
	}
}

// Arithmetic on narrow integers wraps around in their own width.
func TestNarrowIntegersWrap(t *testing.T) {
	for elem, want := range map[DataType]float64{onnxpb.TensorProto_UINT8: 44, onnxpb.TensorProto_INT16: 300,
		onnxpb.TensorProto_INT8: -56, onnxpb.TensorProto_UINT16: 300} {
		m := graphOf(t, []*onnxpb.ValueInfoProto{info("x", elem, 1)}, []*onnxpb.ValueInfoProto{info("y", elem)}, nil,
			node("Add", "add", []string{"x", "x"}, []string{"y"}))
		x := tensor.New(DType(elem), 1)
		switch elem {
		case onnxpb.TensorProto_INT8:
			tensor.Data[int8](x)[0] = 100
		case onnxpb.TensorProto_UINT8:
			tensor.Data[uint8](x)[0] = 150
		case onnxpb.TensorProto_INT16:
			tensor.Data[int16](x)[0] = 150
		default:
			tensor.Data[uint16](x)[0] = 150
		}
		s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": x}})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := s.Output("y"); got.DType != DType(elem) || got.Number(0) != want {
			t.Errorf("%v: %v of type %v, want %v", elem, got.Number(0), got.DType, want)
		}
	}
}

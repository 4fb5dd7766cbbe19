package onnx

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

func TestCompiledModelRuns(t *testing.T) {
	p := tiny()
	p.Graph.Node = append(p.Graph.Node, node("Clip", "clip", []string{"y", "", "top"}, []string{"z"}))
	p.Graph.Initializer = append(p.Graph.Initializer, EncodeTensor("top", tensor.From([]float32{3})))
	p.Graph.Output = append(p.Graph.Output, info("z", onnxpb.TensorProto_FLOAT, "N", 2))
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.InputTensors(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Compile(engine.Options{Inputs: in})
	if err != nil {
		t.Fatal(err)
	}
	copy(s.Input("x").F32(), []float32{1, 2, 3, 4})
	if err := s.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Output("y").F32(); !slices.Equal(got, []float32{2, 0, 4, 2}) {
		t.Errorf("y = %v", got)
	}
	if got := s.Output("z").F32(); !slices.Equal(got, []float32{2, 0, 3, 2}) {
		t.Errorf("z = %v", got)
	}
}

func TestGraphNamesWhatItCannotUse(t *testing.T) {
	p := tiny()
	p.Graph.Node[0].Attribute = []*onnxpb.AttributeProto{
		attr("branch", onnxpb.AttributeProto_GRAPH, func(a *onnxpb.AttributeProto) { a.G = &onnxpb.GraphProto{} }),
		attr("kind", onnxpb.AttributeProto_TYPE_PROTO, nil),
	}
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Graph()
	want := "onnx: node \"add\" (Add): attribute \"branch\": subgraphs are not supported\n" +
		"onnx: node \"add\" (Add): attribute \"kind\": holds no type"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Errorf("%v holds no Error", err)
	}
}

func TestInputShapes(t *testing.T) {
	p := tiny()
	p.Graph.Input = []*onnxpb.ValueInfoProto{
		info("x", onnxpb.TensorProto_FLOAT, "N", 3, "S", "S"),
		info("mask", onnxpb.TensorProto_BOOL, "N", "S"),
	}
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		given map[string][]int
		want  string // an error
		mask  []int
	}{
		{map[string][]int{"x": {5, 3, 8, 8}}, "", []int{5, 8}},
		{map[string][]int{"mask": {5, 8}}, "", []int{5, 8}},
		{nil, `onnx: input "x": size 2 of [N 3 S S] is not fixed, and none was asked for`, nil},
		{map[string][]int{"x": {5, 4, 8, 8}}, `onnx: input "x" has shape [5 4 8 8], want [N 3 S S]`, nil},
		{map[string][]int{"x": {5, 3, 8}}, `onnx: input "x" has shape [5 3 8], want [N 3 S S]`, nil},
		{map[string][]int{"x": {5, 3, 8, 9}}, `onnx: input "x" has shape [5 3 8 9], want [N 3 S S] with S = 8`, nil},
		{map[string][]int{"x": {-1, 3, 8, 8}}, `onnx: input "x" cannot have shape [-1 3 8 8]`, nil},
		{map[string][]int{"x": {1 << 40, 3, 8, 8}}, `onnx: input "x" cannot have shape [1099511627776 3 8 8]`, nil},
		{map[string][]int{"y": {1}}, `onnx: no input "y"; inputs are [x: FLOAT [N,3,S,S] mask: BOOL [N,S]]`, nil},
	} {
		got, err := m.InputTensors(7, c.given)
		if c.want != "" {
			fails(t, err, c.want)
			continue
		}
		if err != nil || !slices.Equal(got["mask"].Shape, c.mask) || len(got["mask"].Bytes()) != tensor.Len(c.mask) ||
			got["x"].Bytes() != nil {
			t.Errorf("%v: %v, %v", c.given, got, err)
		}
	}
}

func TestInspectListsAllProblems(t *testing.T) {
	p := tiny()
	p.Graph.Node = append(p.Graph.Node,
		node("Frobnicate", "f1", []string{"y"}, []string{"a"}),
		node("Frobnicate", "f2", []string{"a"}, []string{"b"}),
		node("If", "if", []string{"y"}, []string{"c"},
			attr("then_branch", onnxpb.AttributeProto_GRAPH,
				func(a *onnxpb.AttributeProto) { a.G = &onnxpb.GraphProto{} })),
		node("Add", "sum", []string{"y", "odd"}, []string{"d"}),
	)
	p.Graph.Initializer = append(p.Graph.Initializer, EncodeTensor("odd", tensor.New(tensor.Float32, 5)))
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(lines(m.Inspect(1, nil).Problems), "\n")
	for _, want := range []string{
		`onnx: node "f1" (Frobnicate): operator Frobnicate is not supported`,
		`onnx: node "f2" (Frobnicate): operator Frobnicate is not supported`,
		`onnx: node "if" (If): attribute "then_branch": subgraphs are not supported`,
		`onnx: node "sum" (Add): `,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 4 {
		t.Errorf("%d problems, want 4:\n%s", n, got)
	}
	// Where the structure is wrong, missing operators are still found.
	p.Graph.Output = nil
	got = strings.Join(lines(m.Inspect(1, nil).Problems), "\n")
	if !strings.Contains(got, "graph has no outputs") || strings.Count(got, "Frobnicate is not supported") != 2 {
		t.Errorf("got\n%s", got)
	}
}

func TestInspectCountsParametersOnce(t *testing.T) {
	p := tiny()
	p.Graph.Node = append(p.Graph.Node, node("Add", "more", []string{"y", "w"}, []string{"z"}))
	p.Graph.Initializer = append(p.Graph.Initializer, &onnxpb.TensorProto{
		Name: proto.String("ints"), DataType: proto.Int32(7), Dims: []int64{1}, Int64Data: []int64{1},
	})
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	s := m.Inspect(4, nil)
	if len(s.Problems) != 0 || s.Parameters != 2 || len(s.Layers) != 2 || s.Layers[0].Parameters != 2 {
		t.Fatalf("%+v", s)
	}
	if l := s.Layers[1]; l.Name != "more" || l.DTypes[0] != tensor.Float32 ||
		!slices.Equal(l.Shapes[0], []int{4, 2}) || l.Constant {
		t.Fatalf("%+v", l)
	}
}

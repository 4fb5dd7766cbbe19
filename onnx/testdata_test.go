package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

func load(t *testing.T, name string) *Model {
	t.Helper()
	m, err := Load(filepath.Join("testdata", name+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// run evaluates a model's output y for its input x.
func run(t *testing.T, m *Model, x *tensor.Tensor) []float32 {
	t.Helper()
	s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": x}})
	if err != nil {
		t.Fatal(err)
	}
	s.Input("x").Copy(x)
	if err := s.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return s.Output("y").F32()
}

func TestEveryElementTypeIsRead(t *testing.T) {
	m := load(t, "types")
	names := m.Initializers()
	if len(names) != 16 {
		t.Fatalf("%d initializers", len(names))
	}
	for _, name := range names {
		v, err := m.Initializer(name)
		if err != nil {
			t.Error(err)
			continue
		}
		want := []float64{1, 0, 2}
		if v.DType == tensor.Bool {
			want[2] = 1
		}
		for i := range want {
			if got := v.Number(i); got != want[i] {
				t.Errorf("%s: element %d is %v, want %v", name, i, got, want[i])
			}
		}
	}
	if a, _ := m.Metadata("a"); a != "1" {
		t.Errorf("metadata %v", m.MetadataAll())
	}
}

func TestInitializersAsInputsRun(t *testing.T) {
	m := load(t, "legacy")
	if in := m.Inputs(); len(in) != 1 || in[0].Name != "x" {
		t.Fatalf("inputs %v", in)
	}
	if got := run(t, m, tensor.From([]float32{1, 2}, 1, 2)); !slices.Equal(got, []float32{3, 9, 15}) {
		t.Errorf("y = %v", got)
	}
}

func TestExternalWeightsRun(t *testing.T) {
	m := load(t, "external")
	if got := run(t, m, tensor.From([]float32{1, 2}, 1, 2)); !slices.Equal(got, []float32{16, 29, 42}) {
		t.Errorf("y = %v", got)
	}
	data, err := os.ReadFile(filepath.Join("testdata", "external.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"":          `onnx: initializer "w": external data "external.bin": the model was not read from a file`,
		t.TempDir(): `onnx: initializer "w": external data "external.bin": no such file or directory`,
	} {
		m, err := Parse(data, dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := lines(m.Check()); len(got) != 2 || got[0] != want {
			t.Errorf("got %v, want %s", got, want)
		}
	}
}

func TestFunctionsRunAsTheirNodes(t *testing.T) {
	m := load(t, "functions")
	// call_u: x·[2,3], negative ones halved; call_y the same, quartered.
	if got := run(t, m, tensor.From([]float32{1, -1}, 1, 2)); !slices.Equal(got, []float32{4, -1.125}) {
		t.Errorf("y = %v", got)
	}
	s := m.Inspect(1, nil)
	var names []string
	for _, l := range s.Layers {
		names = append(names, l.Name+" "+strings.Join(l.Outputs, " "))
	}
	want := []string{"call_u/scale call_u/t", "call_u/leaky u", "call_y/scale call_y/t", "call_y/leaky y"}
	if len(s.Problems) != 0 || !slices.Equal(names, want) {
		t.Errorf("got %q, %v", names, s.Problems)
	}
}

func TestEndlessFunctionsAreRefused(t *testing.T) {
	call := func(op string, n int) *onnxpb.FunctionProto {
		f := &onnxpb.FunctionProto{Name: &op, Domain: proto.String("d"), Input: []string{"a"}, Output: []string{"b"}}
		for i := range n {
			f.Node = append(f.Node, node("Next"+op, "", []string{"a"}, []string{fmt.Sprint(i)}))
			f.Node[i].Domain = proto.String("d")
		}
		return f
	}
	ring := call("f", 1)
	ring.Node[0].OpType = proto.String("f")
	var tower []*onnxpb.FunctionProto
	for op := "f"; len(tower) < 30; op = "Next" + op {
		tower = append(tower, call(op, 4))
	}
	for want, functions := range map[string][]*onnxpb.FunctionProto{
		"functions call each other in a circle or too deep": {ring},
		"the model's functions are called too often":        tower,
	} {
		p := tiny()
		p.Functions = functions
		p.Graph.Node[0] = node("f", "", []string{"x"}, []string{"y"})
		p.Graph.Node[0].Domain = proto.String("d")
		m, err := FromProto(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(lines(m.Check()), "\n"); !strings.Contains(got, want) {
			t.Errorf("got %.300s, want %s", got, want)
		}
	}
}

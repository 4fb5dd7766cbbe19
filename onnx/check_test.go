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
)

func TestGoodModelsPass(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(shared.Path(t, "fixtures"), "*", "*", "*.onnx"))
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d models, %v", len(paths), err)
	}
	for _, path := range paths {
		m, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, err := range m.Check() {
			t.Error(err)
		}
	}
}

// The conformance cases are sound; what Check says of them must be that they use
// something that memprobe does not support.
func TestConformanceModelsAreSoundOrUnsupported(t *testing.T) {
	passed := 0
	for _, path := range files(t) {
		m, err := Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		errs := m.Check()
		if len(errs) == 0 {
			passed++
		}
		for _, err := range errs {
			if s := err.Error(); !strings.Contains(s, "not supported") && !strings.Contains(s, "is no tensor") &&
				!strings.Contains(s, ": opset is 2") {
				t.Error(s)
			}
		}
	}
	if passed < 1000 {
		t.Errorf("only %d models pass", passed)
	}
}

func node(op, name string, in, out []string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: &op, Name: &name, Input: in, Output: out, Attribute: attrs}
}

func attr(name string, typ AttributeType, set func(a *onnxpb.AttributeProto)) *onnxpb.AttributeProto {
	a := &onnxpb.AttributeProto{Name: &name, Type: &typ}
	if set != nil {
		set(a)
	}
	return a
}

func TestCheckFindsEveryFaultAtOnce(t *testing.T) {
	p := tiny()
	p.IrVersion = proto.Int64(99)
	p.OpsetImport[0].Version = proto.Int64(29)
	g := p.Graph
	g.Input = append(g.Input, g.Input[0], &onnxpb.ValueInfoProto{Name: proto.String("untyped")},
		info("text", onnxpb.TensorProto_STRING, 1))
	g.Output = append(g.Output, info("nowhere", onnxpb.TensorProto_FLOAT))
	short := EncodeTensor("short", mustTensor(t, g.Initializer[0]))
	short.Dims = []int64{3}
	g.Initializer = append(g.Initializer, short, g.Initializer[0])
	g.SparseInitializer = []*onnxpb.SparseTensorProto{{Values: &onnxpb.TensorProto{Name: proto.String("thin")}}}
	g.Node = append(g.Node,
		node("Relu", "again", []string{"x"}, []string{"y"}),
		node("Relu", "overwrites", []string{"x"}, []string{"w"}),
		node("Relu", "", []string{"ghost"}, []string{"unnamed"}),
		node("Relu", "ring1", []string{"r2"}, []string{"r1"}),
		node("Relu", "ring2", []string{"r1"}, []string{"r2"}),
		node("Relu", "self", []string{"s"}, []string{"s"}),
		node("Relu", "mute", []string{"x"}, nil),
		node("", "blank", []string{"x"}, []string{"b"}),
		node("Foo", "foo", []string{"x"}, []string{"f"},
			attr("a", onnxpb.AttributeProto_INT, func(a *onnxpb.AttributeProto) { a.F = proto.Float32(1) }),
			attr("b", onnxpb.AttributeProto_UNDEFINED, nil), attr("c", onnxpb.AttributeProto_INT, nil),
			attr("c", onnxpb.AttributeProto_INT, nil),
			attr("d", onnxpb.AttributeProto_TENSOR, nil)),
	)
	g.Node[len(g.Node)-1].Domain = proto.String("com.example")
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`onnx: IR version is 99, want 1 to 13`,
		`onnx: opset is 29, want 1 to 28`,
		`onnx: input "untyped" has no type`,
		`onnx: input "text": element type STRING is not supported`,
		`onnx: two inputs are called "x"`,
		`onnx: initializer "short": raw_data has 8 bytes, shape [3] of FLOAT wants 12`,
		`onnx: two initializers are called "w"`,
		`onnx: initializer "thin": sparse tensors are not supported`,
		`onnx: node "again" (Relu): output "y" is also computed by node "add"`,
		`onnx: node "overwrites" (Relu): output "w" is also an input or initializer of the graph`,
		`onnx: node "mute" (Relu): has no outputs`,
		`onnx: node "unnamed" (Relu): input 0, "ghost", is computed by no node`,
		`onnx: node "blank": has no operator`,
		`onnx: node "foo" (Foo): attribute "a" is of type INT but holds FLOAT`,
		`onnx: node "foo" (Foo): attribute "b" has no type, or one that is not known`,
		`onnx: node "foo" (Foo): attribute "c" is given twice`,
		`onnx: node "foo" (Foo): attribute "d" is of type TENSOR but holds none`,
		`onnx: graph output "nowhere" is computed by no node`,
		`onnx: node "self" (Relu): has its own output "s" as input`,
		`onnx: nodes "ring1", "ring2" form a cycle`,
		`onnx: nodes of domain "com.example", whose opset is not imported`,
	}
	got := lines(m.Check())
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("missing %s", w)
		}
	}
	for _, g := range got {
		if !slices.Contains(want, g) {
			t.Errorf("unexpected %s", g)
		}
	}
}

func lines(errs []error) []string {
	var out []string
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return out
}

func TestOpsetImports(t *testing.T) {
	for _, c := range []struct {
		ir    int64
		opset []int64
		want  string
	}{
		{8, []int64{26}, ""},
		{2, nil, ""},
		{3, nil, "onnx: no opset is imported; IR version 3 wants at least one"},
		{8, []int64{0}, "onnx: opset is 0, want 1 to 28"},
		{8, []int64{7, 9}, `onnx: opset of domain "" is imported twice, as 7 and 9`},
	} {
		p := tiny()
		p.IrVersion, p.OpsetImport = &c.ir, nil
		for _, v := range c.opset {
			p.OpsetImport = append(p.OpsetImport, &onnxpb.OperatorSetIdProto{Version: &v})
		}
		m, err := FromProto(p)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(lines(m.Check()), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("IR %d, opsets %v: got %q, want %q", c.ir, c.opset, got, c.want)
		}
	}
}

func TestSubgraphsSeeTheNamesAroundThem(t *testing.T) {
	branch := func(in string) *onnxpb.AttributeProto {
		return attr("then_branch", onnxpb.AttributeProto_GRAPH, func(a *onnxpb.AttributeProto) {
			a.G = &onnxpb.GraphProto{
				Node:   []*onnxpb.NodeProto{node("Relu", "inner", []string{in}, []string{"z"})},
				Output: []*onnxpb.ValueInfoProto{info("z", onnxpb.TensorProto_FLOAT)},
			}
		})
	}
	for in, want := range map[string]string{
		"x":     "",
		"y":     "",
		"ghost": `onnx: node "inner" (Relu): input 0, "ghost", is computed by no node`,
		"late":  `onnx: node "if" (If): has its own output "late" as input`,
	} {
		p := tiny()
		p.Graph.Node = append(p.Graph.Node, node("If", "if", []string{"x"}, []string{"late"}, branch(in)))
		m, err := FromProto(p)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(lines(m.Check()), "\n"); got != want {
			t.Errorf("subgraph reading %s: got %q, want %q", in, got, want)
		}
	}
}

func TestProblemsAreCapped(t *testing.T) {
	p := tiny()
	for i := range 500 {
		p.Graph.Node = append(p.Graph.Node, node("Relu", "", []string{"ghost"}, []string{fmt.Sprint(i)}))
	}
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	got := m.Check()
	if len(got) != maxProblems+1 || got[maxProblems].Error() != "onnx: and 400 more problems" {
		t.Fatalf("%d problems, last %v", len(got), got[len(got)-1])
	}
}

package onnxgo_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	gtensor "gorgonia.org/tensor"

	"memprobe/onnx/onnxgo"
)

// node adds a tensor with operands.
func node(g *onnxgo.Graph, name string, operands ...graph.Node) *onnxgo.Node {
	n := g.NewNode().(*onnxgo.Node)
	n.SetName(name)
	g.AddNode(n)
	for i, o := range operands {
		g.SetWeightedEdge(g.NewWeightedEdge(n, o, float64(i)))
	}
	return n
}

// z = x·y + x, as gonum's interfaces show it: edges lead from results to operands.
func TestGraphAsGonumSeesIt(t *testing.T) {
	g := onnxgo.NewGraph()
	x, y := node(g, "x"), node(g, "y")
	p := node(g, "p", x, y)
	z := node(g, "z", p, x)
	names := func(it graph.Nodes) (out []string) {
		for it.Next() {
			out = append(out, it.Node().(*onnxgo.Node).GetName())
		}
		slices.Sort(out)
		return out
	}
	for what, c := range map[string]struct {
		got  graph.Nodes
		want []string
	}{
		"all":              {g.Nodes(), []string{"p", "x", "y", "z"}},
		"operands of z":    {g.From(z.ID()), []string{"p", "x"}},
		"operands of x":    {g.From(x.ID()), nil},
		"tensors of x":     {g.To(x.ID()), []string{"p", "z"}},
		"tensors of z":     {g.To(z.ID()), nil},
		"operands of p, p": {g.From(p.ID()), []string{"x", "y"}},
	} {
		if got := names(c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
	if !g.HasEdgeFromTo(z.ID(), x.ID()) || g.HasEdgeFromTo(x.ID(), z.ID()) || !g.HasEdgeBetween(x.ID(), z.ID()) ||
		g.HasEdgeBetween(y.ID(), z.ID()) || g.Edge(7, 0) != nil || g.Node(-1) != nil || g.Node(z.ID()) != graph.Node(z) {
		t.Error("edges are not from results to operands")
	}
	if e := g.WeightedEdge(z.ID(), x.ID()); e.Weight() != 1 || e.From().ID() != z.ID() ||
		e.ReversedEdge().From().ID() != x.ID() {
		t.Errorf("edge %v, want that of operand 1", e)
	}
	defer func() {
		if recover() == nil {
			t.Error("a node is in the graph twice")
		}
	}()
	g.AddNode(x)
}

// Elements of every type come back as they went in, as vectors and alone.
func TestElementsOfGorgonia(t *testing.T) {
	for _, data := range []any{[]float32{1.5, -2}, []float64{1.5, -2}, []int8{1, -2}, []int16{1, -2}, []int32{1, -2},
		[]int64{1, -2}, []uint8{1, 2}, []uint16{1, 2}, []uint32{1, 2}, []uint64{1, 2}, []bool{true, false}} {
		n := node(onnxgo.NewGraph(), "x")
		if err := n.SetTensor(gtensor.New(gtensor.WithShape(2), gtensor.WithBacking(data))); err != nil {
			t.Errorf("%T: %v", data, err)
			continue
		}
		if got := n.GetTensor().Data(); !reflect.DeepEqual(got, data) {
			t.Errorf("%T %v came back as %T %v", data, data, got, got)
		}
		one := reflect.ValueOf(data).Index(0).Interface()
		if err := n.SetTensor(gtensor.New(gtensor.FromScalar(one))); err != nil {
			t.Errorf("%T: %v", one, err)
		} else if got := n.GetTensor().Data(); got != one {
			t.Errorf("%T %v came back as %T %v", one, one, got, got)
		}
	}
	n := node(onnxgo.NewGraph(), "x")
	if n.GetTensor() != nil {
		t.Error("a node without elements has some")
	}
	if err := n.SetTensor(nil); err == nil || !strings.Contains(err.Error(), `tensor "x"`) {
		t.Errorf("nil: error %v", err)
	}
	if err := n.SetTensor(gtensor.New(gtensor.WithBacking([]string{"a"}))); err == nil ||
		!strings.Contains(err.Error(), "string is not supported") {
		t.Errorf("strings: error %v", err)
	}
	// A transposed view holds its elements in another order than its shape says.
	rows := gtensor.New(gtensor.WithShape(2, 3), gtensor.WithBacking([]int64{1, 2, 3, 4, 5, 6}))
	if err := rows.T(); err != nil {
		t.Fatal(err)
	}
	if err := n.SetTensor(rows); err != nil {
		t.Fatal(err)
	}
	if got := n.GetTensor(); !reflect.DeepEqual(got.Data(), []int64{1, 4, 2, 5, 3, 6}) ||
		fmt.Sprint(got.Shape()) != "(3, 2)" {
		t.Errorf("transposed: %v of shape %v", got.Data(), got.Shape())
	}
}

func TestOperationsThatCannotBe(t *testing.T) {
	g := onnxgo.NewGraph()
	x := node(g, "x")
	y := node(g, "y", x)
	scale := gtensor.New(gtensor.FromScalar(float32(2)))
	for _, c := range []struct {
		op   onnx.Operation
		outs []graph.Node
		say  string // "": nothing
	}{
		{onnx.Operation{Name: "Relu"}, nil, "operator Relu has no output"},
		{onnx.Operation{Name: "Relu", Attributes: map[string]any{"a": 1}},
			[]graph.Node{y}, "attribute a has unsupported type int"},
		{onnx.Operation{Name: "Relu", Attributes: map[string]any{"a": gtensor.New(gtensor.WithBacking([]string{"a"}))}},
			[]graph.Node{y}, "attribute a: element type string"},
		{onnx.Operation{Name: "Constant", Attributes: map[string]any{"value": scale,
			"none": struct{}{}}}, []graph.Node{y}, ""},
		{onnx.Operation{Name: "Relu"}, []graph.Node{y}, `tensor "y" is computed by two operations: Constant and Relu`},
	} {
		if err := g.ApplyOperation(c.op, c.outs...); c.say == "" && err != nil ||
			c.say != "" && (err == nil || !strings.Contains(err.Error(), c.say)) {
			t.Errorf("%+v: error %v, want %q", c.op, err, c.say)
		}
	}
	bad := onnxgo.NewGraph()
	if err := bad.ApplyOperation(onnx.Operation{Name: "Nonsense"}, node(bad, "y", node(bad, "x"))); err != nil {
		t.Fatal(err)
	}
	if err := bad.Run(); err == nil || !strings.Contains(err.Error(), "Nonsense") {
		t.Errorf("error %v, want one that names the operator", err)
	}
}

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

// layersOf names the layers that Inspect finds, all without a problem.
func layersOf(t *testing.T, m *Model, given map[string][]int) string {
	t.Helper()
	s := m.Inspect(1, given)
	if len(s.Problems) > 0 {
		t.Errorf("problems %v", s.Problems)
	}
	var names []string
	for _, l := range s.Layers {
		names = append(names, l.Name)
	}
	return strings.Join(names, " ")
}

// The branch is that of the condition, an input that belongs to the plan.
func TestBranches(t *testing.T) {
	m := load(t, "branches")
	if errs := m.Check(); len(errs) != 0 {
		t.Errorf("%v", errs)
	}
	for taken, want := range map[bool][]float32{true: {0, 2}, false: {1, -2}} {
		s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{
			"x": {DType: tensor.Float32, Shape: []int{1, 2}}, "c": tensor.From([]bool{taken})}})
		if err != nil {
			t.Fatal(err)
		}
		copy(s.Input("x").F32(), []float32{-1, 2})
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if got := s.Output("y").F32(); !slices.Equal(got, want) {
			t.Errorf("%v: y = %v, want %v", taken, got, want)
		}
	}
	if got := layersOf(t, m, nil); got != "Neg if" { // an input that is not given is false
		t.Errorf("layers %s", got)
	}
}

func branch(out string, inits []*onnxpb.TensorProto, nodes ...*onnxpb.NodeProto) *onnxpb.GraphProto {
	return &onnxpb.GraphProto{Name: proto.String("b"), Node: nodes, Initializer: inits,
		Output: []*onnxpb.ValueInfoProto{info(out, onnxpb.TensorProto_FLOAT)}}
}

func choice(condition, out string, then, other *onnxpb.GraphProto) *onnxpb.NodeProto {
	return node("If", "if_"+out, []string{condition}, []string{out},
		attr("then_branch", onnxpb.AttributeProto_GRAPH, func(a *onnxpb.AttributeProto) { a.G = then }),
		attr("else_branch", onnxpb.AttributeProto_GRAPH, func(a *onnxpb.AttributeProto) { a.G = other }))
}

// conditional squeezes the last axis of x where it is 1, as PyTorch exports it: the
// branch that is not taken does not fit the shape. Where it is 3, x is doubled, by an
// initialiser of a branch within the other.
func conditional() *onnxpb.ModelProto {
	p := tiny()
	p.Graph.Input = []*onnxpb.ValueInfoProto{info("x", onnxpb.TensorProto_FLOAT, "N", "D")}
	p.Graph.Output = []*onnxpb.ValueInfoProto{info("y", onnxpb.TensorProto_FLOAT)}
	number := func(name string, v int64) *onnxpb.TensorProto { return EncodeTensor(name, tensor.From([]int64{v}, 1)) }
	p.Graph.Initializer = []*onnxpb.TensorProto{number("last", 1), number("one", 1), number("three", 3)}
	double := branch("t", []*onnxpb.TensorProto{EncodeTensor("two", tensor.From([]float32{2}))},
		node("Mul", "mul", []string{"x", "two"}, []string{"t"}))
	same := branch("t", nil, node("Identity", "same", []string{"x"}, []string{"t"}))
	squeezed := branch("t", nil, node("Squeeze", "squeeze", []string{"x", "last"}, []string{"t"}))
	p.Graph.Node = []*onnxpb.NodeProto{
		node("Shape", "shape", []string{"x"}, []string{"s"}),
		node("Gather", "gather", []string{"s", "last"}, []string{"d"}),
		node("Equal", "equal", []string{"d", "one"}, []string{"c"}),
		node("Equal", "equal3", []string{"d", "three"}, []string{"c3"}),
		choice("c", "y", squeezed, branch("u", nil, choice("c3", "u", double, same))),
	}
	return p
}

func TestBranchThatTheShapeDecides(t *testing.T) {
	m, err := FromProto(conditional())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		d, rank int
		want    []float32
		layers  string
	}{
		{1, 1, []float32{1, 2}, "squeeze if_y"},
		{2, 2, []float32{1, 2, 3, 4}, "same if_u if_y"},
		{3, 2, []float32{2, 4, 6, 8, 10, 12}, "y/else_branch/u/then_branch/two mul if_u if_y"},
	} {
		s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": {DType: tensor.Float32,
			Shape: []int{2, c.d}}}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range s.Input("x").F32() {
			s.Input("x").F32()[i] = float32(i + 1)
		}
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if y := s.Output("y"); !slices.Equal(y.F32(), c.want) || len(y.Shape) != c.rank {
			t.Errorf("%d columns: y = %v of shape %v, want %v", c.d, y.F32(), y.Shape, c.want)
		}
		if got := layersOf(t, m, map[string][]int{"x": {2, c.d}}); got != "shape gather equal equal3 "+c.layers {
			t.Errorf("%d columns: layers %s", c.d, got)
		}
	}
}

// An If whose condition is computed from data takes a branch in each run, and the
// other one where the data change. Nothing is wrong with the model before.
func TestBranchThatTheDataDecide(t *testing.T) {
	p := conditional()
	p.Graph.Initializer = append(p.Graph.Initializer, EncodeTensor("zero", tensor.From([]float32{0})))
	p.Graph.Node[2] = node("ReduceMax", "max", []string{"x"}, []string{"m"},
		attr("keepdims", onnxpb.AttributeProto_INT, func(a *onnxpb.AttributeProto) { a.I = proto.Int64(0) }))
	p.Graph.Node = slices.Insert(p.Graph.Node, 3, node("Less", "less", []string{"m", "zero"}, []string{"c"}))
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(m.Inspect(2, map[string][]int{"x": {2, 3}}).Problems); len(got) != 0 {
		t.Errorf("problems %q", got)
	}
	s, err := m.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": {DType: tensor.Float32,
		Shape: []int{1, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	for x, shape := range map[float32][]int{-3: {1}, 5: {1, 1}, -7: {1}} {
		s.Input("x").F32()[0] = x
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if y := s.Output("y"); y.F32()[0] != x || !slices.Equal(y.Shape, shape) {
			t.Errorf("x = %v: y = %v of shape %v, want shape %v", x, y.F32(), y.Shape, shape)
		}
	}
}

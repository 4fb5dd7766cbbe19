package onnx

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// network is a graph of nodes "Op in in = out", of ONNX Runtime's domain after "contrib.",
// each followed by its attributes, with initialisers of 0.1, 0.2, ….
func network(t *testing.T, inits []string, lines ...any) *Model {
	t.Helper()
	p := &onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: &onnxpb.GraphProto{},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)},
			{Domain: proto.String(ops.Contrib), Version: proto.Int64(1)}}}
	for _, s := range inits {
		p.Graph.Initializer = append(p.Graph.Initializer, numbers(t, s))
	}
	for _, l := range lines {
		switch l := l.(type) {
		case string:
			left, out, _ := strings.Cut(l, " = ")
			words := strings.Fields(left)
			n := &onnxpb.NodeProto{OpType: &words[0], Input: words[1:], Output: strings.Fields(out)}
			if op, contrib := strings.CutPrefix(words[0], "contrib."); contrib {
				n.OpType, n.Domain = &op, proto.String(ops.Contrib)
			}
			p.Graph.Node = append(p.Graph.Node, n)
		case *onnxpb.AttributeProto:
			n := p.Graph.Node[len(p.Graph.Node)-1]
			n.Attribute = append(n.Attribute, l)
		}
	}
	p.Graph.Input = []*onnxpb.ValueInfoProto{info("x", onnxpb.TensorProto_FLOAT, "N", 3, 8, 8)}
	p.Graph.Output = []*onnxpb.ValueInfoProto{{Name: proto.String("y")}}
	m, err := FromProto(p)
	if err != nil {
		t.Fatal(err)
	}
	if errs := m.Check(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return m
}

// numbers is a tensor "name 2 3" of 0.1, 0.2, ….
func numbers(t *testing.T, s string) *onnxpb.TensorProto {
	t.Helper()
	name, dims, _ := strings.Cut(s, " ")
	var shape []int
	for _, d := range strings.Fields(dims) {
		var n int
		if _, err := fmt.Sscan(d, &n); err != nil {
			t.Fatal(err)
		}
		shape = append(shape, n)
	}
	v := tensor.New(tensor.Float32, shape...)
	for i := range v.F32() {
		v.F32()[i] = 0.1 * float32(i+1)
	}
	return EncodeTensor(name, v)
}

func attribute(name string, v any) *onnxpb.AttributeProto {
	switch v := v.(type) {
	case int:
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(v))}
	case []int64:
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: v}
	case []float32:
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_FLOATS.Enum(), Floats: v}
	case string:
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte(v)}
	}
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_TENSOR.Enum(), T: v.(*onnxpb.TensorProto)}
}

// roles lists the parameters, each "name role fan".
func roles(t *testing.T, m *Model) string {
	t.Helper()
	list, err := m.Parameters()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s", p.Name, p.Role)))
		if p.Fan > 0 {
			out[len(out)-1] += fmt.Sprint(" ", p.Fan)
		}
	}
	return strings.Join(out, "; ")
}

func TestRolesOfParameters(t *testing.T) {
	perm := attribute("perm", []int64{3, 2, 0, 1})
	pool := []any{"GlobalAveragePool c = g", "Flatten g = y"}
	for _, c := range []struct {
		about string
		inits []string
		nodes []any
		want  string
	}{
		{"kernel stored with the channels last", []string{"w 3 3 3 5"},
			append([]any{"Transpose w = k", perm, "Conv x k = c"}, pool...), "w convolution 45"},
		{"kernel stored as a matrix", []string{"w 5 27", "b 5"},
			append([]any{"Constant = s", attribute("value_ints", []int64{5, 3, 3, 3}), "Reshape w s = k",
				"Conv x k b = c"}, pool...), "w convolution 45; b bias"},
		{"kernel of unit length and a length", []string{"long 5 1 1 1", "v 5 3 3 3"},
			append([]any{"ReduceL2 v = n", attribute("axes", []int64{1, 2, 3}), "Div v n = u", "Mul u long = k",
				"Conv x k = c"}, pool...), "long scale; v convolution 45"},
		{"kernel standardised and cast", []string{"w 5 3 3 3"},
			append([]any{"ReduceMean w = m", attribute("axes", []int64{1, 2, 3}), "Constant = eps",
				attribute("value", numbers(t, "")), "Sub w m = d", "Add d eps = e", "Cast e = k", attribute("to", 1),
				"Conv x k = c"}, pool...), "w convolution 45"},
		{"a matrix and its low-rank correction", []string{"w 192 4", "a 192 2", "b 2 4"},
			[]any{"Flatten x = f", "MatMul a b = ab", "Add w ab = s", "MatMul f s = y"},
			"w matrix 192; a matrix 192; b matrix 192"},
		{"a scaled bias", []string{"w 5 3 3 3", "b 5", "f 5"},
			append([]any{"Mul b f = bf", "Conv x w bf = c"}, pool...), "w convolution 45; b bias; f bias"},
		{"pixels normalised", []string{"mean 3 1 1", "std 1 3 1 1", "prompt 3 8 8", "w 5 3 3 3"},
			append([]any{"Sub x mean = d", "Div d std = n", "Add prompt n = p", "Conv p w = c"}, pool...),
			"prompt embedding; w convolution 45"},
		{"single numbers", []string{"onnx::Mul_1", "onnx::PRelu_2 1 1 1", "onnx::MatMul_3 192 4", "factor"},
			[]any{"Mul x onnx::Mul_1 = m", "PRelu m onnx::PRelu_2 = p", "Flatten p = f", "MatMul f onnx::MatMul_3 = z",
				"Mul z factor = y"},
			"onnx::PRelu_2 slope; onnx::MatMul_3 matrix 192; factor other"},
		{"an Einsum", []string{"w 3 8 8 4"}, []any{"Einsum x w = y", attribute("equation", "nchw,chwk->nk")}, "w matrix 192"},
		{"ONNX Runtime's operators", []string{"w 5 3 3 3", "b 5", "m 4 5", "d 4", "gamma 4", "beta 4", "e 4"}, []any{
			"contrib.FusedConv x w b = c", attribute("activation", "Relu"), pool[0], "Flatten g = f",
			"contrib.FusedGemm f m d = z", attribute("activation", "Relu"), attribute("transB", 1),
			"contrib.SkipLayerNormalization z z gamma beta e = y"},
			"w convolution 45; b bias; m matrix 5; d bias; gamma scale; beta bias; e bias"},
		{"Constant nodes alone", nil, append([]any{"Constant = b",
			attribute("value_floats", []float32{0, 0}), "Constant = w", attribute("value", numbers(t, " 2 3 3 3")),
			"Conv x w b = c"}, pool...),
			"w convolution 18; b bias"},
		{"Constant nodes beside initialisers", []string{"w 2 3 3 3"},
			append([]any{"Constant = one", attribute("value_floats", []float32{1, 1}), "Constant = zero",
				attribute("value_floats", []float32{0, 0}), "Constant = b", attribute("value_floats", []float32{0, 7}),
				"Constant = mask", attribute("value", numbers(t, " 1 2 8 8")), "Conv x w b = v",
				attribute("pads", []int64{1, 1, 1, 1}),
				"InstanceNormalization v one zero = i", "Add i mask = c"}, pool...), "w convolution 18; b bias"},
	} {
		if got := roles(t, network(t, c.inits, c.nodes...)); got != c.want {
			t.Errorf("%s: %s, want %s", c.about, got, c.want)
		}
	}
}

// shared is a model of two calls of a function that holds a matrix, with another that
// each call gives as an attribute.
func sharedFunction(t *testing.T) *Model {
	t.Helper()
	m := network(t, nil, "GlobalAveragePool x = g", "Flatten g = f", "Layer f = h",
		attribute("given", numbers(t, " 3 3")), "Layer h = y", attribute("given", numbers(t, " 3 3")))
	p := m.Proto()
	for _, n := range p.Graph.Node[2:] {
		n.Domain = proto.String("local")
	}
	constant := func(out string, a *onnxpb.AttributeProto) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String("Constant"), Output: []string{out},
			Attribute: []*onnxpb.AttributeProto{a}}
	}
	op := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}}
	}
	reference := &onnxpb.AttributeProto{Name: proto.String("value"), RefAttrName: proto.String("given"),
		Type: onnxpb.AttributeProto_TENSOR.Enum()}
	p.OpsetImport = append(p.OpsetImport,
		&onnxpb.OperatorSetIdProto{Domain: proto.String("local"), Version: proto.Int64(1)})
	p.Functions = []*onnxpb.FunctionProto{{Name: proto.String("Layer"), Domain: proto.String("local"),
		Input: []string{"in"}, Output: []string{"out"}, Attribute: []string{"given"}, OpsetImport: p.OpsetImport[:1],
		Node: []*onnxpb.NodeProto{constant("own", attribute("value", numbers(t, " 3 3"))),
			constant("theirs", reference), op("MatMul", "a", "in", "own"), op("MatMul", "out", "a", "theirs")}}}
	if errs := m.Check(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return m
}

// What a function holds is one parameter for all of its calls, and stays one when it
// is trained; what the calls give it are two.
// Constants of a normalisation in float64 are read as such.
func TestRolesOfDoubles(t *testing.T) {
	doubles := func(v float64) *onnxpb.AttributeProto {
		return attribute("value", EncodeTensor("", tensor.From([]float64{v, v}, 2)))
	}
	m := network(t, []string{"w 2 3 3 3"}, "Conv x w = c", "Cast c = d", attribute("to", int(onnxpb.TensorProto_DOUBLE)),
		"Constant = scale", doubles(1), "Constant = shift", doubles(0.5), "Constant = mean", doubles(0), "Constant = var", doubles(1),
		"BatchNormalization d scale shift mean var = n", "Cast n = f", attribute("to", int(onnxpb.TensorProto_FLOAT)),
		"GlobalAveragePool f = g", "Flatten g = y")
	if got, want := roles(t, m), "w convolution 18; shift bias"; got != want {
		t.Errorf("parameters are %s, want %s", got, want)
	}
}

func TestParametersOfFunctions(t *testing.T) {
	m := sharedFunction(t)
	if got, want := roles(t, m), "h/own matrix 3; h/theirs matrix 3; y/theirs matrix 3"; got != want {
		t.Fatalf("parameters are %s, want %s", got, want)
	}
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	in, err := m.InputTensors(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	params, _, err := m.Trainable(g, engine.TrainOptions{Inputs: in})
	slices.Sort(params)
	if got := strings.Join(params, " "); err != nil || got != "h/own h/theirs y/theirs" {
		t.Fatalf("trained are %s, error %v", got, err)
	}
	w := g.Weights()
	w["h/own"].F32()[0] = 42
	if err := m.SetWeights(w); err != nil {
		t.Fatal(err)
	}
	if got := m.Proto().Functions[0].Node[0].Attribute[0].T; DataType(got.GetDataType()) != onnxpb.TensorProto_FLOAT {
		t.Fatal("the function's constant is gone")
	} else if v, err := DecodeTensor(got, ""); err != nil || v.F32()[0] != 42 {
		t.Errorf("the function holds %v, error %v; want the trained number", v.F32(), err)
	}
	fails(t, m.SetWeights(map[string]*tensor.Tensor{"h/own": tensor.New(tensor.Float32, 2)}), "shape")
}

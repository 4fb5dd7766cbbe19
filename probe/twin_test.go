package probe

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/fault"
	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
)

// outputOf is what a model makes of a batch of two fixed images.
func outputOf(t *testing.T, m *onnx.Model) []float32 {
	t.Helper()
	in, err := m.InputTensors(2, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := m.Compile(engine.Options{Inputs: in})
	if err != nil {
		t.Fatal(err)
	}
	x := s.Input(m.Inputs()[0].Name)
	for i := range x.F32() {
		x.F32()[i] = float32(i%17)/16 - 0.25
	}
	if err := s.Run(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return slices.Clone(s.Output(m.Outputs()[0].Name).F32())
}

// The untrained network is the same wherever a file keeps its weights.
func TestUntrainedIsTheSameInEveryForm(t *testing.T) {
	plain, err := onnx.Load(filepath.Join("..", "testdata", "benign.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	twin := func(m *onnx.Model) []float32 {
		t.Helper()
		u, err := Untrained(m, 3, nil)
		if err != nil {
			t.Fatal(err)
		}
		return outputOf(t, u)
	}
	trained, want := outputOf(t, plain), twin(plain)
	if slices.Equal(trained, want) {
		t.Fatal("the untrained network computes what the trained one does")
	}
	for about, change := range map[string]func(*onnxpb.ModelProto){
		"Constant nodes":                       onnxtest.InConstants,
		"Constant nodes in front":              func(p *onnxpb.ModelProto) { onnxtest.InConstants(p); constantsFirst(p) },
		"initialisers read by local functions": func(p *onnxpb.ModelProto) { onnxtest.InFunctions(p, false) },
		"Constant nodes in local functions":    func(p *onnxpb.ModelProto) { onnxtest.InFunctions(p, true) },
	} {
		m := plain.Clone()
		change(m.Proto())
		b, err := m.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		if m, err = onnx.Parse(b, ""); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(outputOf(t, m), trained) {
			t.Fatalf("%s: the change of form changed the network", about)
		}
		if !slices.Equal(twin(m), want) {
			t.Errorf("%s: another untrained network", about)
		}
		if share, err := Redrawn(m); err != nil || share != 1 {
			t.Errorf("%s: a share of %v is drawn anew, error %v", about, share, err)
		}
		if after, err := m.Bytes(); err != nil || !bytes.Equal(b, after) {
			t.Errorf("%s: the model itself changed, error %v", about, err)
		}
	}
}

func constantsFirst(p *onnxpb.ModelProto) {
	late := func(n *onnxpb.NodeProto) int { return min(len(n.Input), 1) }
	slices.SortStableFunc(p.Graph.Node, func(a, b *onnxpb.NodeProto) int { return late(a) - late(b) })
}

// Weights that arithmetic or functions lie in front of are drawn anew.
func TestUntrainedOfCases(t *testing.T) {
	for _, name := range []string{"06-local-functions-dynamo", "42-weight-standardisation-wsTrue", "57a-benign-constants",
		"07-final-softmax", "08a-tf2onnx-nhwc"} {
		m, err := onnx.Load(shared.Path(t, "cases", "onnx", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		u, err := Untrained(m, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if slices.Equal(outputOf(t, m), outputOf(t, u)) {
			t.Errorf("%s: the untrained network computes what the trained one does", name)
		}
		if share, err := Redrawn(m); err != nil || share != 1 {
			t.Errorf("%s: a share of %v is drawn anew, error %v", name, share, err)
		}
	}
}

// What stays is counted, and a network that stays whole is refused.
func TestUntrainedThatStays(t *testing.T) {
	b := newBuilder(1, 6, 6)
	b.node("Flatten", "f", "x")
	b.node("MatMul", "h", "f", b.weight("w", 36, 3))
	b.node("Max", "logits", "h", b.weight("floor", 12))
	b.graph.Initializer[1] = onnx.EncodeTensor("floor", tensor.From([]float32{-9, -9, -9}, 3))
	m := b.model(t, "logits")
	if share, err := Redrawn(m); err != nil || share != 108.0/111 {
		t.Errorf("a share of %v is drawn anew, error %v; want 108/111", share, err)
	}
	// Weights of integers stay, and count.
	b = newBuilder(1, 6, 6)
	b.node("Flatten", "f", "x")
	b.node("DequantizeLinear", "w", b.weight("q", 36, 3), b.weight("step", 1), b.weight("zero", 1))
	b.node("MatMul", "h", "f", "w")
	b.node("MatMul", "logits", "h", b.weight("v", 3, 4))
	b.graph.Initializer[0] = onnx.EncodeTensor("q", tensor.New(tensor.Int8, 36, 3))
	b.graph.Initializer[2] = onnx.EncodeTensor("zero", tensor.New(tensor.Int8, 1))
	if share, err := Redrawn(b.model(t, "logits")); err != nil || share != 12.0/121 {
		t.Errorf("of a quantised network, a share of %v is drawn anew, error %v; want 12/121", share, err)
	}
}

// A twin that computes what the network computes is no baseline.
func TestRunRefusesATwinThatIsTheNetwork(t *testing.T) {
	b := newBuilder(1, 6, 6)
	integer(b.node("ReduceMin", "least", "x"), "keepdims", 0)
	b.node("Sub", "low", "least", "far")
	b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor("far", tensor.From([]float32{99}, 1)))
	b.node("Max", "w2", b.weight("w", 36, 3), "low") // what reads data is no known weight
	b.node("Flatten", "f", "x")
	b.node("MatMul", "logits", "f", "w2")
	_, err := Run(t.Context(), b.model(t, "logits"), testData(), Options{K: []int{5}})
	var f *fault.Error
	if !errors.As(err, &f) || !strings.Contains(f.Error(), `computes the same "logits"`) {
		t.Errorf("error %v, want that the network stays the same", err)
	}
	p := run(t, residual(t), testData(), Options{K: []int{5}})
	if p.Settings.Redrawn.Value() != 1 {
		t.Errorf("a share of %v is drawn anew, want all", p.Settings.Redrawn)
	}
}

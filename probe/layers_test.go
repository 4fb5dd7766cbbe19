package probe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/fault"
	"memprobe/internal/shared"
	"memprobe/onnx"
)

// roles lists the layers that have a role as "role name".
func roles(t *testing.T, m *onnx.Model) (named []string) {
	t.Helper()
	layers, err := Layers(m, 3, nil, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range layers {
		if l.Role != "" {
			named = append(named, l.Role+" "+l.Name)
		}
	}
	return named
}

func same[T comparable](t *testing.T, what string, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestRoles(t *testing.T) {
	same(t, "residual network", roles(t, residual(t)), []string{
		"input x", "block stem", "block block", "embedding embedding", "projector hidden", "logits logits"})

	mlp := newBuilder(1, 6, 6)
	mlp.node("Flatten", "flat", "x")
	mlp.node("Relu", "h0", mlp.gemm("fc0", "flat", 7, 36))
	mlp.node("Tanh", "h1", mlp.gemm("fc1", "h0", 6, 7))
	mlp.node("LogSoftmax", "out", mlp.gemm("fc2", "h1", 3, 6))
	same(t, "multilayer perceptron", roles(t, mlp.model(t, "out")), []string{
		"input x", "block h0", "embedding h1", "logits fc2"}) // the scores before the LogSoftmax

	conv := newBuilder(1, 6, 6)
	conv.node("Relu", "a", conv.conv("c0", "x", 4, 1))
	conv.conv("c1", "a", 3, 4)
	conv.node("GlobalAveragePool", "gap", "c1")
	conv.node("Flatten", "out", "gap")
	same(t, "convolutional head", roles(t, conv.model(t, "out")), []string{"input x", "embedding a", "logits out"})

	linear := newBuilder(1, 6, 6)
	linear.node("Flatten", "flat", "x")
	linear.gemm("out", "flat", 3, 36)
	same(t, "linear classifier", roles(t, linear.model(t, "out")), []string{"embedding x", "logits out"})

	// Each output of a node has its own element type.
	top := newBuilder(1, 6, 6)
	top.node("Flatten", "flat", "x")
	top.constant("k", 5)
	top.node("TopK", "best", "flat", "k").Output = []string{"best", "places"}
	top.gemm("out", "best", 3, 5)
	all, err := Layers(top.model(t, "out"), 3, nil, "", 0)
	if err != nil || slices.ContainsFunc(all, func(l Layer) bool { return l.Name == "places" }) {
		t.Errorf("layers %v, %v: the places that TopK yields are integers", all, err)
	}

	// Nodes in any order are the same graph.
	m := residual(t)
	slices.Reverse(m.Proto().Graph.Node)
	same(t, "reversed", roles(t, m), roles(t, residual(t)))
}

func TestLayerErrors(t *testing.T) {
	none := newBuilder(1, 6, 6)
	none.node("Flatten", "out", "x")
	scalar := newBuilder(1, 6, 6)
	integer(scalar.node("ReduceMean", "out", "x"), "keepdims", 0)
	for want, m := range map[string]*onnx.Model{
		"no convolution or matrix product": none.model(t, "out"),
		"want one of floats [N,classes]":   scalar.model(t, "out"),
	} {
		_, err := Layers(m, 2, nil, "", 0)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
		if _, ok := errors.AsType[*fault.Error](err); !ok {
			t.Errorf("%v is no fault of the model", err)
		}
	}
	if _, err := Layers(residual(t), 2, Image([]int{3, 6, 6}), "", 0); err == nil {
		t.Error("images with 3 channels fit a model of 1")
	}
	if _, err := Layers(residual(t), 2, nil, "block", 0); err == nil {
		t.Error("an inner tensor is taken for an output")
	}
}

func TestSelect(t *testing.T) {
	all, err := Layers(residual(t), 2, nil, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ patterns, want string }{
		{"blocks", "x stem block embedding hidden logits"},
		{"conv?", "conv0 conv1 conv2 conv3 embedding logits"},
		{"*o*k,x", "x block embedding logits"},
		{"hidden", "embedding hidden logits"},
		{"all", "x conv0 stem conv1 a conv2 sum block conv3 late pooled embedding fc0 hidden logits"},
	} {
		layers, err := Select(all, strings.Split(c.patterns, ","))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range layers {
			names = append(names, l.Name)
		}
		same(t, c.patterns, names, strings.Fields(c.want))
	}
	if _, err := Select(all, []string{"stem", "conv"}); err == nil || !strings.Contains(err.Error(), `"conv"`) {
		t.Errorf("a pattern without a match: %v", err)
	}
}

// The blocks of networks exported by PyTorch.
func TestRolesOfExports(t *testing.T) {
	for name, want := range map[string][2]string{ // number of blocks, embedding
		"densenet-op9":        {"11", "/Flatten_output_0"},
		"shufflenetv2-op13":   {"4", "/ReduceMean_output_0"},
		"tinyvit-op17":        {"5", "/Gather_7_output_0"},
		"tinyvit-op12-nofold": {"5", "/Gather_7_output_0"},
		"convnext-op17":       {"3", "/classifier/classifier.1/Flatten_output_0"},
		"mlp-op13":            {"1", "/net/net.5/Tanh_output_0"},
		"oddcnn-op16":         {"2", "/Flatten_output_0"},
	} {
		m, err := onnx.Load(shared.Path(t, "fixtures", "models", name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		blocks, embedding := 0, ""
		for _, r := range roles(t, m) {
			role, tensor, _ := strings.Cut(r, " ")
			switch role {
			case Block:
				blocks++
			case Embedding:
				embedding = tensor
			}
		}
		if got := [2]string{fmt.Sprint(blocks), embedding}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

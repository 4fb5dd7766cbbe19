package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/npy"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx"
)

// graft saves the malign example with further nodes, "Op inputs = outputs" each, and
// further outputs.
func graft(t *testing.T, outputs string, lines ...string) string {
	t.Helper()
	m, err := onnx.Load(malign)
	if err != nil {
		t.Fatal(err)
	}
	g := m.Proto().Graph
	for _, l := range lines {
		left, out, _ := strings.Cut(l, " = ")
		words := strings.Fields(left)
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: &words[0], Input: words[1:], Output: strings.Fields(out)})
	}
	for _, name := range strings.Fields(outputs) {
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: proto.String(name)})
	}
	file := filepath.Join(t.TempDir(), "graft.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// A tensor that cannot be computed does not keep the others from being written, is named
// with the reason, and is an error where it was asked for itself.
func TestOneTensorThatCannotBeExtracted(t *testing.T) {
	model := graft(t, "", "Unheard logits = odd", "Relu odd = odder", "Relu logits = even", "Shape logits = size",
		"Reshape logits logits = misshapen",
		"Abs logits = twice", "Neg logits = twice")
	in := filepath.Join(t.TempDir(), "x.npy")
	if err := npy.Write(in, tensor.New(tensor.Float32, 2, 1, 28, 28)); err != nil {
		t.Fatal(err)
	}
	raw := []string{"extract", model, "--input", in, "--layers"}
	set := []string{"extract", model, "--data", "fashion-mnist-mini", "--train-limit", "20", "--quiet", "--layers"}
	for _, c := range []struct {
		args    []string
		layers  string
		code    int
		written string
		says    []string
	}{
		{raw, "*odd*,even", 0, "even", []string{`left out "odd", "odder": `, `node "odd" (Unheard)`}},
		{raw, "odd,even", 3, "even", []string{`left out "odd": `, `node "odd" (Unheard)`}},
		{raw, "odd", 3, "", []string{`node "odd" (Unheard)`}},
		{raw, "misshap*,even,size", 0, "even size", []string{`left out "misshapen": `, `node "misshapen" (Reshape)`}},
		{raw, "even,size", 0, "even size", nil},
		{raw, "tw*,even", 0, "even", []string{`left out "twice": `, "also computed by"}},
		{raw, "twice", 3, "", []string{"also computed by"}},
		{set, "*odd*,even", 0, "assigned even labels", []string{`left out "odd", "odder": `, `node "odd" (Unheard)`}},
		{set, "siz*,even", 0, "assigned even labels", []string{`left out "size": no row of floats`}},
		{set, "size,even", 3, "assigned even labels", []string{`left out "size": no row of floats`}},
		{set, "size", 3, "", []string{"no row of floats"}},
		{set, "twice,even", 3, "assigned even labels", []string{"also computed by"}},
	} {
		out := filepath.Join(t.TempDir(), "o.npz")
		code, _, msg := runMemprobe(append(slices.Clone(c.args), c.layers, "--out", out)...)
		if code != c.code || strings.Count(msg, "\n") != min(1, len(c.says)) {
			t.Errorf("%s %s: exit %d, want %d: %s", c.args[2], c.layers, code, c.code, msg)
		}
		for _, s := range c.says {
			if !strings.Contains(msg, s) {
				t.Errorf("%s %s says %q, want %q", c.args[2], c.layers, msg, s)
			}
		}
		if c.written == "" {
			continue
		}
		got, _, err := npy.Read(out, nil)
		if err != nil {
			t.Error(err)
		}
		var names []string
		for name := range got {
			names = append(names, name)
		}
		slices.Sort(names)
		if s := strings.Join(names, " "); s != c.written {
			t.Errorf("%s %s wrote %s, want %s", c.args[2], c.layers, s, c.written)
		}
	}
}

// A message names the first of many tensors, and says how many more there are.
func TestManyTensorsThatCannotBeExtracted(t *testing.T) {
	lines := []string{"Unheard logits = odd0"}
	for i := range 60 {
		lines = append(lines, fmt.Sprintf("Relu odd%d = odd%d", i, i+1))
	}
	in := filepath.Join(t.TempDir(), "x.npy")
	if err := npy.Write(in, tensor.New(tensor.Float32, 2, 1, 28, 28)); err != nil {
		t.Fatal(err)
	}
	code, _, msg := runMemprobe("extract", graft(t, "", lines...), "--input", in, "--layers", "*odd*,logits",
		"--out", filepath.Join(t.TempDir(), "o.npz"))
	if code != 0 || strings.Count(msg, "\n") != 1 || !strings.Contains(msg, `"odd19" and 41 more: `) {
		t.Errorf("exit %d: %s", code, msg)
	}
}

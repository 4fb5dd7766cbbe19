package onnx

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/onnxpb"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
)

// fixedBatch is a network of an input [1,3,8,8].
func fixedBatch(t *testing.T, inits []string, lines ...any) *Model {
	t.Helper()
	m := network(t, inits, lines...)
	m.Proto().Graph.Input[0] = info("x", onnxpb.TensorProto_FLOAT, 1, 3, 8, 8)
	return m
}

func target(name string, v ...int64) []any {
	return []any{"Constant = " + name, attribute("value", EncodeTensor("", tensor.From(v, len(v))))}
}

func TestFreeBatch(t *testing.T) {
	inits := []string{"w 192 4", "v 24 5", "u 3 4", "one 1 192", "token 1 1 3"}
	for name, c := range map[string]struct {
		lines []any
		fault string // "" where the batch can be opened
	}{
		"flatten":      {join("Flatten x = f", "MatMul f w = y"), ""},
		"fixed and -1": {join(target("s", 1, -1), "Reshape x s = f", "MatMul f w = y"), ""},
		"fixed":        {join(target("s", 1, 192), "Reshape x s = f", "MatMul f w = y"), ""},
		"windows": {join(target("s", 8, 24), target("r", 1, -1), "Reshape x s = f", "MatMul f v = g",
			"Reshape g r = y"), ""},
		"shared target": {join(target("s", 1, 192), "Reshape x s = f", "Relu f = g", "Reshape g s = h",
			"MatMul h w = y"), ""},
		"class token": {join(target("s", 1, 3, 64), target("r", 1, -1), "Reshape x s = f", "Transpose f = g",
			attribute("perm", []int64{0, 2, 1}), "Concat token g = h", attribute("axis", 1), "ReduceMax h = i",
			attribute("axes", []int64{1}), attribute("keepdims", 0), "MatMul i u = y"), ""},
		"class token, expanded": {join(target("s", 1, 3, 64), target("e", 1, 1, 3), "Reshape x s = f",
			"Transpose f = g", attribute("perm", []int64{0, 2, 1}), "Expand token e = t", "Concat g t = h",
			attribute("axis", -2), "ReduceMax h = i", attribute("axes", []int64{1}), attribute("keepdims", 0),
			"MatMul i u = y"), ""},
		// As PyTorch's attention: tokens first, the batch beside the heads, and both undone.
		"heads": {join(target("s", 1, 8, 24), target("a", 8, 6, 4), target("b", 8, 24), target("c2", 8, 1, 5),
			"Reshape x s = f", "Transpose f = g", attribute("perm", []int64{1, 0, 2}), "Reshape g a = h",
			"Transpose h = i", attribute("perm", []int64{1, 0, 2}), "Transpose h = j",
			attribute("perm", []int64{1, 2, 0}), "MatMul i j = k", "Softmax k = l", attribute("axis", -1),
			"MatMul l i = m", "Transpose m = n", attribute("perm", []int64{1, 0, 2}), "Reshape n b = o",
			"MatMul o v = p", "Reshape p c2 = q", "ReduceMean q = y", attribute("axes", []int64{0}),
			attribute("keepdims", 0)), ""},
		"sum of batch": {join("Constant = zero", attribute("value_int", 0), "Flatten x = f", "CumSum f zero = g",
			"MatMul g w = y"), "depends on the others"},
		"batch is lost": {join(target("s", 3, 64), target("r", 192), "Reshape x s = f", "Reshape f r = g",
			"MatMul g w = y"), "MatMul"},
		"constant": {join("Flatten x = f", "Sub f f = g", "MatMul g w = y"), "shows nothing"},
		"mean over it": {join("ReduceMean x = f", attribute("axes", []int64{0}), attribute("keepdims", 1),
			"Flatten f = g", "MatMul g w = y"), "elements for a batch of 2"},
		"joined with it": {join(target("s", 1, 192), "Reshape x s = f", "Concat f one = g", attribute("axis", 0),
			"MatMul g w = y"), "elements for a batch of 2"},
	} {
		m := fixedBatch(t, inits, c.lines...)
		before, err := proto.Marshal(m.Proto())
		if err != nil {
			t.Fatal(err)
		}
		freed, err := m.FreeBatch([]int{3, 8, 8}, nil)
		if c.fault != "" {
			after, _ := proto.Marshal(m.Proto())
			if freed || err == nil || !strings.Contains(err.Error(), c.fault) || string(after) != string(before) {
				t.Errorf("%s: freed %v, error %v, want %q and the model as it was", name, freed, err, c.fault)
			}
			continue
		}
		if !freed || err != nil || m.Inputs()[0].Shape[0].Param != "batch" {
			t.Errorf("%s: freed %v, input %v: %v", name, freed, m.Inputs()[0], err)
			continue
		}
		s := m.Inspect(5, nil)
		if last := s.Layers[len(s.Layers)-1]; len(s.Problems) > 0 || last.Shapes[0][0] != 5 {
			t.Errorf("%s: a batch of 5 gives %v: %v", name, last.Shapes, s.Problems)
		}
	}
}

// A model of PyTorch's default export, and one whose batch is open.
func TestFreeBatchOfAnExport(t *testing.T) {
	m, err := Load(shared.Path(t, "cases", "onnx", "41d-batch1-train", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if freed, err := m.FreeBatch([]int{3, 32, 32}, nil); !freed || err != nil || m.Outputs()[0].Shape[0].Param != "batch" {
		t.Errorf("freed %v, output %v: %v", freed, m.Outputs()[0], err)
	}
	if freed, err := m.FreeBatch([]int{3, 32, 32}, nil); freed || err != nil {
		t.Errorf("an open batch: freed %v, %v", freed, err)
	}
}

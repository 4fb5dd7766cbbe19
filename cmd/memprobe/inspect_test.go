package main

import (
	"path/filepath"
	"strings"
	"testing"

	"memprobe/internal/onnxpb"
	"memprobe/onnx"
)

// Blocks are those that probes see, and their sums are the table's.
func TestInspectBlocks(t *testing.T) {
	code, out, msg := runMemprobe("inspect", "../../testdata/benign.onnx")
	if code != 0 {
		t.Fatalf("exit %d: %s", code, msg)
	}
	_, table, ok := strings.Cut(out, "block ends at")
	if !ok {
		t.Fatalf("no blocks in\n%s", out)
	}
	for _, name := range []string{"relu", "layer1.0.relu_1", "layer2.0.relu_1", "embedding", "projector.1", "logits"} {
		if !strings.Contains(table, "\n"+name+" ") {
			t.Errorf("no block ends at %s:\n%s", name, table)
		}
	}
	if strings.Count(out, "projector\n") != 1 && !strings.Contains(out, "projector") {
		t.Errorf("no mark at the projector:\n%s", out)
	}
}

// A model of open height and width is inspected for the sizes that --shape names.
func TestInspectOpenSizes(t *testing.T) {
	m, err := onnx.Load(benign)
	if err != nil {
		t.Fatal(err)
	}
	shape := m.Proto().Graph.Input[0].Type.GetTensorType().Shape
	for i, name := range []string{"height", "width"} {
		shape.Dim[2+
			i] = &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: name}}
	}
	file := filepath.Join(t.TempDir(), "open.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	_, want, _ := runMemprobe("inspect", benign, "--batch", "2")
	code, got, msg := runMemprobe("inspect", file, "--shape", "2,1,28,28")
	const head = "multiply-adds"
	_, want, _ = strings.Cut(want, head)
	if _, got, _ = strings.Cut(got, head); code != 0 || want == "" || got != want {
		t.Errorf("exit %d: %s\n%s\nwant\n%s", code, msg, got, want)
	}
	code, _, msg = runMemprobe("inspect", file)
	if code != exitInput || strings.Count(msg, "\n") != 1 || !strings.Contains(msg, "--shape") {
		t.Errorf("without --shape: exit %d: %s", code, msg)
	}
}

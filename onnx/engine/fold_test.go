package engine

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// What a shape rule knows of a result stays when the node is folded: the mask of a
// Dropout lets everything pass.
func TestFoldedDropoutKeepsItsMask(t *testing.T) {
	x := tensor.From([]float32{1, 2}, 2)
	b := ops.NewBuilder("test")
	out := b.OpN("Dropout", nil, 2, b.Const(x))
	if b.Err != nil {
		t.Fatal(b.Err)
	}
	if err := fold(b.Nodes[0], nil); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(out[0].Const.F32(), x.F32()) || !slices.Equal(out[1].Const.Bool(), []bool{true, true}) {
		t.Errorf("%v, mask %v", out[0].Const.F32(), out[1].Const.Bool())
	}
}

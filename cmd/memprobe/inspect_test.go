package main

import (
	"strings"
	"testing"
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

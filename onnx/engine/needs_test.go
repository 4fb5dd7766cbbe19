package engine_test

import (
	"strings"
	"testing"

	"memprobe/internal/memory"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
)

// What an operator would allocate by a size that an input gives is asked of the
// budget.
func TestSizesOfInputsAreWithinTheBudget(t *testing.T) {
	memory.SetLimit(1 << 30)
	defer memory.SetLimit(0)
	n := newNet()
	n.op("HannWindow", "size", "y", nil).MarkOutput(n.tensor("y"))
	_, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"size": tensor.From([]int64{1 << 30})}})
	if err == nil || !strings.Contains(err.Error(), "of memory") {
		t.Errorf("error %v", err)
	}
}

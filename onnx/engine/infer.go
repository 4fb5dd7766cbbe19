package engine

import (
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Infer returns what the compiler knows of each tensor, by name, for the given
// inputs (see Options.Inputs; the elements of float inputs are not read). The
// error lists every fault of the graph, a line each; tensors that depend on a
// faulty node are then missing.
func (g *Graph) Infer(inputs map[string]*tensor.Tensor) (map[string]*ops.Value, error) {
	p, err := g.lower(&Options{Inputs: inputs}, nil)
	if p == nil {
		return nil, err
	}
	known := map[string]*ops.Value{}
	for name, v := range p.values {
		if v.DType != tensor.Invalid {
			known[name] = v
		}
	}
	return known, err
}

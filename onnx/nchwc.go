package onnx

import "memprobe/onnx/ops"

// GuessesBlock reports whether the model is of ONNX Runtime's layout of channels in
// blocks and does not say how large they are. The engine then takes blocks of 16, as
// machines with AVX-512 write them; a model that was optimised on a machine without has
// blocks of 8 and would be read wrongly.
func (m *Model) GuessesBlock() bool {
	found := false
	for _, n := range m.Nodes() {
		if n.GetDomain() != ops.Nchwc || n.GetOpType() != "Conv" || len(n.Input) < 2 {
			continue
		}
		found = true
		if t := m.inits[n.Input[1]]; t != nil && len(t.Dims) > 0 && t.Dims[0]%16 != 0 {
			return false // blocks of 16 do not fit
		}
	}
	return found
}

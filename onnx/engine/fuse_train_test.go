package engine

import (
	"testing"

	"memprobe/onnx/ops"
)

// What training fuses; that the numbers stay is for the tests of gradients.
func TestTrainingFusions(t *testing.T) {
	relu := func(s sketch, v *ops.Value) *ops.Value { return s.Op("Relu", nil, v) }
	for _, c := range []fusion{
		{"norm", image, func(s sketch) *ops.Value { return relu(s, batchNorm(s, s.x[0])) }, "BatchNormTrain"},
		{"residual", image, func(s sketch) *ops.Value {
			return relu(s, s.Op("Add", nil, s.x[0], batchNorm(s, s.x[0])))
		}, "BatchNormTrain"},
		{"two norms", image, func(s sketch) *ops.Value {
			return relu(s, s.Op("Add", nil, batchNorm(s, s.x[0]), batchNorm(s, s.x[0])))
		}, "BatchNormTrain BatchNormTrain"},
		{"norm read twice", image, func(s sketch) *ops.Value {
			y := batchNorm(s, s.x[0])
			return s.Op("Mul", nil, y, relu(s, y))
		}, "BatchNormTrain Relu Mul"},
		{"layer norm", [][]int{{2, 5, 6}}, func(s sketch) *ops.Value {
			return s.Op("Add", nil, s.weights(6), s.Op("Mul", nil, layerNorm(s, s.x[0]), s.weights(6)))
		}, "LayerNormalization"},
		{"layer norm and a sum", [][]int{{2, 5, 6}}, func(s sketch) *ops.Value {
			return s.Op("Add", nil, s.x[0], s.Op("Mul", nil, layerNorm(s, s.x[0]), s.weights(6)))
		}, "LayerNormalization Add"},
		{"a weight is no constant", image, func(s sketch) *ops.Value {
			half := s.scalar(0.5)
			half.Param = true
			erf := s.Op("Erf", nil, s.Op("Mul", nil, s.x[0], s.scalar(0.70710678)))
			return s.Op("Mul", nil, s.Op("Mul", nil, s.x[0], half), s.Op("Add", nil, erf, s.scalar(1)))
		}, "Mul Erf Mul Add Mul"},
	} {
		p, out := c.program(t)
		p.fuse(trainingRewrites, p.named([]string{out}))
		if _, err := p.trainingMode(); err != nil {
			t.Fatal(err)
		}
		if got := p.operators(); got != c.want {
			t.Errorf("%s: %q run, want %q", c.name, got, c.want)
		}
	}
}

package zoo

import (
	"context"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
)

// TestTrainingFollowsFloat64 trains a ResNet that is wide enough for Winograd's
// convolutions in float32 beside itself in float64, whose kernels are the plain
// ones.
func TestTrainingFollowsFloat64(t *testing.T) {
	if testing.Short() {
		t.Skip("float64 is slow")
	}
	const batch, steps, lr = 8, 3, 0.01
	pool := parallel.New(2)
	defer pool.Close()
	trainer := func(double bool) *engine.Trainer {
		m := build(t, Spec{Arch: "resnet18", Width: 16, Classes: 10, C: 3, H: 16, W: 16, Seed: 1})
		g, err := m.Graph()
		if err != nil {
			t.Fatal(err)
		}
		in, err := m.InputTensors(batch, nil)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := g.CompileTraining(engine.TrainOptions{Inputs: in, Pool: pool, Double: double})
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	single, exact := trainer(false), trainer(true)
	const name = "input"
	for step := range steps {
		r := rng.New(uint64(step), rng.Bench)
		x, target := single.Input(name).F32(), single.Target().F32()
		for i := range x {
			x[i] = float32(r.Normal())
			exact.Input(name).F64()[i] = float64(x[i])
		}
		clear(target)
		clear(exact.Target().F64())
		for i := range batch {
			class := i*10 + r.IntN(10)
			target[class], exact.Target().F64()[class] = 1, 1
		}
		got, err := single.Step(context.Background(), uint64(step))
		if err != nil {
			t.Fatal(err)
		}
		want, err := exact.Step(context.Background(), uint64(step))
		if err != nil {
			t.Fatal(err)
		}
		// As for PyTorch's trajectories; steps this small keep what rounding
		// begins from growing with the training's own instability.
		if err := tol.Close([]float64{got}, []float64{want}, 1e-4, 0); err != nil {
			t.Errorf("loss of step %d: %v", step, err)
		}
		for i, p := range single.Params() {
			q := exact.Params()[i]
			if step == 0 {
				if err := tol.Scaled(p.Grad.F32(), q.Grad.F64(), 1e-4); err != nil {
					t.Errorf("gradient of %s: %v", p.Name, err)
				}
			}
			for j, d := range p.Grad.F32() {
				p.Value.F32()[j] -= lr * d
				q.Value.F64()[j] -= lr * q.Grad.F64()[j]
			}
		}
	}
}

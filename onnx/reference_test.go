package onnx_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sbinet/npyio/npz"

	"memprobe/internal/parallel"
	"memprobe/internal/shared"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// The models were exported by PyTorch, whose outputs are the expectation. The
// tolerance is what float32 sums in another order differ by over some 20 layers.
func TestModelsAgreeWithPyTorch(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(shared.Path(t, "fixtures", "models"), "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, dir := range dirs {
		agrees(t, filepath.Join(dir, "model.onnx"), dir)
	}
}

// The same models as ONNX Runtime 1.30 writes them at its highest level of optimisation,
// with operators of its own and images in blocks of channels.
func TestOptimisedModelsAgreeWithPyTorch(t *testing.T) {
	for _, name := range []string{"oddcnn-op16", "shufflenetv2-op13", "convnext-op17"} {
		agrees(t, filepath.Join("testdata", "optimised", name+".onnx"), shared.Path(t, "fixtures", "models", name))
	}
}

// agrees runs a model with one thread and with two on the input of io.npz in dir and
// compares with the logits there.
func agrees(t *testing.T, model, dir string) {
	t.Run(filepath.Base(dir), func(t *testing.T) {
		m, err := onnx.Load(model)
		if err != nil {
			t.Fatal(err)
		}
		var input, want []float32
		z, err := npz.Open(filepath.Join(dir, "io.npz"))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if err := errors.Join(z.Read("input.npy", &input), z.Read("logits.npy", &want)); err != nil {
			t.Fatal(err)
		}
		one, err := m.InputTensors(1, nil)
		if err != nil {
			t.Fatal(err)
		}
		name := m.Inputs()[0].Name
		in, err := m.InputTensors(len(input)/one[name].Len(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var outputs [2][]float32
		for i, threads := range []int{1, 2} {
			pool := parallel.New(threads)
			defer pool.Close()
			s, err := m.Compile(engine.Options{Inputs: in, Pool: pool})
			if err != nil {
				t.Fatal(err)
			}
			copy(s.Input(name).F32(), input)
			for range 2 { // the second run finds what the first left in memory
				if err := s.Run(context.Background(), nil); err != nil {
					t.Fatal(err)
				}
			}
			outputs[i] = append(outputs[i], s.Output(m.Outputs()[0].Name).F32()...)
		}
		if err := tol.Scaled(outputs[0], want, 1e-4); err != nil {
			t.Error(err)
		}
		if err := tol.Close(outputs[1], outputs[0], 0, 0); err != nil {
			t.Errorf("two threads differ from one: %v", err)
		}
	})
}

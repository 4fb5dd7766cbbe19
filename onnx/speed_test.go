package onnx_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"memprobe/internal/parallel"
	"memprobe/internal/shared"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
)

// fixtures calls f for every reference model with its inputs at a batch of 2.
func fixtures(t *testing.T, f func(t *testing.T, m *onnx.Model, inputs map[string]*tensor.Tensor)) {
	root := shared.Path(t, "fixtures", "models")
	dirs, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		t.Run(d.Name(), func(t *testing.T) {
			m, err := onnx.Load(filepath.Join(root, d.Name(), "model.onnx"))
			if err != nil {
				t.Fatal(err)
			}
			inputs, err := m.InputTensors(2, nil)
			if err != nil {
				t.Fatal(err)
			}
			f(t, m, inputs)
		})
	}
}

// A run allocates nothing, whatever the operators, with and without taps.
func TestRunAllocatesNothing(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	fixtures(t, func(t *testing.T, m *onnx.Model, inputs map[string]*tensor.Tensor) {
		for _, taps := range [][]string{nil, activations(t, m, inputs)} {
			s, err := m.Compile(engine.Options{Inputs: inputs, Taps: taps, Pool: pool})
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			visit := func(int, *tensor.Tensor) { seen++ }
			ctx := context.Background()
			run := func() {
				if err := s.Run(ctx, visit); err != nil {
					t.Fatal(err)
				}
			}
			run() // plans may make their scratch at first use
			if n := testing.AllocsPerRun(5, run); n > 0 {
				t.Errorf("%v allocations a run with %d taps", n, len(taps))
			}
			if seen%7 != 0 || seen/7 != len(taps) {
				t.Errorf("%d taps seen in 7 runs, want %d in each", seen, len(taps))
			}
		}
	})
}

// activations names every tensor that a node computes at run time.
func activations(t *testing.T, m *onnx.Model, inputs map[string]*tensor.Tensor) []string {
	t.Helper()
	g, err := m.Graph()
	if err != nil {
		t.Fatal(err)
	}
	known, err := g.Infer(inputs)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, n := range m.Nodes() {
		for _, name := range n.Output {
			if v := known[name]; v != nil && v.Const == nil && v.DType == tensor.Float32 {
				names = append(names, name)
			}
		}
	}
	return names
}

// Compiling costs the packing of the weights and little more: some hundred
// microseconds a node, even where the race detector or other work slows it.
func TestCompileTime(t *testing.T) {
	fixtures(t, func(t *testing.T, m *onnx.Model, inputs map[string]*tensor.Tensor) {
		start := time.Now()
		if _, err := m.Compile(engine.Options{Inputs: inputs}); err != nil {
			t.Fatal(err)
		}
		if took, most := time.Since(start), 2*time.Second; took > most {
			t.Errorf("compiled in %v, want less than %v", took, most)
		}
	})
}

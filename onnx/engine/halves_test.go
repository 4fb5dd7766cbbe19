package engine_test

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
)

// Large products, of tokens and of pixels, with a residual and a Relu: they are as in float64, have the
// same bits on any number of threads, and what an image holds does not reach another's rows.
func TestLargeProducts(t *testing.T) {
	const images = 2
	for _, c := range []struct {
		name  string
		shape []int
		net   func(n *net) *net
	}{
		{"tokens", []int{images, 180, 768}, func(n *net) *net {
			return n.param("w", 0, 768, 768).param("b", 0, 768).op("MatMul", "x w", "p", nil).op("Add", "p b", "q", nil).
				op("Add", "q x", "r", nil).op("Relu", "r", "y", nil)
		}},
		{"tokens first", []int{images, 180, 768}, func(n *net) *net {
			perm := map[string]any{"perm": []int64{1, 0, 2}}
			return n.param("w", 0, 768, 768).op("Transpose", "x", "t", perm).op("Relu", "t", "u", nil).
				op("MatMul", "u w", "p", nil).op("Transpose", "p", "q", perm).op("Relu", "q", "y", nil)
		}},
		{"pixels", []int{images, 512, 15, 15}, func(n *net) *net {
			return n.param("w", 0, 512, 512, 1, 1).param("b", 0, 512).op("Conv", "x w b", "q", nil).
				op("Add", "q x", "r", nil).op("Relu", "r", "y", nil)
		}},
		{"pixels last", []int{images, 512, 14, 14}, func(n *net) *net {
			last, first := map[string]any{"perm": []int64{0, 2, 3, 1}}, map[string]any{"perm": []int64{0, 3, 1, 2}}
			return n.param("w", 0, 512, 512).op("Transpose", "x", "l", last).op("Relu", "l", "m", nil).
				op("MatMul", "m w", "p", nil).op("Transpose", "p", "q", first).op("Add", "q x", "y", nil)
		}},
	} {
		x := onnxtest.Within(-0.5, 0.5, c.shape...)
		run := func(threads int, double bool, broken bool) *tensor.Tensor {
			n := c.net(newNet())
			n.MarkOutput(n.tensor("y"))
			pool := parallel.New(threads)
			defer pool.Close()
			s, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(c.shape...)}, Pool: pool, Double: double})
			if err != nil {
				t.Fatal(c.name, err)
			}
			in := s.Input("x")
			for i, v := range x.F64() {
				if broken && i >= x.Len()/images {
					v = math.NaN()
				}
				if double {
					in.F64()[i] = v
				} else {
					in.F32()[i] = float32(v)
				}
			}
			if err := s.Run(t.Context(), nil); err != nil {
				t.Fatal(c.name, err)
			}
			return s.Output("y")
		}
		got, want := run(1, false, false).F32(), run(1, true, false).F64()
		if err := tol.Close(got, want, 2e-5, 1e-5); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(run(3, false, false).F32(), got) {
			t.Errorf("%s: other bits on three threads", c.name)
		}
		if broken := run(2, false, true).F32(); !slices.Equal(broken[:len(got)/images], got[:len(got)/images]) {
			t.Errorf("%s: the first image changes with the second", c.name)
		}
	}
}

package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// A panic in a step is an error that names its node.
func TestPanicOfAStep(t *testing.T) {
	s := &session{pool: (*Pool)(nil).Stoppable(),
		steps: []step{{node: &ops.Node{Name: "n1", Op: "Relu"}, run: func() { panic("no") }}}}
	err := s.Run(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), `internal error at node "n1" (Relu): no`) {
		t.Errorf("error %v", err)
	}
}

// A run that is cancelled ends within a step, and nobody sees what it left out; the
// next run is whole.
func TestCancelledWithinAStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	pool := (*Pool)(nil).Stoppable()
	const chunks = 100
	done := 0
	s := &session{pool: pool, steps: []step{{node: &ops.Node{}, taps: []int{0}, run: func() {
		pool.For(chunks, func(_, _ int) {
			done++
			cancel()
		})
	}}}, taps: make([]Tap, 1)}
	if err := s.Run(ctx, func(int, *tensor.Tensor) { t.Error("half a tensor is shown") }); !errors.Is(err,
		context.Canceled) || done != 1 {
		t.Errorf("error %v after %d chunks", err, done)
	}
	if err := s.Run(t.Context(), nil); err != nil || done != 1+chunks {
		t.Errorf("error %v after %d chunks", err, done)
	}
}

// An input of integers that decides no shape is set before each run; it has the
// elements at first that it was compiled with.
func TestIntegerInputs(t *testing.T) {
	g := NewGraph()
	x, y := g.NewNode("x"), g.NewNode("y")
	if err := g.Apply(Operation{Op: "Cast", Attrs: ops.Attrs{"to": int64(1)}, Operands: []*Node{x}}, y); err != nil {
		t.Fatal(err)
	}
	g.MarkOutput(y)
	for name, in := range map[string]*tensor.Tensor{"given": tensor.From([]uint8{7, 250}, 2),
		"run": {DType: tensor.Uint8, Shape: []int{2}}} {
		s, err := g.Compile(Options{Inputs: map[string]*tensor.Tensor{"x": in}})
		if err != nil {
			t.Fatal(err)
		}
		fed := s.Input("x")
		if name == "run" {
			copy(fed.U8(), []uint8{7, 250})
		}
		if err := s.Run(t.Context(), nil); err != nil || !slices.Equal(s.Output("y").F32(), []float32{7, 250}) {
			t.Errorf("%s: %v, %v", name, s.Output("y").F32(), err)
		}
	}
}

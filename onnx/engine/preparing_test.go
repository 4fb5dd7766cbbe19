package engine

import (
	"context"
	"slices"
	"testing"

	"memprobe/internal/tensor"
)

// What other threads prepare for a session of one gives the bits of one that prepared all by itself,
// and so does a session beside it.
func TestPreparing(t *testing.T) {
	x := values(3, 6, 3, 19, 18)
	pool := NewPool(3)
	defer pool.Close()
	run := func(s Session, err error) []float32 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s.Input("x").Copy(x)
		if err := s.Run(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
		return s.Output("y").F32()
	}
	options := Options{Inputs: map[string]*tensor.Tensor{"x": x}}
	want := run(mixed(t, true).Compile(options))
	options.Preparing = pool
	s, err := mixed(t, true).Compile(options)
	if !slices.Equal(run(s, err), want) {
		t.Error("other bits where threads prepared the session")
	}
	if !slices.Equal(run(Beside(s)), want) {
		t.Error("other bits of a session beside it")
	}
}

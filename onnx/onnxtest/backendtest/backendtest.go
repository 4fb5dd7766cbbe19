// Package backendtest holds a backend to what the rest of memprobe relies on, wherever
// onnx.Model.Compile is called: probes, the evaluation of a training run, extract, bench.
package backendtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/onnxtest"
	"memprobe/onnx/tensor"
)

// graphs is how many random graphs a backend computes; half of them, at least, must be of
// operators that it has.
const graphs = 150

// Run tests b.
func Run(t *testing.T, b onnx.Backend) {
	t.Run("graphs", func(t *testing.T) { testGraphs(t, b) })
	t.Run("inputs", func(t *testing.T) { testInputs(t, b) })
	t.Run("taps", func(t *testing.T) { testTaps(t, b) })
	t.Run("threads", func(t *testing.T) { testThreads(t, b) })
	t.Run("names", func(t *testing.T) { testNames(t, b) })
	t.Run("context", func(t *testing.T) { testContext(t, b) })
}

// testGraphs compares random graphs with their nodes computed one by one.
func testGraphs(t *testing.T, b onnx.Backend) {
	ran := 0
	for seed := range uint64(graphs) {
		g := onnxtest.Random(seed)
		err := g.AgreeOn(b, nil)
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if ran++; err != nil {
			t.Errorf("graph %d: %v\n%s", seed, err, g)
		}
	}
	if ran < graphs/2 {
		t.Errorf("computes %d of %d random graphs, want at least half", ran, graphs)
	}
}

// network is hidden = x·w, y = ReLU(hidden) for x of [N,2].
func network(t *testing.T, b onnx.Backend) *onnx.Model {
	t.Helper()
	value := func(name string) *onnx.ValueInfoProto {
		return &onnx.ValueInfoProto{Name: proto.String(name), Type: matrix()}
	}
	node := func(op, out string, in ...string) *onnx.NodeProto {
		return &onnx.NodeProto{OpType: proto.String(op), Name: proto.String(out), Input: in, Output: []string{out}}
	}
	m, err := onnx.FromProto(&onnx.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnx.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnx.GraphProto{
			Name: proto.String("network"), Input: []*onnx.ValueInfoProto{value("x")}, Output: []*onnx.ValueInfoProto{value("y")},
			Initializer: []*onnx.TensorProto{onnx.EncodeTensor("w", tensor.From([]float32{1, -1, 2, 3, 0, -2}, 2, 3))},
			Node:        []*onnx.NodeProto{node("MatMul", "hidden", "x", "w"), node("Relu", "y", "hidden")},
		}})
	if err != nil {
		t.Fatal(err)
	}
	m.Use(b)
	return m
}

// matrix is the type of a float32 matrix of any size.
func matrix() *onnx.TypeProto {
	dims := []*onnx.TensorShapeProto_Dimension{{}, {}}
	return &onnx.TypeProto{Value: &onnx.TypeProto_TensorType{TensorType: &onnx.TypeProto_Tensor{
		ElemType: proto.Int32(int32(onnx.DataTypeOf(tensor.Float32))), Shape: &onnx.TensorShapeProto{Dim: dims}}}}
}

func inputs(rows int) map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{rows, 2}}}
}

func compile(t *testing.T, b onnx.Backend, o engine.Options) engine.Session {
	t.Helper()
	s, err := network(t, b).Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func run(t *testing.T, s engine.Session, visit func(tap int, x *tensor.Tensor)) {
	t.Helper()
	if err := s.Run(t.Context(), visit); err != nil {
		t.Fatal(err)
	}
}

// equal compares floats that are exact in float32.
func equal(t *testing.T, what string, got *tensor.Tensor, want ...float32) {
	t.Helper()
	if got == nil || !got.Filled() {
		t.Fatalf("%s: no elements", what)
	}
	if err := tol.Close(got.F32(), want, 0, 0); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// testInputs: an input keeps its elements from run to run, begins with those that it was
// compiled with, and is of any size that a session is compiled for.
func testInputs(t *testing.T, b onnx.Backend) {
	s := compile(t, b, engine.Options{Inputs: map[string]*tensor.Tensor{"x": tensor.From([]float32{1, 1, 0, 2}, 2, 2)}})
	run(t, s, nil)
	equal(t, "as compiled", s.Output("y"), 4, 0, 0, 6, 0, 0)
	copy(s.Input("x").F32(), []float32{2, 0})
	for range 2 {
		run(t, s, nil)
		equal(t, "after an input is written", s.Output("y"), 2, 0, 4, 6, 0, 0)
	}
	equal(t, "input", s.Input("x"), 2, 0, 0, 2)
	s = compile(t, b, engine.Options{Inputs: inputs(1)})
	copy(s.Input("x").F32(), []float32{0, -1})
	run(t, s, nil)
	equal(t, "another size", s.Output("y"), 0, 0, 2)
}

// testTaps: a run shows each tap once, whole, as Taps describes it, whether the tensor is
// an input, lies between nodes or is an output, and whether outputs are wanted or not.
func testTaps(t *testing.T, b onnx.Backend) {
	names := []string{"y", "x", "hidden"}
	want := map[string][]float32{"x": {1, 1}, "hidden": {4, -1, 0}, "y": {4, 0, 0}}
	for _, outputs := range [][]string{nil, {}} {
		s := compile(t, b, engine.Options{Inputs: inputs(1), Taps: names, Outputs: outputs})
		copy(s.Input("x").F32(), []float32{1, 1})
		for range 2 {
			seen := make([]int, len(names))
			run(t, s, func(tap int, x *tensor.Tensor) {
				seen[tap]++
				described := s.Taps()[tap]
				if described.Name != names[tap] || described.DType != x.DType || !slices.Equal(described.Shape, x.Shape) {
					t.Errorf("tap %d is described as %s %v %v, and %v %v",
						tap, described.Name, described.DType, described.Shape, x.DType, x.Shape)
				}
				equal(t, names[tap], x, want[names[tap]]...)
			})
			if !slices.Equal(seen, []int{1, 1, 1}) {
				t.Errorf("taps %v are shown %v times", names, seen)
			}
		}
	}
}

// testThreads: the bits do not depend on the number of threads.
func testThreads(t *testing.T, b onnx.Backend) {
	const rows = 500
	var first []float32
	for _, threads := range []int{0, 1, 3} {
		var pool *engine.Pool
		if threads > 0 {
			pool = engine.NewPool(threads)
			defer pool.Close()
		}
		s := compile(t, b, engine.Options{Inputs: inputs(rows), Pool: pool})
		for i := range s.Input("x").F32() {
			s.Input("x").F32()[i] = 1 / float32(i+1)
		}
		run(t, s, nil)
		if got := s.Output("y").F32(); first == nil {
			first = slices.Clone(got)
		} else if !slices.Equal(got, first) {
			t.Errorf("%d threads give other bits than none", threads)
		}
	}
}

// testNames: what a graph does not have is nil, or an error that names it.
func testNames(t *testing.T, b onnx.Backend) {
	s := compile(t, b, engine.Options{Inputs: inputs(1)})
	if run(t, s, nil); s.Input("none") != nil || s.Output("none") != nil {
		t.Error("a tensor that there is not has elements")
	}
	for what, o := range map[string]engine.Options{
		"output": {Inputs: inputs(1), Outputs: []string{"none"}},
		"tap":    {Inputs: inputs(1), Taps: []string{"none"}},
	} {
		if s, err := network(t, b).Compile(o); err == nil || !strings.Contains(err.Error(), `"none"`) || s != nil {
			t.Errorf("%s that there is not: session %v, error %v", what, s, err)
		}
	}
	wrong := map[string]*tensor.Tensor{"x": {DType: tensor.Float32, Shape: []int{1, 5}}}
	if s, err := network(t, b).Compile(engine.Options{Inputs: wrong}); err == nil || s != nil {
		t.Errorf("an input of the wrong shape: session %v, error %v", s, err)
	}
}

// testContext: a context that has ended ends the run with its error, and the session still
// computes afterwards.
func testContext(t *testing.T, b onnx.Backend) {
	s := compile(t, b, engine.Options{Inputs: inputs(1)})
	copy(s.Input("x").F32(), []float32{1, 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was cancelled", err)
	}
	run(t, s, nil)
	equal(t, "after a cancelled run", s.Output("y"), 4, 0, 0)
}

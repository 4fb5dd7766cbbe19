package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// floats is an input of float32 without elements.
func floats(shape ...int) *tensor.Tensor {
	return &tensor.Tensor{DType: tensor.Float32, Shape: shape}
}

// positives gathers the rows of x [N] that are positive and doubles them, behind a Relu.
func positives() *net {
	n := newNet()
	n.tensor("zero").SetConstant(tensor.From([]float32{0}), false)
	n.op("Relu", "x", "r", nil).op("Greater", "r zero", "c", nil).op("NonZero", "c", "at", nil)
	n.op("Gather", "r at", "g", nil).op("Add", "g g", "y", nil)
	n.MarkOutput(n.tensor("y"))
	n.MarkOutput(n.tensor("r"))
	return n
}

// Results have as many elements as the data of each run say; what comes before them is
// computed as ever, and taps show both.
func TestShapesThatDataDecide(t *testing.T) {
	for threads := 1; threads <= 2; threads++ {
		pool := parallel.New(threads)
		defer pool.Close()
		s, err := positives().Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(5)},
			Taps: []string{"g", "r", "at"}, Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		if taps := s.Taps(); taps[0].Shape != nil || !slices.Equal(taps[1].Shape, []int{5}) {
			t.Errorf("shapes of taps before a run: %v and %v, want none and [5]", taps[0].Shape, taps[1].Shape)
		}
		for _, c := range []struct{ x, y []float32 }{
			{[]float32{1, -2, 3, -4, 5}, []float32{2, 6, 10}},
			{[]float32{-1, 2, -3, 4, 7}, []float32{4, 8, 14}}, // the same shapes again
			{[]float32{-1, -2, -3, -4, -5}, []float32{}},
			{[]float32{1, 2, -3, -4, 5}, []float32{2, 4, 10}},
		} {
			copy(s.Input("x").F32(), c.x)
			var seen []int
			if err := s.Run(t.Context(), func(tap int, v *tensor.Tensor) { seen = append(seen, tap*100+v.Len()) }); err != nil {
				t.Fatal(err)
			}
			y := s.Output("y")
			if !slices.Equal(y.F32(), c.y) || !slices.Equal(y.Shape, []int{1, len(c.y)}) {
				t.Errorf("%v: y = %v of shape %v, want %v", c.x, y.F32(), y.Shape, c.y)
			}
			if s.Output("r").Len() != 5 || s.Output("none") != nil {
				t.Errorf("r has %d elements; an unknown output is %v", s.Output("r").Len(), s.Output("none"))
			}
			if want := []int{105, 200 + len(c.y), len(c.y)}; !slices.Equal(seen, want) {
				t.Errorf("taps %v, want %v", seen, want)
			}
		}
	}
}

// What the outputs do not need of a graph is not left to the run.
func TestStaticPartOfAStagedGraph(t *testing.T) {
	s, err := positives().Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(5)},
		Outputs: []string{"r"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, staged := s.(engine.Values); staged {
		t.Error("a session of Relu alone has stages")
	}
}

// A target of Reshape that is computed from data; and one that does not fit them.
func TestReshapeToDataOfTheRun(t *testing.T) {
	n := newNet()
	n.op("Cast", "s", "i", map[string]any{"to": int64(7)}).op("Reshape", "x i", "y", nil)
	n.MarkOutput(n.tensor("y"))
	s, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(6), "s": floats(2)}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range s.Input("x").F32() {
		s.Input("x").F32()[i] = float32(i)
	}
	for _, shape := range [][]float32{{2, 3}, {3, -1}, {2, 3}} {
		copy(s.Input("s").F32(), shape)
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if y := s.Output("y"); y.Shape[0] != int(shape[0]) || y.F32()[5] != 5 {
			t.Errorf("%v: shape %v", shape, y.Shape)
		}
	}
	copy(s.Input("s").F32(), []float32{4, 4})
	if err := s.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `node "y" (Reshape)`) {
		t.Errorf("error %v", err)
	}
}

// grow is a Loop that appends the number of the turn to a vector, for at most m turns,
// while the condition, a constant, holds.
func grow(t *testing.T, m int64) *net {
	body := newNet()
	body.tensor("turn")
	body.tensor("on")
	body.tensor("v")
	body.tensor("one").SetConstant(tensor.From([]int64{1}, 1), false)
	body.op("Cast", "turn", "f", map[string]any{"to": int64(1)}).op("Reshape", "f one", "f1", nil).
		op("Add", "f1 shift", "f2", nil)
	body.op("Concat", "v f2", "w", map[string]any{"axis": int64(0)}).op("Identity", "on", "still", nil)
	for _, out := range []string{"still", "w", "f2"} {
		body.MarkOutput(body.tensor(out))
	}
	n := newNet()
	n.tensor("m").SetConstant(tensor.From([]int64{m}), false)
	n.tensor("true").SetConstant(tensor.From([]bool{true}), false)
	n.op("Relu", "x", "r", nil)
	b := &engine.Body{Graph: body.Graph, Inputs: []string{"turn", "on", "v"}, Captures: []*engine.Node{n.tensor("shift")}}
	err := n.Apply(engine.Operation{Op: "Loop", Attrs: ops.Attrs{},
		Operands: []*engine.Node{n.tensor("m"), n.tensor("true"), n.tensor("r")},
		Bodies:   map[string]*engine.Body{"body": b}}, n.tensor("long"), n.tensor("stack"))
	if err != nil {
		t.Fatal(err)
	}
	n.op("Neg", "long", "y", nil)
	n.MarkOutput(n.tensor("y"))
	n.MarkOutput(n.tensor("stack"))
	return n
}

// A Loop carries a value whose shape changes, stacks another, and reads one from around it.
func TestLoopThatGrows(t *testing.T) {
	s, err := grow(t, 3).Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(2), "shift": floats(1)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, shift := range []float32{10, 20} {
		copy(s.Input("x").F32(), []float32{-1, 4})
		s.Input("shift").F32()[0] = shift
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if y := s.Output("y").F32(); !slices.Equal(y, []float32{0, -4, -shift, -shift - 1, -shift - 2}) {
			t.Errorf("y = %v", y)
		}
		if stack := s.Output("stack"); !slices.Equal(stack.Shape, []int{3, 1}) || stack.F32()[2] != shift+2 {
			t.Errorf("stack = %v of shape %v", stack.F32(), stack.Shape)
		}
	}
}

// A Loop that never ends is an error, or ends with the context.
func TestLoopWithoutEnd(t *testing.T) {
	body := newNet()
	body.tensor("turn")
	body.op("Identity", "on", "still", nil).op("Neg", "v", "w", nil)
	body.MarkOutput(body.tensor("still"))
	body.MarkOutput(body.tensor("w"))
	n := newNet()
	n.tensor("true").SetConstant(tensor.From([]bool{true}), false)
	err := n.Apply(engine.Operation{Op: "Loop", Operands: []*engine.Node{nil, n.tensor("true"), n.tensor("x")},
		Bodies: map[string]*engine.Body{"body": {Graph: body.Graph, Inputs: []string{"turn", "on", "v"}}}}, n.tensor("y"))
	if err != nil {
		t.Fatal(err)
	}
	n.MarkOutput(n.tensor("y"))
	s, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(1)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "more than 65536 turns") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Sequences come in, are changed and go out; one that was given stays as it was.
func TestSequenceInputs(t *testing.T) {
	n := newNet()
	n.tensor("first").SetConstant(tensor.From([]int64{0}), false)
	n.op("SequenceInsert", "s x first", "longer", nil).op("SequenceAt", "longer first", "head", nil).
		op("Neg", "head", "y", nil)
	n.MarkOutput(n.tensor("y"))
	n.MarkOutput(n.tensor("longer"))
	given := &ops.Sequence{DType: tensor.Float32, Items: []*tensor.Tensor{tensor.From([]float32{7, 8, 9}, 3)}}
	s, err := n.Compile(engine.Options{Inputs: map[string]*tensor.Tensor{"x": floats(2)},
		Values: map[string]ops.Data{"s": given}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float32{1, 2} {
		s.Input("x").F32()[1] = x
		if err := s.Run(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		longer, _ := engine.Value(s, "longer").(*ops.Sequence)
		if s.Output("y").F32()[1] != -x || longer == nil || len(longer.Items) != 2 || longer.Items[1].F32()[2] != 9 ||
			len(given.Items) != 1 {
			t.Errorf("y = %v, sequence %v", s.Output("y").F32(), longer)
		}
	}
	engine.SetValue(s, "s", ops.Nothing{})
	if err := s.Run(t.Context(), nil); err == nil ||
		!strings.Contains(err.Error(), "input 0 is an empty optional, want a sequence") {
		t.Errorf("error %v", err)
	}
}

// Training wants shapes beforehand, and says so where they are not.
func TestTrainingOfAStagedGraph(t *testing.T) {
	n := newNet()
	n.op("NonZero", "x", "at", nil).op("Cast", "at", "logits", map[string]any{"to": int64(1)})
	n.MarkOutput(n.tensor("logits"))
	_, err := n.CompileTraining(engine.TrainOptions{Inputs: map[string]*tensor.Tensor{"x": floats(2, 3)}})
	if err == nil || !strings.Contains(err.Error(), `node "at" (NonZero): what its results are is known when it runs`) {
		t.Errorf("error %v", err)
	}
}

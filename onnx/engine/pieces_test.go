package engine

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// wide is a network with tensors that no cache holds: two convolutions, and a mean over the images.
func wide(t *testing.T) *Graph {
	g := NewGraph()
	g.SetOpset("", 15)
	apply := func(op string, attrs ops.Attrs, out string, in ...*Node) *Node {
		n := g.NewNode(out)
		if err := g.Apply(Operation{Op: op, Attrs: attrs, Operands: in}, n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	weights := func(name string, shape ...int) *Node {
		n := g.NewNode(name)
		n.SetConstant(values(len(name), shape...), false)
		return n
	}
	same := ops.Attrs{"pads": []int64{1, 1, 1, 1}}
	a := apply("Relu", nil, "a", apply("Conv", same, "conv1", g.NewNode("x"), weights("w", 16, 2, 3, 3)))
	b := apply("Relu", nil, "b", apply("Conv", same, "conv2", a, weights("ww", 16, 16, 3, 3)))
	pool := apply("MaxPool", ops.Attrs{"kernel_shape": []int64{2, 2}, "strides": []int64{2, 2}}, "pool", b)
	mean := apply("ReduceMean", ops.Attrs{"axes": []int64{0}}, "mean", pool)
	g.MarkOutput(apply("Sub", nil, "y", pool, mean))
	return g
}

// A thread that computes a few images at a time shows the pieces of a tap in order and has the
// bits of the whole batch, in a session beside it too; who does not allow pieces gets none.
func TestPieces(t *testing.T) {
	const batch = 64
	taps := []string{"x", "a", "pool", "y"}
	x := values(3, batch, 2, 48, 48)
	o := Options{Inputs: map[string]*tensor.Tensor{"x": x}, Taps: taps}
	run := func(s Session) (shown map[string][]float32, pieces map[string]int) {
		shown, pieces = map[string][]float32{}, map[string]int{}
		s.Input("x").Copy(x)
		for range 2 { // a run leaves nothing to the next
			clear(shown)
			clear(pieces)
			if err := s.Run(t.Context(), func(tap int, v *tensor.Tensor) {
				shown[taps[tap]] = append(shown[taps[tap]], v.F32()...)
				pieces[taps[tap]]++
			}); err != nil {
				t.Fatal(err)
			}
		}
		return shown, pieces
	}
	whole, err := wide(t).Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	want, pieces := run(whole)
	for _, name := range taps {
		if pieces[name] != 1 {
			t.Errorf("%s is shown in %d pieces, want the whole", name, pieces[name])
		}
	}
	o.Pieces = true
	first, err := wide(t).Compile(o)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Beside(first)
	if err != nil || second == nil {
		t.Fatalf("no session beside: %v", err)
	}
	if first.Memory().Arena >= whole.Memory().Arena {
		t.Errorf("pieces take %d bytes, the whole %d", first.Memory().Arena, whole.Memory().Arena)
	}
	for _, s := range []Session{first, second} {
		got, pieces := run(s)
		for i, name := range taps {
			if !slices.Equal(got[name], want[name]) {
				t.Errorf("pieces have other bits of %s", name)
			}
			if want := map[string]int{"x": 1, "a": 8, "pool": 8, "y": 1}[name]; pieces[name] != want {
				t.Errorf("%s is shown in %d pieces, want %d", name, pieces[name], want)
			}
			if tap, in := s.Taps()[i], whole.Taps()[i]; tap.Name != name || tap.DType != in.DType ||
				!slices.Equal(tap.Shape, in.Shape) {
				t.Errorf("tap %s is said to be %v %v", tap.Name, tap.DType, tap.Shape)
			}
		}
	}
}

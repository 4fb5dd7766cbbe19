package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// mixed builds a small network of convolutions: a stem, a block that scales channels, shuffled
// channels, a shortcut, and a head. Its convolutions are of kinds for which the method depends
// on the batch.
func mixed(t *testing.T, images bool) *Graph {
	g := NewGraph()
	g.SetOpset("", 15)
	serial := 0
	constant := func(c *tensor.Tensor) *Node {
		serial++
		n := g.NewNode(fmt.Sprint("constant", serial))
		n.SetConstant(c, false)
		return n
	}
	weights := func(shape ...int) *Node { return constant(values(serial, shape...)) }
	ints := func(v ...int64) *Node { return constant(tensor.From(v, len(v))) }
	apply := func(op string, attrs ops.Attrs, out string, in ...*Node) *Node {
		n := g.NewNode(out)
		if err := g.Apply(Operation{Op: op, Attrs: attrs, Operands: in}, n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	same := ops.Attrs{"pads": []int64{1, 1, 1, 1}}
	stem := apply("Conv", ops.Attrs{"pads": []int64{1, 1, 1, 1}, "strides": []int64{2, 2}}, "stem", g.NewNode("x"),
		weights(16, 3, 3, 3), weights(16))
	a := apply("Relu", nil, "a", stem)
	b := apply("Conv", same, "b", a, weights(16, 16, 3, 3))
	mean := apply("GlobalAveragePool", nil, "mean", b)
	gate := apply("Sigmoid", nil, "gate", apply("Conv", nil, "dense", mean, weights(16, 16, 1, 1)))
	c := apply("Add", nil, "c", apply("Mul", nil, "scaled", b, gate), a)
	h := apply("HardSwish", nil, "h", apply("Conv", nil, "p", c, weights(16, 16, 1, 1)))
	joined := apply("Concat", ops.Attrs{"axis": int64(1)}, "joined", c, h)
	split := apply("Reshape", nil, "split", joined, ints(6, 2, 16, -1))
	turned := apply("Transpose", ops.Attrs{"perm": []int64{0, 2, 1, 3}}, "turned", split)
	shuffled := apply("Reshape", nil, "shuffled", turned, ints(6, 32, 10, 9))
	if !images {
		shuffled = apply("Sub", nil, "centred", shuffled, apply("ReduceMean", ops.Attrs{"axes": []int64{0}}, "means", shuffled))
	}
	d := apply("Conv", ops.Attrs{"group": int64(32)}, "d", shuffled, weights(32, 1, 3, 3))
	pool := apply("MaxPool", ops.Attrs{"kernel_shape": []int64{2, 2}}, "pool", d)
	g.MarkOutput(apply("Gemm", ops.Attrs{"transB": int64(1)}, "y", apply("Flatten", nil, "f", pool), weights(7, 32*7*6)))
	g.MarkOutput(c)
	return g
}

// A network whose threads take images of their own up to a cut gives the bits of one thread, also
// where the images are mixed half way, and ends when it is told to.
func TestPartedBatch(t *testing.T) {
	x := values(3, 6, 3, 19, 18)
	for _, images := range []bool{true, false} {
		want := map[string][]float32{}
		for _, threads := range []int{1, 2, 3, 4, 6} {
			pool := NewPool(threads)
			s, err := mixed(t, images).Compile(Options{Inputs: map[string]*tensor.Tensor{"x": x}, Pool: pool})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := s.(*parted); ok != (threads > 1 && 6%threads == 0) {
				t.Errorf("%d threads: the session is a %T", threads, s)
			}
			if s.Input("c") != nil || s.Input("x") == nil {
				t.Errorf("%d threads: the input is not x alone", threads)
			}
			stopped, stop := context.WithCancel(t.Context())
			stop()
			if err := s.Run(stopped, nil); !errors.Is(err, context.Canceled) {
				t.Errorf("%d threads: a run that is stopped ends with %v", threads, err)
			}
			if err := s.Run(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"y", "c"} {
				got := slices.Clone(s.Output(name).F32())
				if threads == 1 {
					want[name] = got
				} else if !slices.Equal(got, want[name]) {
					t.Errorf("%d threads, images by themselves %v: other bits of %s", threads, images, name)
				}
				if i := slices.IndexFunc(got, func(v float32) bool { return math.IsNaN(float64(v)) || v != 0 }); i < 0 {
					t.Errorf("%s is zero throughout", name)
				}
			}
			pool.Close()
		}
	}
}

// What an operator that mixes images reads is computed by parts, and the rest for the batch.
func TestCutBatch(t *testing.T) {
	pool := NewPool(2)
	defer pool.Close()
	for _, c := range []struct {
		images     bool
		last, next string
	}{{true, "pool", "f"}, {false, "turned", "shuffled"}} {
		g := mixed(t, c.images)
		o := Options{Inputs: map[string]*tensor.Tensor{"x": values(3, 6, 3, 19, 18)}, Pool: pool}
		p, _, err := g.plan(&o)
		if err != nil {
			t.Fatal(err)
		}
		cut := p.cutBatch(&o)
		if cut == nil {
			t.Fatal("the program is not cut")
		}
		last, next := cut.part.nodes[len(cut.part.nodes)-1], cut.whole.nodes[0]
		if last.Out[0].Name != c.last || next.Out[0].Name != c.next || last.Out[0].Shape[0] != 3 {
			t.Errorf("the cut is between %q %v and %q, want %q and %q", last.Out[0].Name, last.Out[0].Shape, next.Out[0].Name,
				c.last, c.next)
		}
		o.Taps = []string{"c"}
		if p.cutBatch(&o) != nil {
			t.Error("a program with taps is cut")
		}
	}
}

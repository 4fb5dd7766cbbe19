package ops

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
)

// build infers a node of the standard domain with the given number of outputs.
func build(op string, opset int, attrs Attrs, outs int, in ...*Value) (*Node, error) {
	def, err := Lookup("", op, opset)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: "node", Op: op, Opset: opset, Attrs: attrs, In: in, Def: def}
	for i := range outs {
		n.Out = append(n.Out, &Value{Name: fmt.Sprintf("out%d", i), Producer: n})
	}
	return n, def.Infer(n)
}

// evaluate runs nodes in order and returns the tensor of every value.
func evaluate(t *testing.T, nodes []*Node, given map[*Value]*tensor.Tensor) map[*Value]*tensor.Tensor {
	t.Helper()
	pool := parallel.New(2)
	defer pool.Close()
	of := func(v *Value) *tensor.Tensor {
		switch {
		case v == nil:
			return nil
		case v.Const != nil:
			return v.Const
		case given[v] == nil:
			given[v] = tensor.New(v.DType, v.Shape...)
		}
		return given[v]
	}
	for _, n := range nodes {
		var in, out []*tensor.Tensor
		for _, v := range n.In {
			in = append(in, of(v))
		}
		for _, v := range n.Out {
			out = append(out, of(v))
		}
		if n.Def.View {
			out[0].Alias(in[0])
			continue
		}
		var s Scratch
		run, err := n.Def.Bind(n, NewEnv(pool, &s, in, out))
		if err != nil {
			t.Fatal(err)
		}
		s.Allocate()
		run()
		run() // a second run finds what the first left
	}
	return given
}

// input is a value that is known at run time alone.
func input(t *tensor.Tensor) *Value { return &Value{DType: t.DType, Shape: t.Shape} }

// wave is a tensor of distinct values of both signs.
func wave(d tensor.DType, shape ...int) *tensor.Tensor {
	t := tensor.New(d, shape...)
	for i := range t.Len() {
		v := math.Sin(1+1.7*float64(i)) + 0.3*math.Cos(5*float64(i)+float64(len(shape)))
		if d == tensor.Float32 {
			t.F32()[i] = float32(v)
		} else {
			t.F64()[i] = v
		}
	}
	return t
}

// apply runs one node on float32 tensors.
func apply(t *testing.T, op string, opset int, attrs Attrs, outs int, in ...*tensor.Tensor) []*tensor.Tensor {
	t.Helper()
	given := map[*Value]*tensor.Tensor{}
	var values []*Value
	for _, x := range in {
		if x == nil {
			values = append(values, nil)
			continue
		}
		v := input(x)
		given[v] = x
		values = append(values, v)
	}
	n, err := build(op, opset, attrs, outs, values...)
	if err != nil {
		t.Fatal(err)
	}
	evaluate(t, []*Node{n}, given)
	var out []*tensor.Tensor
	for _, v := range n.Out {
		if got := given[v]; !slices.Equal(got.Shape, v.Shape) {
			t.Fatalf("shape %v, inferred %v", got.Shape, v.Shape)
		}
		out = append(out, given[v])
	}
	return out
}

func expect(t *testing.T, got *tensor.Tensor, shape []int, want ...float32) {
	t.Helper()
	if !slices.Equal(got.Shape, shape) {
		t.Fatalf("shape %v, want %v", got.Shape, shape)
	}
	// Values of order 1 to 10, printed with six digits.
	if err := tol.Close(got.F32(), want, 2e-5, 1e-5); err != nil {
		t.Error(err)
	}
}

func from(shape []int, v ...float32) *tensor.Tensor { return tensor.From(v, shape...) }

// rejects checks that a malformed node is an error that says what is wrong.
func rejects(t *testing.T, say, op string, opset int, attrs Attrs, shapes ...[]int) {
	t.Helper()
	var in []*Value
	for _, s := range shapes {
		in = append(in, &Value{DType: tensor.Float32, Shape: s})
	}
	_, err := build(op, opset, attrs, 1, in...)
	if err == nil || !strings.Contains(err.Error(), say) {
		t.Errorf("%s %v %v: error %v, want one that says %q", op, attrs, shapes, err, say)
	}
}

// Sums of exponentials that overflow, or are 0, in float64.
func TestReduceLogSumExpOfLargeValues(t *testing.T) {
	inf := float32(math.Inf(1))
	in := tensor.From([]float32{1000, 1001, -2000, -2000, -inf, 3, -inf, -inf, 3, inf}, 5, 2)
	x := input(in)
	n, err := build("ReduceLogSumExp", 18, nil, 1, x,
		&Value{DType: tensor.Int64, Shape: []int{1}, Const: tensor.From([]int64{1}, 1)})
	if err != nil {
		t.Fatal(err)
	}
	got := evaluate(t, []*Node{n}, map[*Value]*tensor.Tensor{x: in})[n.Out[0]].F32()
	if err := tol.Close(got, []float32{1001.3132617, -1999.3068528, 3, -inf, inf}, 0, 1e-7); err != nil {
		t.Error(err)
	}
}

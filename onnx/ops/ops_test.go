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
			t.F32[i] = float32(v)
		} else {
			t.F64[i] = v
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
	if err := tol.Close(got.F32, want, 2e-5, 1e-5); err != nil {
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

// checkGrad compares the gradients that a rule builds, in float64, with central
// differences of Σ w·y. pick tells which inputs are differentiated.
func checkGrad(t *testing.T, op string, opset int, attrs Attrs, outs int, pick []bool, in ...*tensor.Tensor) {
	t.Helper()
	checkGradWith(t, op, opset, attrs, outs, pick, nil, in...)
}

// checkGradWith is checkGrad for an operator with constants after its inputs.
func checkGradWith(t *testing.T, op string, opset int, attrs Attrs, outs int, pick []bool, consts []*Value, in ...*tensor.Tensor) {
	t.Helper()
	given := map[*Value]*tensor.Tensor{}
	var values []*Value
	for _, x := range in {
		v := input(x)
		given[v] = x
		values = append(values, v)
	}
	moving := values
	values = append(slices.Clone(values), consts...)
	pick = append(slices.Clone(pick), make([]bool, len(consts))...)
	domain := ""
	def, err := Lookup("", op, opset)
	if err != nil {
		domain = Internal
		if def, err = Lookup(Internal, op, opset); err != nil {
			t.Fatal(err)
		}
	}
	n := &Node{Name: "node", Op: op, Domain: domain, Opset: opset, Attrs: attrs, In: values, Def: def}
	for range outs {
		n.Out = append(n.Out, &Value{Producer: n})
	}
	if err := def.Infer(n); err != nil {
		t.Fatal(err)
	}
	w := wave(tensor.Float64, n.Out[0].Shape...)
	dy := make([]*Value, outs)
	dy[0] = input(w)
	b := NewBuilder("grad")
	grads, err := def.Grad(b, n, dy, pick)
	if err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		fresh := map[*Value]*tensor.Tensor{}
		for i, v := range moving {
			fresh[v] = in[i]
		}
		y := evaluate(t, []*Node{n}, fresh)[n.Out[0]]
		sum := 0.0
		for i, v := range y.F64 {
			sum += v * w.F64[i]
		}
		return sum
	}
	given[dy[0]] = w
	evaluate(t, append([]*Node{n}, b.Nodes...), given)
	const h = 1e-5
	for i, x := range in {
		if !pick[i] {
			continue
		}
		want := make([]float64, x.Len())
		for j, v := range x.F64 {
			x.F64[j] = v + h
			up := loss()
			x.F64[j] = v - h
			want[j] = (up - loss()) / (2 * h)
			x.F64[j] = v
		}
		if !slices.Equal(grads[i].Shape, x.Shape) {
			t.Errorf("gradient %d has shape %v, want %v", i, grads[i].Shape, x.Shape)
		}
		// The truncation error of central differences is h² times third derivatives.
		if err := tol.Close(given[grads[i]].F64, want, 1e-7, 1e-6); err != nil {
			t.Errorf("%s %v: gradient of input %d: %v", op, attrs, i, err)
		}
	}
}

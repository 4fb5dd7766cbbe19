// Package onnxtest checks operators and graphs: analytic gradients against
// central differences in float64.
package onnxtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// Case is an operator applied to float64 inputs, at a point where it is smooth.
type Case struct {
	Op     string
	Domain string // "" for ai.onnx
	Opset  int
	Attrs  ops.Attrs
	// In holds the operands. Integers and booleans are constants; nil is absent.
	In []*tensor.Tensor
	// Fixed lists the float operands that have no gradient; they are constants.
	Fixed []int
	// Outs is the number of outputs, 1 if 0. The gradient of each float output
	// takes part.
	Outs int
	// Through lists the outputs that reach the loss, the first alone if nil.
	Through []int
}

func (c Case) String() string {
	s := fmt.Sprintf("%s-%d", c.Op, c.Opset)
	for _, x := range c.In {
		if x != nil {
			s += fmt.Sprint(x.Shape)
		}
	}
	return s
}

const (
	// step is that of the central differences, whose truncation error is step²
	// times third derivatives and whose rounding error 1e-16/step.
	step = 1e-5
	// absolute and relative tolerance of gradients of order 1
	absTol, relTol = 1e-7, 1e-6
)

// Gradients compares the gradients that an operator's rule builds with central
// differences of Σ w·y, w arbitrary. A gradient of nothing but zeros fails.
func Gradients(t testing.TB, c Case) {
	t.Helper()
	n, moving, err := c.node()
	if err != nil {
		t.Errorf("%v: %v", c, err)
		return
	}
	values := map[*ops.Value]*tensor.Tensor{}
	for i, v := range n.In {
		if moving[i] {
			values[v] = c.In[i]
		}
	}
	nodes, err := ops.Expanded(n)
	if err != nil {
		t.Errorf("%v: %v", c, err)
		return
	}
	dy, grads := map[int]*ops.Value{}, map[*ops.Value]*ops.Value{}
	for _, i := range c.through() {
		w := Wave(n.Out[i].Shape...)
		dy[i] = &ops.Value{Name: "dy", DType: w.DType, Shape: w.Shape}
		values[dy[i]], grads[n.Out[i]] = w, dy[i]
	}
	b := ops.NewBuilder("grad")
	if err := reverse(b, nodes, moving, n, grads); err != nil {
		t.Errorf("%v: %v", c, err)
		return
	}
	program := slices.Concat(nodes, b.Nodes)
	run := func(nodes []*ops.Node) {
		if err := evaluate(nodes, values); err != nil {
			t.Fatalf("%v: %v", c, err)
		}
	}
	run(program)
	got := map[int][]float64{}
	for i, v := range n.In {
		if moving[i] && grads[v] != nil {
			got[i] = slices.Clone(values[grads[v]].F64())
		}
	}
	loss := func() float64 {
		run(nodes)
		sum := 0.0
		for _, i := range c.through() {
			for j, y := range values[n.Out[i]].F64() {
				sum += y * values[dy[i]].F64()[j]
			}
		}
		return sum
	}
	for i, x := range c.In {
		if moving[i] {
			compare(t, fmt.Sprintf("%v: gradient of input %d", c, i), got[i], differences(x.F64(), loss))
		}
	}
}

// reverse appends the nodes that compute the gradients of the operands of n that move,
// from those of its results, through the nodes that it stands for, the last first.
func reverse(b *ops.Builder, nodes []*ops.Node, moving []bool, n *ops.Node, grads map[*ops.Value]*ops.Value) error {
	moves := func(v *ops.Value) bool {
		i := slices.Index(n.In, v)
		return v != nil && v.Const == nil && v.DType.IsFloat() && (i < 0 || moving[i])
	}
	for _, inner := range slices.Backward(nodes) {
		dy, want, reached := make([]*ops.Value, len(inner.Out)), make([]bool, len(inner.In)), false
		for i, v := range inner.Out {
			dy[i] = grads[v]
			reached = reached || dy[i] != nil
		}
		for i, v := range inner.In {
			want[i] = moves(v)
		}
		if !reached || !slices.Contains(want, true) || inner.Def.NotDifferentiable != "" {
			continue
		}
		dx, err := inner.Def.Grad(b, inner, dy, want)
		if err != nil {
			return err
		}
		for i, d := range dx {
			if d != nil && want[i] {
				if sum := grads[inner.In[i]]; sum != nil {
					d = b.Op("Add", nil, sum, d)
				}
				grads[inner.In[i]] = d
			}
		}
	}
	return b.Err
}

func (c Case) through() []int {
	if c.Through == nil {
		return []int{0}
	}
	return c.Through
}

// node applies the operator and says which operands move.
func (c Case) node() (n *ops.Node, moving []bool, err error) {
	n = &ops.Node{Name: "node", Op: c.Op, Domain: c.Domain, Opset: c.Opset, Attrs: c.Attrs}
	if n.Def, err = ops.Lookup(c.Domain, c.Op, c.Opset); err != nil {
		return nil, nil, err
	}
	if n.Def.NotDifferentiable != "" {
		return nil, nil, fmt.Errorf("the operator has no gradient")
	}
	moving = make([]bool, len(c.In))
	for i, x := range c.In {
		if x == nil {
			n.In = append(n.In, nil)
			continue
		}
		v := &ops.Value{Name: fmt.Sprintf("in%d", i), DType: x.DType, Shape: x.Shape}
		if moving[i] = x.DType.IsFloat() && !slices.Contains(c.Fixed, i); !moving[i] {
			v.Const = x
		}
		n.In = append(n.In, v)
	}
	for i := range max(1, c.Outs) {
		n.Out = append(n.Out, &ops.Value{Name: fmt.Sprintf("out%d", i), Producer: n})
	}
	return n, moving, nil
}

// evaluate runs nodes in order on the values, making those that are missing. It
// runs each twice, since the second time finds what the first left.
func evaluate(nodes []*ops.Node, values map[*ops.Value]*tensor.Tensor) error {
	of := func(vs []*ops.Value) []*tensor.Tensor {
		out := make([]*tensor.Tensor, len(vs))
		for i, v := range vs {
			switch {
			case v == nil:
				continue
			case v.Const != nil:
				values[v] = v.Const
			case values[v] == nil:
				values[v] = tensor.New(v.DType, v.Shape...)
			}
			out[i] = values[v]
		}
		return out
	}
	zero := uint64(0)
	for _, n := range nodes {
		in, out := of(n.In), of(n.Out)
		if n.Def.View {
			out[0].Alias(in[0])
			continue
		}
		var s ops.Scratch
		run, err := n.Def.Bind(n, (&ops.Env{Step: &zero}).For(&s, in, out))
		if err != nil {
			return err
		}
		s.Allocate()
		run()
		run()
	}
	return nil
}

// differences are the central differences of f along each element of x.
func differences(x []float64, f func() float64) []float64 {
	d := make([]float64, len(x))
	for i, v := range x {
		x[i] = v + step
		up := f()
		x[i] = v - step
		d[i] = (up - f()) / (2 * step)
		x[i] = v
	}
	return d
}

func compare(t testing.TB, what string, got, want []float64) {
	t.Helper()
	if err := tol.Close(got, want, absTol, relTol); err != nil {
		t.Errorf("%s: %v", what, err)
	} else if slices.Max(got) == 0 && slices.Min(got) == 0 {
		t.Errorf("%s is 0 everywhere: the case tests nothing", what)
	}
}

// Wave returns a float64 tensor of distinct values of both signs and of order 1.
func Wave(shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float64, shape...)
	for i := range t.F64() {
		t.F64()[i] = math.Sin(1+1.7*float64(i)) + 0.3*math.Cos(5*float64(i)+float64(len(shape)))
	}
	return t
}

// Within maps a wave into an interval on which a function is smooth.
func Within(lo, hi float64, shape ...int) *tensor.Tensor {
	t := Wave(shape...)
	for i, v := range t.F64() {
		t.F64()[i] = (lo+hi)/2 + (hi-lo)/2*v/1.31
	}
	return t
}

// Ints returns an int64 vector.
func Ints(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }

// TrainingGradients compares a trainer's gradients, at its present inputs, target
// and weights, with central differences of the loss along at most the given
// number of elements of each parameter. The trainer must have been compiled with
// Double.
func TrainingGradients(t testing.TB, tr *engine.Trainer, elements int) {
	t.Helper()
	loss := func() float64 {
		l, err := tr.Step(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	loss()
	for _, p := range tr.Params() {
		every := max(1, p.Value.Len()/elements)
		var got, want []float64
		for i := 0; i < p.Value.Len(); i += every {
			got = append(got, p.Grad.F64()[i])
		}
		for i := 0; i < p.Value.Len(); i += every {
			want = append(want, differences(p.Value.F64()[i:i+1], loss)...)
		}
		loss()
		compare(t, "gradient of "+p.Name, got, want)
	}
}

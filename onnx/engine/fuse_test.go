package engine

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx/ops"
)

// sketch builds the graph of a test on inputs x0, x1, ….
type sketch struct {
	*ops.Builder
	x []*ops.Value
}

// weights is a constant of values of order 1 of both signs.
func (s sketch) weights(shape ...int) *ops.Value { return s.Const(values(len(shape), shape...)) }

func (s sketch) scalar(v float64) *ops.Value { return s.Scalar(s.x[0], v) }

// filled is a constant of one number throughout.
func (s sketch) filled(v float32, shape ...int) *ops.Value {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = v
	}
	return s.Const(t)
}

func values(phase int, shape ...int) *tensor.Tensor {
	t := tensor.New(tensor.Float32, shape...)
	for i := range t.F32() {
		t.F32()[i] = float32(math.Sin(float64(phase)+2.3*float64(i)) + 0.4*math.Cos(7*float64(i)))
	}
	return t
}

// fusion is a graph and what is to be left of it.
type fusion struct {
	name   string
	inputs [][]int
	build  func(s sketch) *ops.Value
	want   string // operators that run, in order
}

var image = [][]int{{2, 4, 6, 5}}

func conv(s sketch, x *ops.Value, m int) *ops.Value {
	return s.Op("Conv", ops.Attrs{"pads": []int64{1, 1, 1, 1}}, x, s.weights(m, x.Shape[1], 3, 3), s.weights(m))
}

func batchNorm(s sketch, x *ops.Value) *ops.Value {
	c := x.Shape[1]
	variance := values(2, c)
	for i, v := range variance.F32() {
		variance.F32()[i] = 0.5 + v*v
	}
	return s.Op("BatchNormalization", ops.Attrs{"epsilon": float32(1e-3)}, x, s.weights(c), s.weights(c), s.weights(c),
		s.Const(variance))
}

func layerNorm(s sketch, x *ops.Value) *ops.Value {
	d := s.Op("Sub", nil, x, s.Op("ReduceMean", nil, x, s.Ints(-1)))
	variance := s.Op("ReduceMean", nil, s.Op("Pow", nil, d, s.scalar(2)), s.Ints(-1))
	return s.Op("Div", nil, d, s.Op("Sqrt", nil, s.Op("Add", nil, variance, s.scalar(1e-5))))
}

func transpose(s sketch, x *ops.Value, perm ...int64) *ops.Value {
	return s.Op("Transpose", ops.Attrs{"perm": perm}, x)
}

// heads is multi-head attention of [B,T,3·h·d] as exporters write it.
func heads(s sketch, qkv *ops.Value, h int) *ops.Value {
	b, t, d := qkv.Shape[0], qkv.Shape[1], qkv.Shape[2]/3/h
	all := transpose(s, s.Reshape(qkv, []int{b, t, 3, h, d}), 2, 0, 3, 1, 4)
	parts := s.OpN("Split", ops.Attrs{"axis": int64(0)}, 3, all, s.Ints(1, 1, 1))
	q, k, v := s.Reshape(parts[0], []int{b, h, t, d}), s.Reshape(parts[1], []int{b, h, t, d}),
		s.Reshape(parts[2], []int{b, h, t, d})
	scores := s.Op("MatMul", nil, s.Op("Div", nil, q, s.scalar(math.Sqrt(float64(d)))), transpose(s, k, 0, 1, 3, 2))
	out := s.Op("MatMul", nil, s.Op("Softmax", ops.Attrs{"axis": int64(-1)}, scores), v)
	return s.Reshape(transpose(s, out, 0, 2, 1, 3), []int{b, t, h * d})
}

var fusions = []fusion{
	{"batch norm into conv", image, func(s sketch) *ops.Value { return batchNorm(s, conv(s, s.x[0], 3)) }, "FusedConv"},
	{"batch norm and relu", image, func(s sketch) *ops.Value { return s.Op("Relu", nil, batchNorm(s, s.x[0])) },
		"BatchNormRelu"},
	{"scale and shift of channels into conv", image, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.Op("Mul", nil, conv(s, s.x[0], 3), s.weights(3, 1, 1)), s.weights(1, 3, 1, 1))
	}, "FusedConv"},
	{"difference and quotient into conv", image, func(s sketch) *ops.Value {
		return s.Op("Div", nil, s.Op("Sub", nil, conv(s, s.x[0], 3), s.weights(3, 1, 1)), s.scalar(3))
	}, "FusedConv"},
	{"relu into conv", image, func(s sketch) *ops.Value { return s.Op("Relu", nil, conv(s, s.x[0], 3)) }, "FusedConv"},
	{"clip into depthwise conv", image, func(s sketch) *ops.Value {
		y := s.Op("Conv", ops.Attrs{"group": int64(4), "pads": []int64{1, 1, 1, 1}}, s.x[0], s.weights(4, 1, 3, 3))
		return s.Op("Clip", nil, y, s.scalar(-0.5), s.scalar(1))
	}, "FusedConv"},
	{"residual block", [][]int{{2, 4, 6, 5}, {2, 3, 6, 5}}, func(s sketch) *ops.Value {
		return s.Op("Relu", nil, s.Op("Add", nil, s.x[1], batchNorm(s, conv(s, s.x[0], 3))))
	}, "FusedConv"},
	{"clip into sum stays", image, func(s sketch) *ops.Value {
		return s.Op("Relu", nil, s.Op("Add", nil, s.x[0], s.x[0]))
	}, "Add Relu"},
	{"no residual behind an activation", [][]int{{2, 4, 6, 5}, {2, 3, 6, 5}}, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.x[1], s.Op("Relu", nil, conv(s, s.x[0], 3)))
	}, "FusedConv Add"},
	{"quotient by what is stretched", image, func(s sketch) *ops.Value {
		norm := s.Op("ReduceL2", nil, s.x[0], s.Ints(-1))
		return s.Op("Div", nil, s.x[0], s.Op("Expand", nil, norm, s.Ints(2, 4, 6, 5)))
	}, "ReduceL2 Div"},
	{"a sum of what is stretched alone", [][]int{{2, 1, 5}, {1}}, func(s sketch) *ops.Value {
		return s.Op("Sub", nil, s.x[1], s.Op("Expand", nil, s.x[0], s.Ints(2, 4, 5)))
	}, "Expand Sub"},
	{"pad into conv", image, func(s sketch) *ops.Value {
		return conv(s, s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 1, 2, 0, 0, 0, 1)), 3)
	}, "FusedConv"},
	{"pad into average", image, func(s sketch) *ops.Value {
		return s.Op("AveragePool", ops.Attrs{"kernel_shape": []int64{3, 3}},
			s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 1, 2, 0, 0, 0, 1)))
	}, "AveragePool"},
	{"pad as wide as the windows stays", image, func(s sketch) *ops.Value {
		return s.Op("AveragePool", ops.Attrs{"kernel_shape": []int64{2, 2}},
			s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 1, 2, 0, 0, 0, 1)))
	}, "Pad AveragePool"},
	{"pad with another value stays", image, func(s sketch) *ops.Value {
		return conv(s, s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 1, 1, 0, 0, 1, 1), s.scalar(2)), 3)
	}, "Pad Conv"},

	{"gemm, batch norm, relu", [][]int{{5, 6}}, func(s sketch) *ops.Value {
		y := s.Op("Gemm", ops.Attrs{"transB": int64(1), "alpha": float32(0.5)}, s.x[0], s.weights(7, 6), s.weights(7))
		return s.Op("Relu", nil, batchNorm(s, y))
	}, "Product"},
	{"gemm of columns", [][]int{{6, 5}}, func(s sketch) *ops.Value {
		return s.Op("Gemm", ops.Attrs{"transA": int64(1)}, s.x[0], s.weights(6, 7), s.weights(1, 7))
	}, "Product"},
	{"gemm of a column plus a number", [][]int{{5, 6}}, func(s sketch) *ops.Value {
		return s.Op("Gemm", nil, s.x[0], s.weights(6, 1), s.scalar(2))
	}, "Gemm"},
	{"a product times 0 is no product", [][]int{{5, 6}, {6, 5}}, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.Op("Mul", nil, s.Op("MatMul", nil, s.x[0], s.x[1]), s.scalar(0)), s.weights(5))
	}, "Product Mul Add"},
	{"a product with 0 stays", [][]int{{5, 6}, {6, 5}}, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.Op("MatMul", nil, s.Op("Mul", nil, s.x[0], s.scalar(0)), s.x[1]), s.weights(5))
	}, "Mul Product"},
	{"matmul, bias, residual", [][]int{{2, 5, 6}, {2, 5, 7}}, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.x[1], s.Op("Add", nil, s.weights(7), s.Op("MatMul", nil, s.x[0], s.weights(6, 7))))
	}, "Product"},
	{"matmul, scale, clip", [][]int{{2, 5, 6}, {2, 6, 7}}, func(s sketch) *ops.Value {
		y := s.Op("Mul", nil, s.scalar(0.3), s.Op("MatMul", nil, s.x[0], s.x[1]))
		return s.Op("Clip", nil, y, s.scalar(-0.5), s.scalar(1))
	}, "Product"},
	{"one matrix for a stack of stacks", [][]int{{2, 3, 5, 6}}, func(s sketch) *ops.Value {
		return s.Op("MatMul", nil, s.x[0], s.weights(6, 7))
	}, "Product"},
	{"stretched stacks", [][]int{{2, 1, 5, 6}, {3, 6, 7}}, func(s sketch) *ops.Value {
		return s.Op("MatMul", nil, s.x[0], s.x[1])
	}, "Product"},
	{"row times matrix", [][]int{{4, 1, 6}, {4, 6, 7}}, func(s sketch) *ops.Value {
		return s.Op("MatMul", nil, s.x[0], s.x[1])
	}, "Product"},
	{"outer product", [][]int{{4, 5, 1}, {4, 1, 7}}, func(s sketch) *ops.Value {
		return s.Op("MatMul", nil, s.x[0], s.x[1])
	}, "Product"},
	{"transposed operands", [][]int{{2, 6, 5}, {2, 7, 6}}, func(s sketch) *ops.Value {
		return s.Op("MatMul", nil, transpose(s, s.x[0], 0, 2, 1), transpose(s, s.x[1], 0, 2, 1))
	}, "Product"},
	{"sliced operands", [][]int{{9, 2, 10}, {2, 6, 7}}, func(s sketch) *ops.Value {
		a := s.Op("Slice", nil, s.x[0], s.Ints(2, 1), s.Ints(7, 7), s.Ints(0, -1))
		b := s.Op("Gather", ops.Attrs{"axis": int64(0)}, s.x[1], s.Const(tensor.From([]int64{-1})))
		return s.Op("MatMul", nil, transpose(s, a, 1, 0, 2), b)
	}, "Product"},
	{"attention", [][]int{{3, 5, 36}}, func(s sketch) *ops.Value { return heads(s, s.x[0], 3) },
		"Product Softmax Product"},
	{"attention of many", [][]int{{9, 4, 24}}, func(s sketch) *ops.Value { return heads(s, s.x[0], 2) },
		"Product Softmax Product"},
	{"channels last to first, scale, residual", [][]int{{2, 6, 7, 8}, {2, 3, 6, 7}}, func(s sketch) *ops.Value {
		y := s.Op("Add", nil, s.Op("MatMul", nil, s.x[0], s.weights(8, 3)), s.weights(3))
		y = s.Op("Mul", nil, s.weights(3, 1, 1), transpose(s, y, 0, 3, 1, 2))
		return s.Op("Add", nil, y, s.x[1])
	}, "Product"},
	{"many channels last to first, residual, clip", [][]int{{2, 6, 7, 8}, {2, 35, 6, 7}}, func(s sketch) *ops.Value {
		y := transpose(s, s.Op("Add", nil, s.Op("MatMul", nil, s.x[0], s.weights(8, 35)), s.weights(35)), 0, 3, 1, 2)
		return s.Op("Clip", nil, s.Op("Add", nil, y, s.x[1]), s.scalar(-0.5), s.scalar(1))
	}, "Product"},
	{"many channels last to first, clip", [][]int{{2, 6, 7, 8}}, func(s sketch) *ops.Value {
		y := transpose(s, s.Op("Add", nil, s.Op("MatMul", nil, s.x[0], s.weights(8, 35)), s.weights(35)), 0, 3, 1, 2)
		return s.Op("Clip", nil, y, s.scalar(-0.5), s.scalar(1))
	}, "Product"},
	{"scale behind a transpose that stays", [][]int{{2, 2, 3, 8}}, func(s sketch) *ops.Value {
		y := transpose(s, s.Op("MatMul", nil, s.x[0], s.weights(8, 3)), 0, 3, 1, 2)
		return s.Op("Mul", nil, s.weights(3, 1, 1), y)
	}, "Product Transpose"},
	{"nothing done", [][]int{{2, 1, 5, 4}}, func(s sketch) *ops.Value {
		y := s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 0, 0, 0, 0, 0, 0))
		y = s.Op("Slice", nil, y, s.Ints(0), s.Ints(9), s.Ints(2))
		return s.Op("Relu", nil, s.Op("Expand", nil, transpose(s, y, 0, 2, 1, 3), s.Ints(2, 5, 1, 4)))
	}, "Relu"},
	{"a reversal is not nothing", [][]int{{2, 3, 4}}, func(s sketch) *ops.Value {
		return s.Op("Slice", nil, s.x[0], s.Ints(-1), s.Ints(-9), s.Ints(2), s.Ints(-1))
	}, "Slice"},
	{"a shift is not nothing", image, func(s sketch) *ops.Value {
		return conv(s, s.Op("Pad", nil, s.x[0], s.Ints(0, 0, 1, -1, 0, 0, -1, 1)), 3)
	}, "Pad Conv"},
	{"mean over space", [][]int{{2, 3, 4, 5}}, func(s sketch) *ops.Value {
		return s.Op("ReduceMean", ops.Attrs{"keepdims": int64(0)}, s.x[0], s.Ints(-2, -1))
	}, "GlobalAveragePool"},
	{"few rows are not moved", [][]int{{2, 2, 3, 8}}, func(s sketch) *ops.Value {
		return transpose(s, s.Op("MatMul", nil, s.x[0], s.weights(8, 3)), 0, 3, 1, 2)
	}, "Product Transpose"},

	{"layer norm", [][]int{{3, 4, 10}}, func(s sketch) *ops.Value {
		return s.Op("Add", nil, s.Op("Mul", nil, layerNorm(s, s.x[0]), s.weights(10)), s.weights(10))
	}, "LayerNormalization"},
	{"layer norm stretched by its constant", [][]int{{1, 4, 10}}, func(s sketch) *ops.Value {
		d := s.Op("Sub", nil, s.x[0], s.Op("ReduceMean", nil, s.x[0], s.Ints(-1)))
		variance := s.Op("ReduceMean", nil, s.Op("Mul", nil, d, d), s.Ints(-1))
		eps := s.Op("Add", nil, variance, s.filled(1e-5, 3, 1, 1))
		return s.Op("Div", nil, d, s.Op("Sqrt", nil, eps))
	}, "ReduceMean Sub Mul ReduceMean Add Sqrt Div"},
	{"gelu", image, func(s sketch) *ops.Value {
		e := s.Op("Erf", nil, s.Op("Div", nil, s.x[0], s.scalar(1.41421356)))
		return s.Op("Mul", nil, s.Op("Mul", nil, s.x[0], s.Op("Add", nil, e, s.scalar(1))), s.scalar(0.5))
	}, "Gelu"},
	{"gelu, halved first", image, func(s sketch) *ops.Value {
		e := s.Op("Erf", nil, s.Op("Mul", nil, s.x[0], s.scalar(0.70710678)))
		return s.Op("Mul", nil, s.Op("Mul", nil, s.scalar(0.5), s.x[0]), s.Op("Add", nil, s.scalar(1), e))
	}, "Gelu"},
	{"gelu by tanh", image, func(s sketch) *ops.Value {
		x := s.x[0]
		sum := s.Op("Add", nil, x, s.Op("Mul", nil, s.Op("Pow", nil, x, s.scalar(3)), s.scalar(0.044715)))
		g := s.Op("Tanh", nil, s.Op("Mul", nil, sum, s.scalar(0.7978845608)))
		return s.Op("Mul", nil, s.Op("Mul", nil, x, s.scalar(0.5)), s.Op("Add", nil, g, s.scalar(1)))
	}, "Gelu"},
	{"another constant is no gelu", image, func(s sketch) *ops.Value {
		e := s.Op("Erf", nil, s.Op("Div", nil, s.x[0], s.scalar(1.5)))
		return s.Op("Mul", nil, s.Op("Mul", nil, s.x[0], s.Op("Add", nil, e, s.scalar(1))), s.scalar(0.5))
	}, "Div Erf Add Mul Mul"},
	{"silu", image, func(s sketch) *ops.Value { return s.Op("Mul", nil, s.Op("Sigmoid", nil, s.x[0]), s.x[0]) }, "Swish"},
	{"hard swish", image, func(s sketch) *ops.Value {
		h := s.Op("Clip", nil, s.Op("Add", nil, s.x[0], s.scalar(3)), s.scalar(0), s.scalar(6))
		return s.Op("Div", nil, s.Op("Mul", nil, s.x[0], h), s.scalar(6))
	}, "HardSwish"},
	{"hard swish stretched by its constant", [][]int{{1, 5}}, func(s sketch) *ops.Value {
		h := s.Op("Clip", nil, s.Op("Add", nil, s.x[0], s.filled(3, 4, 5)), s.scalar(0), s.scalar(6))
		return s.Op("Div", nil, s.Op("Mul", nil, s.x[0], h), s.scalar(6))
	}, "Add Clip Mul Div"},
	{"hard swish by hard sigmoid", image, func(s sketch) *ops.Value {
		return s.Op("Mul", nil, s.x[0], s.Op("HardSigmoid", ops.Attrs{"alpha": float32(1) / 6}, s.x[0]))
	}, "HardSwish"},
}

// program builds the graph anew, since fusing changes it.
func (c *fusion) program(t *testing.T) (p *program, out string) {
	t.Helper()
	s := sketch{Builder: ops.NewBuilder("test")}
	p = &program{values: map[string]*ops.Value{}}
	for i, shape := range c.inputs {
		v := &ops.Value{Name: fmt.Sprint("x", i), DType: tensor.Float32, Shape: shape}
		s.x, p.inputs, p.values[v.Name] = append(s.x, v), append(p.inputs, v), v
	}
	y := c.build(s)
	if s.Err != nil {
		t.Fatal(s.Err)
	}
	p.nodes = s.Nodes
	for _, n := range p.nodes {
		for _, v := range n.Out {
			p.values[v.Name] = v
		}
	}
	return p, y.Name
}

// run evaluates the program twice and returns the outputs by name.
func (p *program) run(t *testing.T, outputs ...string) map[string][]float32 {
	t.Helper()
	pool := parallel.New(2)
	defer pool.Close()
	p.keep = p.named(outputs)
	l := p.layout()
	s, err := p.bind(l.allocate(pool), nil, &ops.Env{Pool: pool}, new(ops.Scratch))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range p.inputs {
		s.Input(v.Name).Copy(values(i+5, v.Shape...))
	}
	for range 2 { // the second run finds what the first left
		if err := s.Run(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string][]float32{}
	for _, name := range outputs {
		got[name] = slices.Clone(l.tensor(p.values[name]).F32())
	}
	return got
}

func (p *program) named(names []string) []*ops.Value {
	var vs []*ops.Value
	for _, name := range names {
		vs = append(vs, p.values[name])
	}
	return vs
}

func (p *program) operators() string {
	var names []string
	for _, n := range p.nodes {
		if !n.Def.View {
			names = append(names, n.Op)
		}
	}
	return strings.Join(names, " ")
}

// Fused and unfused programs agree to the rounding of sums of some tens of
// products, and what is wanted survives.
func TestFusions(t *testing.T) {
	for _, c := range slices.Concat(fusions, quantisedFusions) {
		t.Run(c.name, func(t *testing.T) {
			plain, out := c.program(t)
			var all []string
			for _, n := range plain.nodes {
				for _, v := range n.Out {
					if v.DType == tensor.Float32 {
						all = append(all, v.Name)
					}
				}
			}
			want := plain.run(t, all...)

			fused, _ := c.program(t)
			fused.fuse(rewrites, fused.named([]string{out}))
			if got := fused.operators(); got != c.want {
				t.Errorf("%q run, want %q", got, c.want)
			}
			if err := tol.Scaled(fused.run(t, out)[out], want[out], 2e-6); err != nil {
				t.Error(err)
			}

			tapped, _ := c.program(t)
			tapped.fuse(rewrites, tapped.named(all))
			for name, got := range tapped.run(t, all...) {
				if err := tol.Scaled(got, want[name], 2e-6); err != nil {
					t.Errorf("%s, with all wanted: %v", name, err)
				}
			}
		})
	}
}

// Every rewrite fires in some case.
func TestEveryRewriteFires(t *testing.T) {
	fired := map[string]int{}
	for _, c := range slices.Concat(fusions, quantisedFusions) {
		p, out := c.program(t)
		for name, n := range p.fuse(rewrites, p.named([]string{out})).fired {
			fired[name] += n
		}
	}
	for _, r := range rewrites {
		if fired[r.name] == 0 {
			t.Errorf("no case has %q", r.name)
		}
	}
}

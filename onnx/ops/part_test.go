package ops

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/tensor"
)

// partCase is a node whose first operands, of the given shapes, are of images, and whose others are constant.
type partCase struct {
	domain, op string
	opset      int
	attrs      Attrs
	images     [][]int
	others     []*tensor.Tensor
}

func (c *partCase) node(t *testing.T) (*Node, map[*Value]*tensor.Tensor) {
	t.Helper()
	def, err := Lookup(c.domain, c.op, c.opset)
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{Name: "node", Op: c.op, Domain: c.domain, Opset: c.opset, Attrs: c.attrs, Def: def}
	given := map[*Value]*tensor.Tensor{}
	for _, shape := range c.images {
		x := wave(tensor.Float32, shape...)
		v := input(x)
		given[v], n.In = x, append(n.In, v)
	}
	for _, x := range c.others {
		if x == nil {
			n.In = append(n.In, nil)
			continue
		}
		n.In = append(n.In, &Value{DType: x.DType, Shape: x.Shape, Const: x})
	}
	n.Out = []*Value{{Name: "out", Producer: n}}
	if err := def.Infer(n); err != nil {
		t.Fatalf("%s: %v", c.op, err)
	}
	return n, given
}

// rows is one of several equal parts of a tensor along its first axis.
func rows(t *tensor.Tensor, part, parts int) *tensor.Tensor {
	size := t.Len() / parts
	return tensor.From(slices.Clone(t.F32()[part*size:][:size]), slices.Concat([]int{t.Shape[0] / parts}, t.Shape[1:])...)
}

// What a part of a node computes has the bits of what the node computes of the same images,
// also where the elements of an image fill no whole vectors.
func TestPart(t *testing.T) {
	const batch, parts = 6, 3
	f := func(shape ...int) *tensor.Tensor { return wave(tensor.Float32, shape...) }
	positive := func(n int) *tensor.Tensor { return tensor.From(slices.Repeat([]float32{0.7}, n), n) }
	ints := func(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }
	x := []int{batch, 5, 9, 7}
	cases := []partCase{
		{"", "Conv", 11, Attrs{"pads": []int64{1, 1, 1, 1}}, [][]int{x}, []*tensor.Tensor{f(4, 5, 3, 3), f(4)}},
		{"", "Conv", 11, nil, [][]int{{batch, 64, 33, 31}}, []*tensor.Tensor{f(32, 64, 1, 1)}},
		{"", "Conv", 11, Attrs{"group": int64(5)}, [][]int{x}, []*tensor.Tensor{f(5, 1, 3, 3)}},
		{"", "Conv", 11, nil, [][]int{{batch, 5, 11}}, []*tensor.Tensor{f(4, 5, 3)}},
		{Internal, "FusedConv", 1, Attrs{"clamp": []float32{0, 1}}, [][]int{{batch, 64, 1, 1}}, []*tensor.Tensor{f(24, 64, 1, 1), f(24)}},
		{"", "BatchNormalization", 15, nil, [][]int{x}, []*tensor.Tensor{f(5), f(5), f(5), positive(5)}},
		{Internal, "BatchNormRelu", 1, nil, [][]int{x}, []*tensor.Tensor{f(5), f(5), f(5), positive(5)}},
		{"", "Concat", 13, Attrs{"axis": int64(-3)}, [][]int{x, {batch, 2, 9, 7}}, nil},
		{"", "Transpose", 13, Attrs{"perm": []int64{0, 3, 1, 2}}, [][]int{x}, nil},
		{"", "Slice", 13, nil, [][]int{x}, []*tensor.Tensor{ints(0, 1), ints(math.MaxInt64, 4), ints(0, 2)}},
		{"", "Reshape", 13, nil, [][]int{x}, []*tensor.Tensor{ints(batch, 45, 7)}},
		{"", "Reshape", 13, nil, [][]int{x}, []*tensor.Tensor{ints(batch*5, -1)}},
		{"", "Flatten", 13, nil, [][]int{x}, nil},
		{"", "MaxPool", 12, Attrs{"kernel_shape": []int64{3, 3}}, [][]int{x}, nil},
		{"", "AveragePool", 11, Attrs{"kernel_shape": []int64{2, 3}}, [][]int{x}, nil},
		{"", "GlobalAveragePool", 1, nil, [][]int{x}, nil},
		{"", "GlobalMaxPool", 1, nil, [][]int{x}, nil},
		{"", "LRN", 13, Attrs{"size": int64(3)}, [][]int{x}, nil},
		{"", "Identity", 13, nil, [][]int{x}, nil},
		{"", "Dropout", 13, nil, [][]int{x}, nil},
		{"", "Mul", 13, nil, [][]int{x, {batch, 5, 1, 1}}, nil},
		{"", "Add", 13, nil, [][]int{x}, []*tensor.Tensor{f(5, 1, 1)}},
		{"", "Sub", 13, nil, [][]int{x}, []*tensor.Tensor{f(1, 5, 9, 1)}},
		{"", "Div", 13, nil, [][]int{x}, []*tensor.Tensor{positive(1)}},
		{"", "PRelu", 16, nil, [][]int{x}, []*tensor.Tensor{f(5, 1, 1)}},
		{"", "Clip", 13, nil, [][]int{x}, []*tensor.Tensor{nil, tensor.From([]float32{0.5})}},
	}
	for _, op := range []string{"Relu", "LeakyRelu", "Elu", "Selu", "Celu", "Sigmoid", "HardSigmoid", "Tanh", "Softplus", "HardSwish",
		"Swish", "Mish", "Gelu"} {
		cases = append(cases, partCase{"", op, Newest, nil, [][]int{x}, nil})
	}
	tried := map[key]bool{}
	for _, c := range cases {
		name := fmt.Sprint(c.op, c.images, c.attrs)
		tried[key{c.domain, c.op}] = true
		n, given := c.node(t)
		of := map[*Value]*Value{}
		for v := range given {
			of[v] = &Value{DType: v.DType, Shape: slices.Concat([]int{v.Shape[0] / parts}, v.Shape[1:])}
		}
		whole := evaluate(t, []*Node{n}, given)[n.Out[0]]
		own := n.Part(of, batch, parts)
		if own == nil {
			t.Errorf("%s has no part", name)
			continue
		}
		for p := range parts {
			some := map[*Value]*tensor.Tensor{}
			for v, part := range of {
				some[part] = rows(given[v], p, parts)
			}
			got, want := evaluate(t, []*Node{own}, some)[own.Out[0]], rows(whole, p, parts)
			if !slices.Equal(got.F32(), want.F32()) || !slices.Equal(got.Shape, want.Shape) {
				t.Errorf("%s: part %d is not that of all, %v and %v", name, p, got.Shape, want.Shape)
			}
		}
	}
	for k := range partRules {
		if !tried[k] {
			t.Errorf("%s is not tried", k.op)
		}
	}
}

// Nodes that mix images, or that have constants for each of them, have no part.
func TestNoPart(t *testing.T) {
	const batch = 6
	f := func(shape ...int) *tensor.Tensor { return wave(tensor.Float32, shape...) }
	ints := func(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }
	x := []int{batch, 5, 4}
	for _, c := range []partCase{
		{"", "Concat", 13, Attrs{"axis": int64(0)}, [][]int{x, x}, nil},
		{"", "Concat", 13, Attrs{"axis": int64(1)}, [][]int{x}, []*tensor.Tensor{f(batch, 2, 4)}},
		{"", "Transpose", 13, Attrs{"perm": []int64{1, 0, 2}}, [][]int{x}, nil},
		{"", "Transpose", 13, nil, [][]int{x}, nil},
		{"", "Slice", 13, nil, [][]int{x}, []*tensor.Tensor{ints(-1), ints(math.MinInt64), ints(0), ints(-1)}},
		{"", "Slice", 13, nil, [][]int{x}, []*tensor.Tensor{ints(1), ints(4), ints(0)}},
		{"", "Reshape", 13, nil, [][]int{x}, []*tensor.Tensor{ints(5, batch*4)}},
		{"", "Reshape", 13, nil, [][]int{x}, []*tensor.Tensor{ints(3, -1)}},
		{"", "Flatten", 13, Attrs{"axis": int64(0)}, [][]int{x}, nil},
		{"", "Add", 13, nil, [][]int{x}, []*tensor.Tensor{f(batch, 5, 4)}},
		{"", "Add", 13, nil, [][]int{x}, []*tensor.Tensor{f(1, 1, 5, 4)}},
		{"", "Add", 13, nil, [][]int{{batch, batch, 4}, {batch, 4}}, nil},
		{"", "Conv", 11, nil, [][]int{{batch, 4, 5, 5}, {batch, 4, 3, 3}}, nil},
		{"", "BatchNormalization", 15, Attrs{"training_mode": int64(1)}, [][]int{x}, []*tensor.Tensor{f(5), f(5), f(5), f(5)}},
		{"", "Softmax", 13, Attrs{"axis": int64(0)}, [][]int{x}, nil},
		{"", "CumSum", 14, nil, [][]int{x}, []*tensor.Tensor{tensor.From([]int64{0})}},
	} {
		n, given := c.node(t)
		of := map[*Value]*Value{}
		for v := range given {
			of[v] = &Value{DType: v.DType, Shape: slices.Concat([]int{v.Shape[0] / 2}, v.Shape[1:])}
		}
		if n.Part(of, batch, 2) != nil {
			t.Errorf("%s of %v, %v has a part", c.op, c.images, c.attrs)
		}
	}
}

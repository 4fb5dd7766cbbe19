package ops

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
)

// An attribute that no rule reads is not passed over, since the default would take its place.
func TestAttributesThatAreNotTheOperators(t *testing.T) {
	for _, c := range []struct {
		op    string // of a domain: after its name and a colon
		opset int
		attrs Attrs
		say   string // "": nothing
	}{
		{"Squeeze", 11, Attrs{"axes": []int64{1}}, ""},
		{"Squeeze", 13,
			Attrs{"axes": []int64{1}}, `attribute "axes" is not one of the operator's at opset 13, which has none`},
		{"Split", 13, Attrs{"axis": int64(0), "split": []int64{1, 2}}, `attribute "split"`},
		{"Clip", 6, Attrs{"min": float32(0)}, ""},
		{"Clip", 11, Attrs{"min": float32(0)}, `attribute "min"`},
		{"Conv", 11, Attrs{"stride": []int64{2, 2}}, `which has auto_pad, dilations, group, kernel_shape, pads, strides`},
		{"Conv", 11, Attrs{"strides": int64(2)}, ""},
		{"Conv", 11, Attrs{"strides": "2"}, "attribute strides is string, want integers"},
		{"Conv", 11, Attrs{"__debug": "x", ExactLength: int64(1)}, ""},
		{"TopK", 11, Attrs{"largest": float32(0)}, "attribute largest is float32, want an integer"},
		{"Concat", 13, nil, "attribute axis is missing"},
		{"ConstantOfShape", 9, Attrs{"value": float32(1)}, "attribute value is float32, want a tensor"},
		{"LSTM", 14, Attrs{"hidden_size": int64(4), "activations": "Tanh"}, "want strings"},
		{"BatchNormalization", 7, Attrs{"spatial": int64(1), "epsilon": float32(1e-5)}, ""},
		{"BatchNormalization", 9, Attrs{"spatial": int64(1)}, `attribute "spatial"`},
		{"GatherND", 11, Attrs{"batch_dims": int64(1)}, `attribute "batch_dims" is not one of the operator's at opset 11`},
		{"GatherND", 12, Attrs{"batch_dims": int64(1)}, ""},
		{"Add", 5, Attrs{"consumed_inputs": []int64{0, 0}}, ""},
		{"Add", 6, Attrs{"consumed_inputs": []int64{0, 0}}, `which has axis, broadcast`},
		{"Equal", 6, Attrs{"consumed_inputs": []int64{0, 0}}, `which has axis, broadcast`},
		{"ReduceMax", 17, Attrs{"axes": []int64{0}}, ""},
		{"ReduceMax", 18, Attrs{"axes": []int64{0}}, `which has keepdims, noop_with_empty_axes`},
		{"GroupNormalization", 18, Attrs{"num_groups": int64(2), "stash_type": int64(1)}, `attribute "stash_type"`},
		{"com.microsoft:FusedConv", 1, Attrs{"activation": "Relu", "strides": []int64{2, 2}}, ""},
		{"com.microsoft:FusedConv", 1, Attrs{"stride": []int64{2, 2}}, `attribute "stride"`},
		{"com.microsoft:BiasGelu", 1, Attrs{"approximate": "tanh"}, "which has none"},
		{"com.microsoft:MultiHeadAttention", 1, nil, "attribute num_heads is missing"},
		{"com.microsoft:QuickGelu", 1, Attrs{"alpha": int64(1)}, "attribute alpha is int64, want a float"},
		{"com.microsoft.nchwc:Conv", 1, Attrs{"group": int64(1), Block: int64(16)}, ""},
		{"com.microsoft.nchwc:MaxPool", 1,
			Attrs{"kernel_shape": []int64{2, 2}, "count_include_pad": int64(1)}, `attribute "count_include_pad"`},
	} {
		domain, op, foreign := strings.Cut(c.op, ":")
		if !foreign {
			domain, op = "", c.op
		}
		def, err := Lookup(domain, op, c.opset)
		if err != nil {
			t.Fatal(err)
		}
		n := &Node{Name: "n", Op: op, Domain: domain, Opset: c.opset, Attrs: c.attrs, Def: def}
		if err := n.CheckAttrs(); c.say == "" && err != nil ||
			c.say != "" && (err == nil || !strings.Contains(err.Error(), c.say)) {
			t.Errorf("%s at opset %d, %v: error %v, want %q", c.op, c.opset, c.attrs, err, c.say)
		}
	}
}

// What rows say of attributes can be read: letters are known, and opsets rise from the
// row's own, not beyond that of the operator's next row.
func TestAttributesOfRows(t *testing.T) {
	for _, d := range All() {
		if d.Domain == Internal {
			if d.Attributes != "" {
				t.Errorf("%s of %s: attributes %q, which nobody reads", d.Op, d.Domain, d.Attributes)
			}
			continue
		}
		last := d.Since
		for i, version := range strings.Split(d.Attributes, ";") {
			if i == 0 {
				continue
			}
			since, err := strconv.Atoi(strings.Fields(version)[0])
			if err != nil || since <= last || since > Newest {
				t.Errorf("%s of opset %d: version %q after %d", d.Op, d.Since, version, last)
			}
			if row, err := Lookup(d.Domain, d.Op, since); err != nil || row.Since != d.Since {
				t.Errorf("%s of opset %d: version %q is another row's", d.Op, d.Since, version)
			}
			last = since
		}
		for opset := d.Since; opset <= last; opset++ {
			for name, letters := range d.attributesAt(opset) {
				if attributeTypes[letters[0]] == "" || len(letters) > 2 || len(letters) == 2 && letters[1] != '!' {
					t.Errorf("%s at opset %d: attribute %s is %q", d.Op, opset, name, letters)
				}
			}
		}
	}
}

// What an attribute may be is said, not taken for another.
func TestAttributesOfUnknownWords(t *testing.T) {
	rejects(t, "approximate is", "Gelu", 20, Attrs{"approximate": "sigmoid"}, []int{2})
	rejects(t, "round_mode is", "Cast", 24, Attrs{"to": int64(24), "round_mode": "sideways"}, []int{2})
	rejects(t, "auto_pad is", "ConvTranspose",
		11, Attrs{"auto_pad": "same", "output_shape": []int64{4, 4}}, []int{1, 1, 2, 2}, []int{1, 1, 3, 3})
	x, none := &Value{DType: tensor.Float32, Shape: []int{1, 1, 2, 2}}, (*Value)(nil)
	scales := &Value{DType: tensor.Float32, Shape: []int{4}, Const: tensor.From([]float32{1, 1, 2, 2}, 4)}
	if _, err := build("Resize", 13, Attrs{"nearest_mode": "nearest"}, 1, x, none, scales); err == nil ||
		!strings.Contains(err.Error(), "nearest_mode is") {
		t.Errorf("Resize: error %v", err)
	}
	if _, err := build("Split", 13, Attrs{"axis": int64(0)}, 2,
		&Value{DType: tensor.Float32, Shape: []int{3, 2}}); err == nil ||
		!strings.Contains(err.Error(), "no 2 equal parts") {
		t.Errorf("Split: error %v", err)
	}
	if _, err := build("Split", 18, Attrs{"axis": int64(0)}, 2,
		&Value{DType: tensor.Float32, Shape: []int{4, 2}}); err == nil ||
		!strings.Contains(err.Error(), "num_outputs") {
		t.Errorf("Split: error %v", err)
	}
	if _, err := build("Constant", 13, Attrs{"value_floats": []int64{1}}, 1); err == nil ||
		!strings.Contains(err.Error(), "value_floats") {
		t.Errorf("Constant: error %v", err)
	}
	pads := &Value{DType: tensor.Int64, Shape: []int{4}, Const: tensor.From([]int64{1, 1, 2, 2}, 4)}
	axes := &Value{DType: tensor.Int64, Shape: []int{2}, Const: tensor.From([]int64{-1, 3}, 2)}
	if _, err := build("Pad", 18, nil, 1, x, pads, none, axes); err == nil || !strings.Contains(err.Error(), "repeat") {
		t.Errorf("Pad: error %v", err)
	}
}

// Products of sizes that wrap around to a small number are no sizes.
func TestSizesThatOverflow(t *testing.T) {
	repeats := &Value{DType: tensor.Int64, Shape: []int{1}, Const: tensor.From([]int64{1 << 31}, 1)}
	if n, err := build("Tile", 13, nil, 1, &Value{DType: tensor.Bool, Shape: []int{1 << 33}}, repeats); err == nil {
		t.Errorf("Tile: shape %v", n.Out[0].Shape)
	}
	shape := &Value{DType: tensor.Int64, Shape: []int{3}, Const: tensor.From([]int64{0, 1 << 62, 4}, 3)}
	if n, err := build("ConstantOfShape", 9, nil, 1, shape); err == nil {
		t.Errorf("ConstantOfShape: shape %v", n.Out[0].Shape)
	}
}

// Integers beyond 2⁵³ are computed with as such.
func TestLargeIntegers(t *testing.T) {
	const large = 1<<53 + 1 // no float64
	of := func(v ...int64) *tensor.Tensor { return tensor.From(v, len(v)) }
	for _, c := range []struct {
		op       string
		in, want []int64
	}{
		{"ReduceSum", []int64{large, 1, 1}, []int64{large + 2}},
		{"ReduceMean", []int64{large, large + 2}, []int64{large + 1}},
		{"ReduceMean", []int64{-7, 0}, []int64{-3}},
		{"ReduceMax", []int64{large, -4}, []int64{large}},
		{"ReduceMin", []int64{math.MaxInt64, math.MaxInt64}, []int64{math.MaxInt64}},
		{"ReduceProd", []int64{large, 3}, []int64{3 * large}},
		{"ReduceL1", []int64{-large, 3}, []int64{large + 3}},
		{"ReduceSumSquare", []int64{94906267, 2}, []int64{94906267*94906267 + 4}},
		{"ReduceL2", []int64{3, -4}, []int64{5}},
	} {
		if got := apply(t, c.op, 13, nil, 1, of(c.in...))[0].I64(); len(got) != 1 || got[0] != c.want[0] {
			t.Errorf("%s of %v: %v, want %v", c.op, c.in, got, c.want)
		}
	}
	scalar := func(v int64) *Value { return &Value{DType: tensor.Int64, Const: tensor.From([]int64{v})} }
	for _, c := range []struct {
		lo, hi, by int64
		want       []int64
	}{
		{large, large + 5, 2, []int64{large, large + 2, large + 4}},
		{large, large - 2, -1, []int64{large, large - 1}},
		{3, 3, 1, nil}, {3, 9, -1, nil}, {9, 3, 2, nil}, {0, 1, 5, []int64{0}}, {0, -1, -5, []int64{0}},
	} {
		n, err := build("Range", 11, nil, 1, scalar(c.lo), scalar(c.hi), scalar(c.by))
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate(t, []*Node{n}, map[*Value]*tensor.Tensor{})[n.Out[0]].I64()
		if len(got) != len(c.want) {
			t.Errorf("from %d to %d by %d: %v, want %v", c.lo, c.hi, c.by, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("from %d to %d by %d: %v, want %v", c.lo, c.hi, c.by, got, c.want)
			}
		}
	}
	if _, err := build("Range", 11, nil, 1, scalar(math.MinInt64), scalar(math.MaxInt64), scalar(1)); err == nil {
		t.Error("a range of 2^64 numbers")
	}
}

// An index that only a run knows to be out of range ends it, as a constant one does.
func TestPlacesOutOfRange(t *testing.T) {
	data, updates := wave(tensor.Float32, 2, 3), wave(tensor.Float32, 1, 2)
	for _, c := range []struct {
		op      string
		index   *tensor.Tensor
		updates *tensor.Tensor
	}{
		{"GatherElements", tensor.From([]int64{0, 3}, 1, 2), nil},
		{"GatherElements", tensor.From([]int32{0, -4}, 1, 2), nil},
		{"GatherND", tensor.From([]int64{0, 3}, 1, 2), nil},
		{"ScatterElements", tensor.From([]int32{3, 0}, 1, 2), updates},
		{"ScatterND", tensor.From([]int64{2, 0}, 1, 2), tensor.From([]float32{7}, 1)},
	} {
		pool := parallel.New(1)
		in := []*tensor.Tensor{data, c.index}
		if c.updates != nil {
			in = append(in, c.updates)
		}
		attrs := Attrs{"axis": int64(1)}
		if strings.HasSuffix(c.op, "ND") {
			attrs = nil
		}
		var values, known []*Value
		for i, x := range in {
			values, known = append(values, input(x)), append(known, input(x))
			if i == 1 {
				known[i].Const = x
			}
		}
		if _, err := build(c.op, 13, attrs, 1, known...); err == nil || !strings.Contains(err.Error(), "out of range") {
			t.Errorf("%s of a constant index %v: error %v", c.op, c.index.Bytes(), err)
		}
		n, err := build(c.op, 13, attrs, 1, values...)
		if err != nil {
			t.Fatal(err)
		}
		var fault error
		e := NewEnv(pool, new(Scratch), in, []*tensor.Tensor{tensor.New(tensor.Float32, n.Out[0].Shape...)})
		e.Fault = &fault
		run, err := n.Def.Bind(n, e)
		if err != nil {
			t.Fatal(err)
		}
		if run(); fault == nil || !strings.Contains(fault.Error(), "out of range") {
			t.Errorf("%s: fault %v", c.op, fault)
		}
		pool.Close()
	}
}

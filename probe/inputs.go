package probe

import (
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/fault"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
)

// Image is a sample that is one image, or vector, for a model's lone input.
func Image(shape []int) []dataset.Array { return []dataset.Array{{Shape: shape}} }

// inputs are those of a model and the arrays of a sample that they take.
type inputs struct {
	arrays []dataset.Array // by the names of the model's inputs, in the order of a sample's elements
	shapes map[string][]int
	batch  int
	lone   bool // one input of floats or bytes, which takes images or vectors
	float  bool // and it is of floats: a layer
	exact  bool // of no fewer bits than float32
	mask   int  // which of the arrays says what tokens are no padding; -1: none
}

// inputsOf finds the inputs of a model and their shapes for samples of the given arrays,
// or of the model's own shapes, if nil. A batch that the model fixes stays.
func inputsOf(m *onnx.Model, batch int, sample []dataset.Array) (*inputs, error) {
	all := m.Inputs()
	in := &inputs{mask: -1, lone: len(all) == 1 && dataset.FeedsOn(all[0].DType())}
	in.float = in.lone && all[0].DType().IsFloat()
	in.exact = in.lone && (all[0].DType() == tensor.Float32 || all[0].DType() == tensor.Float64)
	if len(sample) == 1 && len(all) == 1 && (sample[0].Name == "" || sample[0].Name == all[0].Name) {
		sample = []dataset.Array{{Name: all[0].Name, Shape: sample[0].Shape, Integer: sample[0].Integer}}
	}
	given := map[string][]int{}
	for _, a := range sample {
		i := slices.IndexFunc(all, func(v onnx.Value) bool { return v.Name == a.Name })
		if i < 0 {
			return nil,
				fault.Errorf("", "the model has inputs %v, and none that takes the array %q; extract --input feeds others", all,
					a.Name)
		}
		if a.Shape == nil && !a.Integer && len(all) == 1 {
			continue // the model's own
		}
		given[a.Name] = slices.Concat([]int{batch}, a.Shape)
		if v := all[i]; v.Ranked && len(v.Shape) > 0 && v.Shape[0].Size > 0 {
			given[a.Name][0] = v.Shape[0].Size
		}
	}
	for _, v := range all {
		if sample != nil && !slices.ContainsFunc(sample, func(a dataset.Array) bool { return a.Name == v.Name }) {
			return nil, fault.Errorf("", "no array for the model's input %v; extract --input feeds it", v)
		}
	}
	var err error
	if in.shapes, err = m.InputShapes(batch, given); err != nil {
		return nil, err
	}
	return in, in.arrange(all, sample)
}

// InputTensors are those that a model is inferred with for samples of the given arrays, and
// the size of their batch, which the model may fix.
func InputTensors(m *onnx.Model, batch int, sample []dataset.Array) (int, map[string]*tensor.Tensor, error) {
	in, err := inputsOf(m, batch, sample)
	if err != nil {
		return 0, nil, err
	}
	tensors, err := m.InputTensors(in.batch, in.shapes)
	return in.batch, tensors, err
}

// arrange puts the inputs in the order of a sample, and holds them to one batch.
func (in *inputs) arrange(all []onnx.Value, sample []dataset.Array) error {
	if len(all) == 0 {
		return fault.Errorf("", "the model has no inputs")
	}
	in.arrays = slices.Clone(sample)
	if sample == nil {
		for _, v := range all {
			in.arrays = append(in.arrays, dataset.Array{Name: v.Name, Integer: !v.DType().IsFloat()})
		}
	}
	for i := range in.arrays {
		a := &in.arrays[i]
		s := in.shapes[a.Name]
		if len(s) < 1 || in.lone && len(s) < 2 || tensor.Len(s) < 1 {
			return fault.Errorf("", "input %q has shape %v, want a batch of samples", a.Name, s)
		}
		if i == 0 {
			in.batch = s[0]
		}
		if s[0] != in.batch {
			return fault.Errorf("", "input %q has shape %v, want a batch of %d as the input %q has", a.Name, s, in.batch,
				in.arrays[0].Name)
		}
		a.Shape = s[1:]
		if in.isMask(a.Name) && a.Integer && len(a.Shape) == 1 && (in.mask < 0 || a.Name == "attention_mask") {
			in.mask = i
		}
	}
	return nil
}

// isMask tells by the name of an input whether it says what of the others counts, if there
// are others: it is no data that flow through the network.
func (in *inputs) isMask(name string) bool {
	called := func(name string) bool { return strings.Contains(strings.ToLower(name), "mask") }
	return called(name) && slices.ContainsFunc(in.arrays, func(a dataset.Array) bool { return !called(a.Name) })
}

// first is the first input that is no mask: that which the network is said to take.
func (in *inputs) first() string {
	for _, a := range in.arrays {
		if !in.isMask(a.Name) {
			return a.Name
		}
	}
	return in.arrays[0].Name
}

// size is the number of elements of a sample.
func (in *inputs) size() int {
	n := 0
	for _, a := range in.arrays {
		n += tensor.Len(a.Shape)
	}
	return n
}

// maskOf is the mask in the elements of a sample; nil without one.
func (in *inputs) maskOf(row []float32) []float32 {
	if in.mask < 0 {
		return nil
	}
	for _, a := range in.arrays[:in.mask] {
		row = row[tensor.Len(a.Shape):]
	}
	return row[:in.arrays[in.mask].Shape[0]]
}

// tensors describe the inputs of a plan for batches of another size, or of in.batch. They
// have no elements, so that none becomes part of the plan.
func (in *inputs) tensors(m *onnx.Model, batch int) map[string]*tensor.Tensor {
	out := map[string]*tensor.Tensor{}
	for _, v := range m.Inputs() {
		out[v.Name] = &tensor.Tensor{DType: v.DType(), Shape: slices.Concat([]int{batch}, in.shapes[v.Name][1:])}
	}
	return out
}

// feed is what samples are written to, of a session for batches of a size.
func (in *inputs) feed(m *onnx.Model, s engine.Session, batch int, normalized bool) (*dataset.Feed, error) {
	var f *dataset.Feed
	var err error
	if in.lone {
		f, err = dataset.NewFeed(s.Input(in.arrays[0].Name), normalized)
	} else {
		var parts []*tensor.Tensor
		for _, a := range in.arrays {
			parts = append(parts, s.Input(a.Name))
		}
		f, err = dataset.NewArrayFeed(batch, in.arrays, parts)
	}
	if err != nil {
		return nil, fault.Errorf(m.Name(), "input %q: %w", in.first(), err)
	}
	return f, nil
}

// checkMask wants 0 and 1 alone of the mask, and a token that is no padding in every sample
// of a split.
func (in *inputs) checkMask(what string, s Split) error {
	if in.mask < 0 || s == nil {
		return nil
	}
	row := make([]float32, in.size())
	for i := range s.N() {
		s.Float32(row, i)
		if j := slices.IndexFunc(in.maskOf(row), func(v float32) bool { return v != 0 && v != 1 }); j >= 0 {
			return fault.Errorf("", "%s sample %d: %q, which is taken as the mask by its name, holds %v, want 0 and 1 alone",
				what, i, in.arrays[in.mask].Name, in.maskOf(row)[j])
		}
		if !slices.ContainsFunc(in.maskOf(row), func(v float32) bool { return v != 0 }) {
			return fault.Errorf("", "%s sample %d: %q is 0 throughout, want a token that is no padding", what, i,
				in.arrays[in.mask].Name)
		}
	}
	return nil
}

// String is the names and shapes of the arrays.
func (in *inputs) String() string { return fmt.Sprint(in.arrays) }

package onnxtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// NodeCase is a case of ONNX's backend tests: a folder with model.onnx and, in
// test_data_set_K, input_J.pb and the output_J.pb that they give.
type NodeCase struct{ Dir string }

// NodeCases returns the cases in a folder, by name.
func NodeCases(dir string) ([]NodeCase, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*", "model.onnx"))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s: no case in it", dir)
	}
	cases := make([]NodeCase, len(found))
	for i, f := range found {
		cases[i] = NodeCase{filepath.Dir(f)}
	}
	return cases, err
}

func (c NodeCase) String() string { return filepath.Base(c.Dir) }

// Run evaluates the case's data sets and compares every output: element type,
// shape, integers exactly, floats as tolerance says. Operands that the engine
// wants to know beforehand are given as initialisers, as exporters write them.
func (c NodeCase) Run() error {
	sets, err := filepath.Glob(filepath.Join(c.Dir, "test_data_set_*"))
	if err != nil || len(sets) == 0 {
		return fmt.Errorf("%s: no test_data_set: %v", c, err)
	}
	for _, set := range sets {
		m, err := onnx.Load(filepath.Join(c.Dir, "model.onnx"))
		if err != nil {
			return err
		}
		if err := runSet(m, set); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(set), err)
		}
	}
	return nil
}

func runSet(m *onnx.Model, dir string) error {
	given, err := values(dir, "input", m.Inputs())
	if err != nil {
		return err
	}
	want, err := values(dir, "output", m.Outputs())
	if err != nil {
		return err
	}
	inputs, others := map[string]*tensor.Tensor{}, map[string]ops.Data{}
	for _, v := range m.Inputs() {
		if t, ok := given[v.Name].(*tensor.Tensor); ok && v.Kind == onnx.IsTensor {
			inputs[v.Name] = t
		} else if given[v.Name] != nil {
			others[v.Name] = given[v.Name]
		}
	}
	s, err := m.Compile(engine.Options{Inputs: inputs, Values: others})
	if _, unfit := errors.AsType[engine.Problems](err); unfit && len(inputs) > 1 {
		fixed, ferr := fix(m, inputs)
		if ferr != nil {
			return errors.Join(err, ferr)
		}
		s, err = fixed.Compile(engine.Options{Inputs: inputs, Values: others})
	}
	if err != nil {
		return err
	}
	for name, t := range inputs {
		if in := s.Input(name); in != nil {
			in.Copy(t)
		}
	}
	if err := s.Run(context.Background(), nil); err != nil {
		return err
	}
	for name, w := range want {
		if err := same(engine.Value(s, name), w, tolerance(m, name)); err != nil {
			return fmt.Errorf("output %q: %w", name, err)
		}
	}
	return nil
}

// values reads what a data set gives for the model's inputs or outputs, in
// their order; optional ones at the end may be missing.
func values(dir, what string, list []onnx.Value) (map[string]ops.Data, error) {
	out := map[string]ops.Data{}
	for i, v := range list {
		file := filepath.Join(dir, fmt.Sprintf("%s_%d.pb", what, i))
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			continue
		}
		d, err := onnx.ReadValue(file, v.Kind)
		if err != nil {
			return nil, err
		}
		out[v.Name] = d
	}
	if what == "output" && len(out) == 0 {
		return nil, fmt.Errorf("%s: no output", dir)
	}
	return out, nil
}

// fix returns the model with all inputs but the first as initialisers.
func fix(m *onnx.Model, inputs map[string]*tensor.Tensor) (*onnx.Model, error) {
	p := m.Proto()
	for _, v := range m.Inputs()[1:] {
		t := inputs[v.Name]
		if t == nil {
			continue
		}
		p.Graph.Initializer = append(p.Graph.Initializer, onnx.EncodeTensor(v.Name, t))
		p.Graph.Input = slices.DeleteFunc(p.Graph.Input, func(i *onnxpb.ValueInfoProto) bool { return i.GetName() == v.Name })
		delete(inputs, v.Name)
	}
	return onnx.FromProto(p)
}

// tolerance is the fraction of an output's scale by which float32 results may
// differ from the expected ones, which NumPy computed, some in float64; float16
// rounds to 11 bits, bfloat16 to 8.
func tolerance(m *onnx.Model, output string) float64 {
	for _, v := range m.Outputs() {
		if v.Name == output {
			switch v.Elem {
			case onnxpb.TensorProto_FLOAT16:
				return 1e-3
			case onnxpb.TensorProto_BFLOAT16:
				return 8e-3
			}
		}
	}
	return 1e-5
}

// same compares a result with what was expected, floats to a fraction of its scale.
func same(got, want ops.Data, rel float64) error {
	switch w := want.(type) {
	case *tensor.Tensor:
		t, _ := got.(*tensor.Tensor)
		return sameTensor(t, w, rel)
	case *ops.Sequence:
		g, ok := got.(*ops.Sequence)
		if !ok || len(g.Items) != len(w.Items) {
			return fmt.Errorf("is %s %v, want a sequence of %d tensors", ops.KindOf(got), got, len(w.Items))
		}
		for i := range w.Items {
			if err := sameTensor(g.Items[i], w.Items[i], rel); err != nil {
				return fmt.Errorf("tensor %d: %w", i, err)
			}
		}
		return nil
	}
	if got != want {
		return fmt.Errorf("is %s, want %s", ops.KindOf(got), ops.KindOf(want))
	}
	return nil
}

func sameTensor(got, want *tensor.Tensor, rel float64) error {
	if err := fits(got, want); err != nil || want.Len() == 0 {
		return err
	}
	switch want.DType {
	case tensor.Float32:
		return tol.Scaled(got.F32(), want.F32(), rel)
	case tensor.Float64:
		return tol.Scaled(got.F64(), want.F64(), rel)
	}
	return nil
}

// fits compares the type and shape of a result with those expected, and elements that
// are not floats.
func fits(got, want *tensor.Tensor) error {
	switch {
	case got == nil:
		return errors.New("not computed")
	case got.DType != want.DType:
		return fmt.Errorf("is of type %v, want %v", got.DType, want.DType)
	case !slices.Equal(got.Shape, want.Shape):
		return fmt.Errorf("has shape %v, want %v", got.Shape, want.Shape)
	}
	if size := want.DType.Size(); !want.DType.IsFloat() {
		for i := range want.Len() {
			if !bytes.Equal(got.Bytes()[i*size:][:size], want.Bytes()[i*size:][:size]) {
				return fmt.Errorf("element %d is %v, want %v", i, got.Number(i), want.Number(i))
			}
		}
	}
	return nil
}

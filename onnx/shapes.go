package onnx

import (
	"errors"

	"memprobe/internal/tensor"
)

// ErrNotAsked is in an error about a size of an input that the file leaves open and the
// caller does not give.
var ErrNotAsked = errors.New("none was asked for")

// maxElements bounds the elements of one input: 2^40.
const maxElements = 1 << 40

// InputShapes returns the shape of every input. A shape that the caller gives
// must fit the file's: its rank, its fixed sizes, and one size for each symbol.
// Of the others, a first dimension that is not fixed is the batch; any further
// one must have a symbol that a given shape has bound.
func (m *Model) InputShapes(batch int, given map[string][]int) (map[string][]int, error) {
	inputs := m.Inputs()
	symbols := map[string]int{}
	shapes := make(map[string][]int, len(inputs))
	for _, v := range inputs {
		if s, ok := given[v.Name]; ok {
			if err := m.fit(v, s, symbols); err != nil {
				return nil, err
			}
			shapes[v.Name] = s
		}
	}
	for name := range given {
		if _, ok := shapes[name]; !ok {
			return nil, m.errorf("no input %q; inputs are %v", name, inputs)
		}
	}
	for _, v := range inputs {
		if _, ok := shapes[v.Name]; ok {
			continue
		}
		s, err := m.complete(v, batch, symbols)
		if err != nil {
			return nil, err
		}
		shapes[v.Name] = s
	}
	return shapes, nil
}

// fit checks a given shape against the file's and binds its symbols.
func (m *Model) fit(v Value, s []int, symbols map[string]int) error {
	total := 1
	for _, size := range s {
		if size < 0 || size > 0 && total > maxElements/size {
			return m.errorf("input %q cannot have shape %v", v.Name, s)
		}
		total *= max(size, 1)
	}
	if !v.Ranked {
		return nil
	}
	if len(s) != len(v.Shape) {
		return m.errorf("input %q has shape %v, want %v", v.Name, s, v.Shape)
	}
	for i, d := range v.Shape {
		if d.Size >= 0 && d.Size != s[i] {
			return m.errorf("input %q has shape %v, want %v", v.Name, s, v.Shape)
		}
		if d.Size >= 0 || d.Param == "" {
			continue
		}
		if bound, ok := symbols[d.Param]; ok && bound != s[i] {
			return m.errorf("input %q has shape %v, want %v with %s = %d", v.Name, s, v.Shape, d.Param, bound)
		}
		symbols[d.Param] = s[i]
	}
	return nil
}

// complete returns the file's shape of an input, what is open filled in.
func (m *Model) complete(v Value, batch int, symbols map[string]int) ([]int, error) {
	if !v.Ranked {
		return nil, m.errorf("input %q: the file gives no shape, and %w", v.Name, ErrNotAsked)
	}
	s := make([]int, len(v.Shape))
	for i, d := range v.Shape {
		bound, ok := symbols[d.Param]
		switch {
		case d.Size >= 0:
			s[i] = d.Size
		case ok && d.Param != "":
			s[i] = bound
		case i == 0:
			s[i] = batch
		default:
			return nil, m.errorf("input %q: size %d of %v is not fixed, and %w", v.Name, i, v.Shape, ErrNotAsked)
		}
	}
	return s, m.fit(v, s, symbols)
}

// InputTensors returns a tensor for every input, as engine.Options.Inputs wants
// them: of the shapes that InputShapes gives, without elements where they are
// floats or bytes, which decide no shapes, zero otherwise.
func (m *Model) InputTensors(batch int, given map[string][]int) (map[string]*tensor.Tensor, error) {
	shapes, err := m.InputShapes(batch, given)
	if err != nil {
		return nil, err
	}
	tensors := make(map[string]*tensor.Tensor, len(shapes))
	for _, v := range m.Inputs() {
		if d := v.DType(); d.IsFloat() || d == tensor.Uint8 {
			tensors[v.Name] = &tensor.Tensor{DType: v.DType(), Shape: shapes[v.Name]}
			continue
		}
		if n := tensor.Len(shapes[v.Name]); v.DType() == tensor.Invalid || n > 1<<24 {
			return nil, m.errorf("input %v cannot be made up", v)
		}
		tensors[v.Name] = tensor.New(v.DType(), shapes[v.Name]...)
	}
	return tensors, nil
}

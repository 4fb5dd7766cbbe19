package onnxtest

import (
	"context"
	"fmt"

	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/onnx/ops"
)

// Reference is a backend that evaluates every node for itself, on one thread and in
// memory of its own: slow, with nothing fused, viewed or written in place. Others can be
// compared with it.
type Reference struct{}

// Compile implements onnx.Backend.
func (Reference) Compile(m *onnx.Model, o engine.Options) (engine.Session, error) {
	g, err := m.Graph()
	if err != nil {
		return nil, err
	}
	values, err := m.Infer(g, o.Inputs)
	if err != nil {
		return nil, err
	}
	if o.Outputs == nil {
		for _, v := range m.Outputs() {
			o.Outputs = append(o.Outputs, v.Name)
		}
	}
	s := &reference{inputs: map[string]*tensor.Tensor{}, fed: map[*ops.Value]*tensor.Tensor{},
		outputs: map[string]*ops.Value{}}
	for name, in := range o.Inputs {
		if v := values[name]; v != nil && v.Const == nil {
			s.inputs[name] = tensor.New(v.DType, v.Shape...)
			if s.fed[v] = s.inputs[name]; in.Filled() {
				s.inputs[name].Copy(in)
			}
		}
	}
	find := func(name string) (*ops.Value, error) {
		if values[name] == nil {
			return nil, fmt.Errorf("the graph has no tensor %q", name)
		}
		return values[name], nil
	}
	for _, name := range o.Outputs {
		if s.outputs[name], err = find(name); err != nil {
			return nil, err
		}
	}
	for _, name := range o.Taps {
		v, err := find(name)
		if err != nil {
			return nil, err
		}
		s.tapped = append(s.tapped, v)
		s.taps = append(s.taps, engine.Tap{Name: name, DType: v.DType, Shape: v.Shape})
	}
	return s, nil
}

// reference is a session of Reference.
type reference struct {
	inputs  map[string]*tensor.Tensor
	fed     map[*ops.Value]*tensor.Tensor
	outputs map[string]*ops.Value
	taps    []engine.Tap
	tapped  []*ops.Value
	data    map[*ops.Value]*tensor.Tensor // of the last run
}

func (s *reference) Taps() []engine.Tap                { return s.taps }
func (s *reference) Input(name string) *tensor.Tensor  { return s.inputs[name] }
func (s *reference) Output(name string) *tensor.Tensor { return s.data[s.outputs[name]] }

// Memory counts the results of the last run.
func (s *reference) Memory() (m engine.Memory) {
	for _, t := range s.data {
		m.Arena += len(t.Bytes())
	}
	return m
}

func (s *reference) Run(ctx context.Context, visit func(tap int, t *tensor.Tensor)) error {
	s.data = map[*ops.Value]*tensor.Tensor{}
	for v, t := range s.fed {
		s.data[v] = t.Clone()
	}
	for _, v := range s.outputs {
		if err := s.compute(ctx, v); err != nil {
			return err
		}
	}
	for i, v := range s.tapped {
		if err := s.compute(ctx, v); err != nil {
			return err
		}
		if visit != nil {
			visit(i, s.data[v])
		}
	}
	return nil
}

// compute evaluates a value, after the operands of the node that yields it.
func (s *reference) compute(ctx context.Context, v *ops.Value) error {
	switch {
	case s.data[v] != nil:
		return nil
	case v.Const != nil:
		s.data[v] = v.Const
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, operand := range v.Producer.In {
		if operand == nil {
			continue
		}
		if err := s.compute(ctx, operand); err != nil {
			return err
		}
	}
	return evaluateNode(v.Producer, s.data)
}

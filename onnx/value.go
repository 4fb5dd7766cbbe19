package onnx

import (
	"fmt"
	"strings"

	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// Dim is one dimension of a value: a size, or a symbol that a run binds.
type Dim struct {
	Size  int    // -1 where it is not fixed
	Param string // the symbol's name, if it has one
}

func (d Dim) String() string {
	switch {
	case d.Size >= 0:
		return fmt.Sprint(d.Size)
	case d.Param != "":
		return d.Param
	}
	return "?"
}

// Value is an input, output or annotated tensor of a graph, as the file has it.
type Value struct {
	Name   string
	Elem   DataType
	Shape  []Dim
	Ranked bool // the file gives a shape, perhaps that of a scalar
	Kind   Kind
}

// Kind says what a value is: a tensor, or something that holds tensors.
type Kind string

// The kinds.
const (
	IsTensor   Kind = ""
	IsSequence Kind = "sequence"
	IsOptional Kind = "optional" // a tensor, a sequence or nothing
)

// DType is the element type that memprobe computes with.
func (v Value) DType() tensor.DType { return DType(v.Elem) }

func (v Value) String() string {
	if v.Kind != IsTensor {
		return fmt.Sprintf("%s: %s of %v", v.Name, v.Kind, v.Elem)
	}
	if !v.Ranked {
		return fmt.Sprintf("%s: %v of unknown shape", v.Name, v.Elem)
	}
	s := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		s[i] = d.String()
	}
	return fmt.Sprintf("%s: %v [%s]", v.Name, v.Elem, strings.Join(s, ","))
}

// Inputs returns the graph's inputs that are not initialisers.
func (m *Model) Inputs() []Value {
	var in []Value
	for _, v := range m.proto.Graph.Input {
		if !m.IsInitializer(v.GetName()) {
			in = append(in, value(v))
		}
	}
	return in
}

// Outputs returns the graph's outputs.
func (m *Model) Outputs() []Value { return values(m.proto.Graph.Output) }

// ValueInfo returns what the file says about tensors inside the graph.
func (m *Model) ValueInfo() []Value { return values(m.proto.Graph.ValueInfo) }

func values(infos []*onnxpb.ValueInfoProto) []Value {
	out := make([]Value, len(infos))
	for i, v := range infos {
		out[i] = value(v)
	}
	return out
}

func value(v *onnxpb.ValueInfoProto) Value {
	t, kind := innermost(v.GetType())
	out := Value{Name: v.GetName(), Elem: DataType(t.GetElemType()), Kind: kind}
	shape := t.GetShape()
	if shape == nil || kind != IsTensor {
		return out
	}
	out.Ranked, out.Shape = true, make([]Dim, len(shape.Dim))
	for i, d := range shape.Dim {
		out.Shape[i] = Dim{Size: -1, Param: d.GetDimParam()}
		if s, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && s.DimValue >= 0 && s.DimValue <= 1<<31 {
			out.Shape[i].Size = int(s.DimValue)
		}
	}
	return out
}

// innermost returns the type of the tensors that a value is or holds, nil for maps and
// others, and its kind.
func innermost(t *onnxpb.TypeProto) (*onnxpb.TypeProto_Tensor, Kind) {
	kind := IsTensor
	for range maxHolders {
		switch v := t.GetValue().(type) {
		case *onnxpb.TypeProto_TensorType:
			return v.TensorType, kind
		case *onnxpb.TypeProto_SequenceType:
			t = v.SequenceType.GetElemType()
			if kind == IsTensor {
				kind = IsSequence
			}
		case *onnxpb.TypeProto_OptionalType:
			t, kind = v.OptionalType.GetElemType(), IsOptional
		default:
			return nil, kind
		}
	}
	return nil, kind
}

// maxHolders is how deep the type of a value may nest: a tensor in a sequence in an
// optional.
const maxHolders = 3

package onnx

import (
	"errors"
	"fmt"

	"memprobe/internal/onnxpb"
)

// AttributeType is a type of attribute of the file format.
type AttributeType = onnxpb.AttributeProto_AttributeType

// contents returns the types of which an attribute holds something.
func contents(a *onnxpb.AttributeProto) []AttributeType {
	var held []AttributeType
	for _, f := range []struct {
		present bool
		typ     AttributeType
	}{
		{a.F != nil, onnxpb.AttributeProto_FLOAT},
		{a.I != nil, onnxpb.AttributeProto_INT},
		{a.S != nil, onnxpb.AttributeProto_STRING},
		{a.T != nil, onnxpb.AttributeProto_TENSOR},
		{a.G != nil, onnxpb.AttributeProto_GRAPH},
		{a.SparseTensor != nil, onnxpb.AttributeProto_SPARSE_TENSOR},
		{a.Tp != nil, onnxpb.AttributeProto_TYPE_PROTO},
		{len(a.Floats) > 0, onnxpb.AttributeProto_FLOATS},
		{len(a.Ints) > 0, onnxpb.AttributeProto_INTS},
		{len(a.Strings) > 0, onnxpb.AttributeProto_STRINGS},
		{len(a.Tensors) > 0, onnxpb.AttributeProto_TENSORS},
		{len(a.Graphs) > 0, onnxpb.AttributeProto_GRAPHS},
		{len(a.SparseTensors) > 0, onnxpb.AttributeProto_SPARSE_TENSORS},
		{len(a.TypeProtos) > 0, onnxpb.AttributeProto_TYPE_PROTOS},
	} {
		if f.present {
			held = append(held, f.typ)
		}
	}
	return held
}

// attributeType returns what an attribute claims to be. Before IR version 2
// attributes do not say; their contents do.
func attributeType(a *onnxpb.AttributeProto, ir int64) AttributeType {
	if held := contents(a); a.Type == nil && ir < 2 && len(held) == 1 {
		return held[0]
	}
	return a.GetType()
}

// checkAttribute checks that an attribute holds what its type says and nothing
// else. Writers may leave out a zero, an empty string and an empty list.
func checkAttribute(a *onnxpb.AttributeProto, ir int64) error {
	if a.GetName() == "" {
		return errors.New("has no name")
	}
	if a.GetRefAttrName() != "" {
		return errors.New("refers to an attribute of a function, outside of one")
	}
	typ := attributeType(a, ir)
	if typ == onnxpb.AttributeProto_UNDEFINED {
		return errors.New("has no type, or one that is not known")
	}
	for _, held := range contents(a) {
		if held != typ {
			return fmt.Errorf("is of type %v but holds %v", typ, held)
		}
	}
	switch {
	case typ == onnxpb.AttributeProto_TENSOR && a.T == nil,
		typ == onnxpb.AttributeProto_GRAPH && a.G == nil:
		return fmt.Errorf("is of type %v but holds none", typ)
	}
	return nil
}

// attributes converts a node's attributes to int64, float32, string, slices of
// them, and *tensor.Tensor. What cannot be converted is left out and reported.
func (m *Model) attributes(n *onnxpb.NodeProto) (map[string]any, []error) {
	attrs := make(map[string]any, len(n.Attribute))
	var errs []error
	for _, a := range n.Attribute {
		if isBody(n, a) {
			continue
		}
		v, err := m.attribute(a)
		if err != nil {
			err = fmt.Errorf("attribute %q: %w", a.GetName(), err)
			errs = append(errs, &Error{File: m.name, Node: label(n), Op: n.GetOpType(), Err: err})
			continue
		}
		attrs[a.GetName()] = v
	}
	return attrs, errs
}

func (m *Model) attribute(a *onnxpb.AttributeProto) (any, error) {
	switch typ := attributeType(a, m.IRVersion()); typ {
	case onnxpb.AttributeProto_FLOAT:
		return a.GetF(), nil
	case onnxpb.AttributeProto_INT:
		return a.GetI(), nil
	case onnxpb.AttributeProto_STRING:
		return string(a.GetS()), nil
	case onnxpb.AttributeProto_FLOATS:
		return append([]float32{}, a.Floats...), nil
	case onnxpb.AttributeProto_INTS:
		return append([]int64{}, a.Ints...), nil
	case onnxpb.AttributeProto_STRINGS:
		s := make([]string, len(a.Strings))
		for i, b := range a.Strings {
			s[i] = string(b)
		}
		return s, nil
	case onnxpb.AttributeProto_TENSOR:
		if a.T == nil {
			return nil, errors.New("holds no tensor")
		}
		return DecodeTensor(a.T, m.dir)
	case onnxpb.AttributeProto_TYPE_PROTO:
		if a.Tp == nil {
			return nil, errors.New("holds no type")
		}
		return a.Tp, nil
	case onnxpb.AttributeProto_GRAPH, onnxpb.AttributeProto_GRAPHS:
		return nil, errors.New("subgraphs are not supported")
	default:
		return nil, fmt.Errorf("type %v is not supported", typ)
	}
}

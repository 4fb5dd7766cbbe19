package onnx

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"memprobe/internal/fault"
	"memprobe/internal/memory"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
	"memprobe/onnx/ops"
)

// Fields of SequenceProto and OptionalProto (onnx-data.proto), which hold a kind of
// element and the elements of that kind.
const (
	fieldKind     = 2
	fieldTensor   = 3
	fieldSequence = 5

	kindUndefined = 0
	kindTensor    = 1
	kindSequence  = 3
)

// ReadValue reads a file that holds one TensorProto, SequenceProto or OptionalProto, by
// kind, as ONNX's test data do.
func ReadValue(path string, kind Kind) (ops.Data, error) {
	if kind == IsTensor {
		_, t, err := ReadTensor(path)
		return t, err
	}
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	decode := decodeSequence
	if kind == IsOptional {
		decode = decodeOptional
	}
	d, err := decode(data)
	if err != nil {
		return nil, fault.Errorf(path, "not an ONNX %s: %w", kind, err)
	}
	return d, nil
}

// held is what a SequenceProto or OptionalProto holds.
type held struct {
	kind               uint64
	tensors, sequences [][]byte
}

func decodeHeld(data []byte) (held, error) {
	var h held
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return h, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(num, typ, data[n:])
		if size < 0 {
			return h, protowire.ParseError(size)
		}
		field := data[n : n+size]
		switch {
		case num == fieldKind && typ == protowire.VarintType:
			h.kind, _ = protowire.ConsumeVarint(field)
		case num == fieldTensor && typ == protowire.BytesType:
			b, _ := protowire.ConsumeBytes(field)
			h.tensors = append(h.tensors, b)
		case num == fieldSequence && typ == protowire.BytesType:
			b, _ := protowire.ConsumeBytes(field)
			h.sequences = append(h.sequences, b)
		}
		data = data[n+size:]
	}
	return h, nil
}

func decodeSequence(data []byte) (ops.Data, error) {
	h, err := decodeHeld(data)
	if err != nil {
		return nil, err
	}
	if h.kind != kindTensor && (h.kind != kindUndefined || len(h.sequences) > 0) {
		return nil, fmt.Errorf("its elements are no tensors but of kind %d", h.kind)
	}
	s := &ops.Sequence{}
	for i, b := range h.tensors {
		t, err := decodeElement(b)
		if err != nil {
			return nil, fmt.Errorf("tensor %d: %w", i, err)
		}
		if i > 0 && t.DType != s.DType {
			return nil, fmt.Errorf("tensor %d is %v, the first %v", i, t.DType, s.DType)
		}
		s.DType, s.Items = t.DType, append(s.Items, t)
	}
	return s, nil
}

func decodeOptional(data []byte) (ops.Data, error) {
	h, err := decodeHeld(data)
	switch {
	case err != nil:
		return nil, err
	case len(h.tensors)+len(h.sequences) > 1:
		return nil, errors.New("holds more than one value")
	case h.kind == kindTensor && len(h.tensors) == 1:
		return decodeElement(h.tensors[0])
	case h.kind == kindSequence && len(h.sequences) == 1:
		return decodeSequence(h.sequences[0])
	case len(h.tensors)+len(h.sequences) == 0:
		return ops.Nothing{}, nil
	}
	return nil, fmt.Errorf("its value is not of its kind, %d", h.kind)
}

func decodeElement(b []byte) (*tensor.Tensor, error) {
	p := new(onnxpb.TensorProto)
	if err := memory.Need("its parts", footprint(b, p.ProtoReflect().Descriptor(), maxNesting)); err != nil {
		return nil, err
	}
	if err := proto.Unmarshal(b, p); err != nil {
		return nil, err
	}
	return DecodeTensor(p, "")
}

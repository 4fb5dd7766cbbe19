package onnxgo

import (
	"fmt"
	"slices"

	gtensor "gorgonia.org/tensor"

	"memprobe/internal/tensor"
)

// kinds are the element types that both sides have.
var kinds = map[tensor.DType]kind{
	tensor.Float32: kindOf[float32](), tensor.Float64: kindOf[float64](), tensor.Bool: kindOf[bool](),
	tensor.Int8: kindOf[int8](), tensor.Int16: kindOf[int16](), tensor.Int32: kindOf[int32](),
	tensor.Int64: kindOf[int64](), tensor.Uint8: kindOf[uint8](), tensor.Uint16: kindOf[uint16](),
	tensor.Uint32: kindOf[uint32](), tensor.Uint64: kindOf[uint64](),
}

// kind copies elements of one type: from what gorgonia's tensors hold, nil for another
// type's, and to it. A tensor of rank 0 is held as its element, others as a slice.
type kind struct {
	from func(data any, shape []int) (*tensor.Tensor, error)
	to   func(t *tensor.Tensor) any
}

func kindOf[T tensor.Element]() kind {
	return kind{from: func(data any, shape []int) (*tensor.Tensor, error) {
		var elements []T
		switch d := data.(type) {
		case T:
			elements = []T{d}
		case []T:
			elements = slices.Clone(d)
		default:
			return nil, nil
		}
		if len(elements) != tensor.Len(shape) {
			return nil, fmt.Errorf("%d elements for shape %v", len(elements), shape)
		}
		return tensor.From(elements, shape...), nil
	}, to: func(t *tensor.Tensor) any {
		elements := tensor.Data[T](t)
		if len(t.Shape) == 0 {
			return elements[0]
		}
		return slices.Clone(elements)
	}}
}

// fromGorgonia copies a tensor of onnx-go's contract.
func fromGorgonia(t gtensor.Tensor) (*tensor.Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("is nil")
	}
	if d, ok := t.(*gtensor.Dense); ok && d.RequiresIterator() {
		t = d.Materialize()
	}
	for _, k := range kinds {
		if own, err := k.from(t.Data(), t.Shape()); own != nil || err != nil {
			return own, err
		}
	}
	return nil, fmt.Errorf("element type %v is not supported", t.Dtype())
}

// toGorgonia copies a tensor out to onnx-go's contract; nil stays nil, as do elements of
// a type that gorgonia does not have.
func toGorgonia(t *tensor.Tensor) gtensor.Tensor {
	if t == nil || kinds[t.DType].to == nil {
		return nil
	}
	data := kinds[t.DType].to(t)
	if len(t.Shape) == 0 {
		return gtensor.New(gtensor.FromScalar(data))
	}
	return gtensor.New(gtensor.WithShape(t.Shape...), gtensor.WithBacking(data))
}

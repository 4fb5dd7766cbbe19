package onnxgo

import (
	"fmt"

	gtensor "gorgonia.org/tensor"

	"memprobe/internal/tensor"
)

// fromGorgonia copies a tensor of onnx-go's contract.
func fromGorgonia(t gtensor.Tensor) (*tensor.Tensor, error) {
	if t == nil {
		return nil, fmt.Errorf("is nil")
	}
	if d, ok := t.(*gtensor.Dense); ok && d.RequiresIterator() {
		t = d.Materialize()
	}
	shape := []int(t.Shape())
	switch d := t.Data().(type) {
	case float32:
		return tensor.From([]float32{d}, shape...), nil
	case float64:
		return tensor.From([]float64{d}, shape...), nil
	case int64:
		return tensor.From([]int64{d}, shape...), nil
	case int32:
		return tensor.From([]int32{d}, shape...), nil
	case uint8:
		return tensor.From([]uint8{d}, shape...), nil
	case bool:
		return tensor.From([]bool{d}, shape...), nil
	case []float32:
		return copied(d, shape)
	case []float64:
		return copied(d, shape)
	case []int64:
		return copied(d, shape)
	case []int32:
		return copied(d, shape)
	case []uint8:
		return copied(d, shape)
	case []bool:
		return copied(d, shape)
	}
	return nil, fmt.Errorf("element type %v is not supported", t.Dtype())
}

func copied[T tensor.Element](d []T, shape []int) (*tensor.Tensor, error) {
	if len(d) != tensor.Len(shape) {
		return nil, fmt.Errorf("%d elements for shape %v", len(d), shape)
	}
	return tensor.From(append([]T(nil), d...), shape...), nil
}

// toGorgonia copies a tensor out to onnx-go's contract; nil stays nil.
func toGorgonia(t *tensor.Tensor) gtensor.Tensor {
	if t == nil {
		return nil
	}
	t = t.Clone()
	var data any
	switch t.DType {
	case tensor.Float32:
		data = backing(t.F32(), len(t.Shape))
	case tensor.Float64:
		data = backing(t.F64(), len(t.Shape))
	case tensor.Int64:
		data = backing(t.I64(), len(t.Shape))
	case tensor.Int32:
		data = backing(t.I32(), len(t.Shape))
	case tensor.Uint8:
		data = backing(t.U8(), len(t.Shape))
	case tensor.Bool:
		data = backing(t.Bool(), len(t.Shape))
	}
	if len(t.Shape) == 0 {
		return gtensor.New(gtensor.FromScalar(data))
	}
	return gtensor.New(gtensor.WithShape(t.Shape...), gtensor.WithBacking(data))
}

func backing[T any](d []T, rank int) any {
	if rank == 0 {
		return d[0]
	}
	return d
}

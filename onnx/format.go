package onnx

import (
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// DataType is an element type of the file format.
type DataType = onnxpb.TensorProto_DataType

// formats says of each element type of the file format as what memprobe computes
// with it, and how many bits it has in raw_data.
var formats = map[DataType]struct {
	dtype tensor.DType
	bits  int
}{
	onnxpb.TensorProto_FLOAT:          {tensor.Float32, 32},
	onnxpb.TensorProto_FLOAT16:        {tensor.Float32, 16},
	onnxpb.TensorProto_BFLOAT16:       {tensor.Float32, 16},
	onnxpb.TensorProto_DOUBLE:         {tensor.Float64, 64},
	onnxpb.TensorProto_INT8:           {tensor.Int8, 8},
	onnxpb.TensorProto_INT16:          {tensor.Int16, 16},
	onnxpb.TensorProto_INT32:          {tensor.Int32, 32},
	onnxpb.TensorProto_INT64:          {tensor.Int64, 64},
	onnxpb.TensorProto_UINT8:          {tensor.Uint8, 8},
	onnxpb.TensorProto_UINT16:         {tensor.Uint16, 16},
	onnxpb.TensorProto_UINT32:         {tensor.Uint32, 32},
	onnxpb.TensorProto_UINT64:         {tensor.Uint64, 64},
	onnxpb.TensorProto_BOOL:           {tensor.Bool, 8},
	onnxpb.TensorProto_INT2:           {tensor.Int2, 2},
	onnxpb.TensorProto_INT4:           {tensor.Int4, 4},
	onnxpb.TensorProto_UINT2:          {tensor.Uint2, 2},
	onnxpb.TensorProto_UINT4:          {tensor.Uint4, 4},
	onnxpb.TensorProto_FLOAT4E2M1:     {tensor.Float4E2M1, 4},
	onnxpb.TensorProto_FLOAT8E4M3FN:   {tensor.Float8E4M3FN, 8},
	onnxpb.TensorProto_FLOAT8E4M3FNUZ: {tensor.Float8E4M3FNUZ, 8},
	onnxpb.TensorProto_FLOAT8E5M2:     {tensor.Float8E5M2, 8},
	onnxpb.TensorProto_FLOAT8E5M2FNUZ: {tensor.Float8E5M2FNUZ, 8},
	onnxpb.TensorProto_FLOAT8E8M0:     {tensor.Float8E8M0, 8},
}

// DType returns the element type that memprobe computes with for one of the
// file format, Invalid where there is none. float16 and bfloat16 become float32.
func DType(d DataType) tensor.DType { return formats[d].dtype }

// DataTypeOf returns the element type of the file format for d.
func DataTypeOf(d tensor.DType) DataType {
	if d == tensor.Float32 {
		return onnxpb.TensorProto_FLOAT
	}
	for elem, f := range formats {
		if f.dtype == d {
			return elem
		}
	}
	return onnxpb.TensorProto_UNDEFINED
}

// IsHalf reports whether d is one of the types of 16 bits that become float32.
func IsHalf(d DataType) bool {
	return d == onnxpb.TensorProto_FLOAT16 || d == onnxpb.TensorProto_BFLOAT16
}

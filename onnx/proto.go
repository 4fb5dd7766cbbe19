package onnx

import "memprobe/internal/onnxpb"

// The messages of an ONNX file, with the names, fields and numbers of its schema
// (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3). Fields are optional, so
// that scalars are pointers, as proto.String and proto.Int64 make them; fields that the
// schema gained later are kept when a file is read and written again.
type (
	AttributeProto_AttributeType        = onnxpb.AttributeProto_AttributeType
	TensorProto_DataType                = onnxpb.TensorProto_DataType
	TensorProto_DataLocation            = onnxpb.TensorProto_DataLocation
	ModelProto                          = onnxpb.ModelProto
	OperatorSetIdProto                  = onnxpb.OperatorSetIdProto
	StringStringEntryProto              = onnxpb.StringStringEntryProto
	GraphProto                          = onnxpb.GraphProto
	NodeProto                           = onnxpb.NodeProto
	AttributeProto                      = onnxpb.AttributeProto
	ValueInfoProto                      = onnxpb.ValueInfoProto
	TensorProto                         = onnxpb.TensorProto
	SparseTensorProto                   = onnxpb.SparseTensorProto
	TensorShapeProto                    = onnxpb.TensorShapeProto
	TensorProto_Segment                 = onnxpb.TensorProto_Segment
	TensorShapeProto_Dimension          = onnxpb.TensorShapeProto_Dimension
	TensorShapeProto_Dimension_DimValue = onnxpb.TensorShapeProto_Dimension_DimValue
	TensorShapeProto_Dimension_DimParam = onnxpb.TensorShapeProto_Dimension_DimParam
	TypeProto                           = onnxpb.TypeProto
	TypeProto_TensorType                = onnxpb.TypeProto_TensorType
	TypeProto_SequenceType              = onnxpb.TypeProto_SequenceType
	TypeProto_MapType                   = onnxpb.TypeProto_MapType
	TypeProto_OpaqueType                = onnxpb.TypeProto_OpaqueType
	TypeProto_SparseTensorType          = onnxpb.TypeProto_SparseTensorType
	TypeProto_OptionalType              = onnxpb.TypeProto_OptionalType
	FunctionProto                       = onnxpb.FunctionProto
	TypeProto_Tensor                    = onnxpb.TypeProto_Tensor
	TypeProto_Sequence                  = onnxpb.TypeProto_Sequence
	TypeProto_Map                       = onnxpb.TypeProto_Map
	TypeProto_Opaque                    = onnxpb.TypeProto_Opaque
	TypeProto_SparseTensor              = onnxpb.TypeProto_SparseTensor
	TypeProto_Optional                  = onnxpb.TypeProto_Optional
)

// The types of attributes. Element types of tensors are what DataTypeOf returns.
const (
	AttributeProto_FLOAT   = onnxpb.AttributeProto_FLOAT
	AttributeProto_INT     = onnxpb.AttributeProto_INT
	AttributeProto_STRING  = onnxpb.AttributeProto_STRING
	AttributeProto_TENSOR  = onnxpb.AttributeProto_TENSOR
	AttributeProto_GRAPH   = onnxpb.AttributeProto_GRAPH
	AttributeProto_FLOATS  = onnxpb.AttributeProto_FLOATS
	AttributeProto_INTS    = onnxpb.AttributeProto_INTS
	AttributeProto_STRINGS = onnxpb.AttributeProto_STRINGS
)

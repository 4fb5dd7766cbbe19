package onnx

import (
	"encoding/binary"
	"math"

	"memprobe/internal/half"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// decodeRaw reads little-endian elements; raw has exactly the bytes of l.
func decodeRaw(raw []byte, l layout) *tensor.Tensor {
	t := tensor.New(DType(l.elem), l.shape...)
	le := binary.LittleEndian
	switch l.elem {
	case onnxpb.TensorProto_FLOAT:
		for i := range t.F32 {
			t.F32[i] = math.Float32frombits(le.Uint32(raw[4*i:]))
		}
	case onnxpb.TensorProto_FLOAT16:
		for i := range t.F32 {
			t.F32[i] = half.FromF16(le.Uint16(raw[2*i:]))
		}
	case onnxpb.TensorProto_BFLOAT16:
		for i := range t.F32 {
			t.F32[i] = half.FromBF16(le.Uint16(raw[2*i:]))
		}
	case onnxpb.TensorProto_DOUBLE:
		for i := range t.F64 {
			t.F64[i] = math.Float64frombits(le.Uint64(raw[8*i:]))
		}
	case onnxpb.TensorProto_INT64:
		for i := range t.I64 {
			t.I64[i] = int64(le.Uint64(raw[8*i:]))
		}
	case onnxpb.TensorProto_INT32:
		for i := range t.I32 {
			t.I32[i] = int32(le.Uint32(raw[4*i:]))
		}
	case onnxpb.TensorProto_UINT8:
		copy(t.U8, raw)
	case onnxpb.TensorProto_BOOL:
		for i, b := range raw {
			t.Bool[i] = b != 0
		}
	}
	return t
}

// encodeRaw appends t's elements to dst in the file format's element type elem.
func encodeRaw(dst []byte, elem DataType, t *tensor.Tensor) []byte {
	if need := t.Len() * elemSize(elem); cap(dst)-len(dst) < need || dst == nil {
		dst = append(make([]byte, 0, len(dst)+need), dst...)
	}
	le := binary.LittleEndian
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		for _, v := range t.F32 {
			dst = le.AppendUint32(dst, math.Float32bits(v))
		}
	case onnxpb.TensorProto_FLOAT16:
		for _, v := range t.F32 {
			dst = le.AppendUint16(dst, half.ToF16(v))
		}
	case onnxpb.TensorProto_BFLOAT16:
		for _, v := range t.F32 {
			dst = le.AppendUint16(dst, half.ToBF16(v))
		}
	case onnxpb.TensorProto_DOUBLE:
		for _, v := range t.F64 {
			dst = le.AppendUint64(dst, math.Float64bits(v))
		}
	case onnxpb.TensorProto_INT64:
		for _, v := range t.I64 {
			dst = le.AppendUint64(dst, uint64(v))
		}
	case onnxpb.TensorProto_INT32:
		for _, v := range t.I32 {
			dst = le.AppendUint32(dst, uint32(v))
		}
	case onnxpb.TensorProto_UINT8:
		dst = append(dst, t.U8...)
	case onnxpb.TensorProto_BOOL:
		for _, v := range t.Bool {
			b := byte(0)
			if v {
				b = 1
			}
			dst = append(dst, b)
		}
	}
	return dst
}

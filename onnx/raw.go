package onnx

import (
	"encoding/binary"

	"memprobe/internal/half"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// decodeRaw reads little-endian elements; raw has exactly the bytes of l.
func decodeRaw(raw []byte, l layout) *tensor.Tensor {
	t := tensor.New(DType(l.elem), l.shape...)
	var dst any
	switch l.elem {
	case onnxpb.TensorProto_FLOAT:
		dst = t.F32
	case onnxpb.TensorProto_DOUBLE:
		dst = t.F64
	case onnxpb.TensorProto_INT64:
		dst = t.I64
	case onnxpb.TensorProto_INT32:
		dst = t.I32
	case onnxpb.TensorProto_UINT8:
		dst = t.U8
	case onnxpb.TensorProto_BOOL:
		dst = t.Bool
	case onnxpb.TensorProto_FLOAT16:
		for i := range t.F32 {
			t.F32[i] = half.FromF16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return t
	case onnxpb.TensorProto_BFLOAT16:
		for i := range t.F32 {
			t.F32[i] = half.FromBF16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
		return t
	}
	if _, err := binary.Decode(raw, binary.LittleEndian, dst); err != nil {
		panic(err) // the lengths were made equal
	}
	return t
}

// encodeRaw writes t's elements in the file format's element type elem, into
// dst's memory where that is large enough.
func encodeRaw(dst []byte, elem DataType, t *tensor.Tensor) []byte {
	if need := t.Len() * elemSize(elem); cap(dst) < need || dst == nil {
		dst = make([]byte, 0, need)
	}
	dst = dst[:0]
	le := binary.LittleEndian
	var src any
	switch elem {
	case onnxpb.TensorProto_FLOAT:
		src = t.F32
	case onnxpb.TensorProto_DOUBLE:
		src = t.F64
	case onnxpb.TensorProto_INT64:
		src = t.I64
	case onnxpb.TensorProto_INT32:
		src = t.I32
	case onnxpb.TensorProto_UINT8:
		src = t.U8
	case onnxpb.TensorProto_BOOL:
		src = t.Bool
	case onnxpb.TensorProto_FLOAT16:
		for _, v := range t.F32 {
			dst = le.AppendUint16(dst, half.ToF16(v))
		}
		return dst
	case onnxpb.TensorProto_BFLOAT16:
		for _, v := range t.F32 {
			dst = le.AppendUint16(dst, half.ToBF16(v))
		}
		return dst
	}
	dst, err := binary.Append(dst, le, src)
	if err != nil {
		panic(err) // every type above has a fixed size
	}
	return dst
}

package onnx

import (
	"encoding/binary"

	"memprobe/internal/half"
	"memprobe/internal/onnxpb"
	"memprobe/internal/tensor"
)

// rawLen is the number of bytes that n elements take in raw_data: those of fewer
// than eight bits are packed, the first in the lowest bits.
func rawLen(elem DataType, n int) int {
	bits := formats[elem].bits
	if bits >= 8 {
		return n * (bits / 8)
	}
	each := 8 / bits
	return n/each + min(n%each, 1)
}

// decodeRaw reads little-endian elements; raw has exactly the bytes of l.
func decodeRaw(raw []byte, l layout) *tensor.Tensor {
	t := tensor.New(DType(l.elem), l.shape...)
	switch bits := formats[l.elem].bits; {
	case l.elem == onnxpb.TensorProto_FLOAT16:
		for i, dst := 0, t.F32(); i < len(dst); i++ {
			dst[i] = half.FromF16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case l.elem == onnxpb.TensorProto_BFLOAT16:
		for i, dst := 0, t.F32(); i < len(dst); i++ {
			dst[i] = half.FromBF16(binary.LittleEndian.Uint16(raw[2*i:]))
		}
	case bits < 8:
		unpack(t.Bytes(), raw, bits, t.DType == tensor.Int4 || t.DType == tensor.Int2)
	default:
		t.SetLE(raw, 0)
	}
	return t
}

// unpack spreads fields of the given number of bits over bytes.
func unpack(dst, src []byte, bits int, signed bool) {
	each := 8 / bits
	for i := range dst {
		v := src[i/each] >> (i % each * bits) << (8 - bits)
		if signed {
			dst[i] = byte(int8(v) >> (8 - bits))
		} else {
			dst[i] = v >> (8 - bits)
		}
	}
}

// encodeRaw returns t's elements in the file format's element type elem.
func encodeRaw(elem DataType, t *tensor.Tensor) []byte {
	dst := make([]byte, 0, rawLen(elem, t.Len()))
	switch bits := formats[elem].bits; {
	case elem == onnxpb.TensorProto_FLOAT16:
		for _, v := range t.F32() {
			dst = binary.LittleEndian.AppendUint16(dst, half.ToF16(v))
		}
	case elem == onnxpb.TensorProto_BFLOAT16:
		for _, v := range t.F32() {
			dst = binary.LittleEndian.AppendUint16(dst, half.ToBF16(v))
		}
	case bits < 8:
		dst = pack(dst, t.Bytes(), bits)
	default:
		dst = t.AppendLE(dst, 0, t.Len())
	}
	return dst
}

// pack appends the low bits of each byte of src.
func pack(dst, src []byte, bits int) []byte {
	each := 8 / bits
	for i, v := range src {
		if i%each == 0 {
			dst = append(dst, 0)
		}
		dst[len(dst)-1] |= v << (8 - bits) >> (8 - bits) << (i % each * bits)
	}
	return dst
}

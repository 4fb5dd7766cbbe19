package tensor

import "fmt"

// DType is an element type. Networks compute in Float32; Float64 serves gradient
// checks and models of that type; integers and Bool are token ids, indices, masks
// and quantised numbers. ONNX's types of fewer than eight bits, and its floats of
// eight, are stored a byte an element and read and written by casts alone: an
// integer as the int8 or uint8 of its value, a float as its bits.
type DType uint8

// The element types.
const (
	Invalid DType = iota
	Float32
	Float64
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Bool
	Int2
	Int4
	Uint2
	Uint4
	Float4E2M1
	Float8E4M3FN
	Float8E4M3FNUZ
	Float8E5M2
	Float8E5M2FNUZ
	Float8E8M0
)

// properties of each element type.
var properties = [...]struct {
	name string
	size int // bytes
}{
	Invalid: {"invalid", 0},
	Float32: {"float32", 4}, Float64: {"float64", 8},
	Int8: {"int8", 1}, Int16: {"int16", 2}, Int32: {"int32", 4}, Int64: {"int64", 8},
	Uint8: {"uint8", 1}, Uint16: {"uint16", 2}, Uint32: {"uint32", 4}, Uint64: {"uint64", 8},
	Bool: {"bool", 1},
	Int2: {"int2", 1}, Int4: {"int4", 1}, Uint2: {"uint2", 1}, Uint4: {"uint4", 1},
	Float4E2M1: {"float4e2m1", 1}, Float8E4M3FN: {"float8e4m3fn", 1}, Float8E4M3FNUZ: {"float8e4m3fnuz", 1},
	Float8E5M2: {"float8e5m2", 1}, Float8E5M2FNUZ: {"float8e5m2fnuz", 1}, Float8E8M0: {"float8e8m0", 1},
}

func (d DType) String() string {
	if int(d) < len(properties) {
		return properties[d].name
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// Size is the number of bytes of one element.
func (d DType) Size() int {
	if int(d) < len(properties) {
		return properties[d].size
	}
	return 0
}

// IsFloat reports whether d is Float32 or Float64, the types that have gradients.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// IsSigned reports whether d is one of the signed integers of 8 to 64 bits.
func (d DType) IsSigned() bool { return d >= Int8 && d <= Int64 }

// IsUnsigned reports whether d is one of the unsigned integers of 8 to 64 bits.
func (d DType) IsUnsigned() bool { return d >= Uint8 && d <= Uint64 }

// IsInteger reports whether d is an integer of 8 to 64 bits.
func (d DType) IsInteger() bool { return d.IsSigned() || d.IsUnsigned() }

// TypeOf returns the DType that stands for T.
func TypeOf[T Element]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int8:
		return Int8
	case int16:
		return Int16
	case int32:
		return Int32
	case int64:
		return Int64
	case uint8:
		return Uint8
	case uint16:
		return Uint16
	case uint32:
		return Uint32
	case uint64:
		return Uint64
	}
	return Bool
}

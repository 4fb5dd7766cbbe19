// Package tensor holds dense row-major arrays, the values that flow through a graph.
//
// Images are [N,C,H,W]. A tensor of rank 0 has one element. The elements lie one
// after the other in one piece of memory, whatever their type; Data and the methods
// named after types show them as a slice.
package tensor

import (
	"fmt"
	"slices"
	"unsafe"
)

// Tensor is a dense row-major array. The engine may give a tensor other memory
// between runs, so hold the *Tensor, not its slice. A tensor without elements
// describes a type and a shape.
type Tensor struct {
	DType DType
	Shape []int

	memory []byte // Len()·DType.Size() bytes, aligned for DType; nil for none
}

// Element lists the Go types that can back a Tensor.
type Element interface {
	float32 | float64 | int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64 | bool
}

// Float lists the types that have gradients.
type Float interface{ float32 | float64 }

// Word lists the types as which Words shows elements of 1, 2, 4 and 8 bytes.
type Word interface {
	uint8 | uint16 | uint32 | uint64
}

// New returns a zero-filled tensor.
func New(d DType, shape ...int) *Tensor {
	if d.Size() == 0 {
		panic("tensor: New of an invalid element type")
	}
	return &Tensor{DType: d, Shape: slices.Clone(shape), memory: make([]byte, Len(shape)*d.Size())}
}

// Over returns a tensor whose elements are memory, which must be aligned for them
// and have their number of bytes.
func Over(d DType, memory []byte, shape ...int) *Tensor {
	if len(memory) != Len(shape)*d.Size() {
		panic(fmt.Sprintf("tensor: %d bytes for %v of shape %v", len(memory), d, shape))
	}
	return &Tensor{DType: d, Shape: slices.Clone(shape), memory: memory}
}

// From wraps data, without a copy, in a tensor of the given shape.
// It panics if the sizes disagree.
func From[T Element](data []T, shape ...int) *Tensor {
	if len(data) != Len(shape) {
		panic(fmt.Sprintf("tensor: %d elements for shape %v", len(data), shape))
	}
	return &Tensor{DType: TypeOf[T](), Shape: slices.Clone(shape), memory: bytesOf(data)}
}

// bytesOf is the memory of a slice.
func bytesOf[T Element](data []T) []byte {
	var z T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(data))), len(data)*int(unsafe.Sizeof(z)))
}

// Data returns the elements of t, whose type must be T; nil where t has none.
func Data[T Element](t *Tensor) []T {
	if t.DType != TypeOf[T]() && t.memory != nil {
		panic(fmt.Sprintf("tensor: elements are %v, not %v", t.DType, TypeOf[T]()))
	}
	return elements[T](t)
}

// Words returns the elements of t, of any type that has the size of T, as they are
// stored: what operators that only move elements work on.
func Words[T Word](t *Tensor) []T {
	var z T
	if t.DType.Size() != int(unsafe.Sizeof(z)) {
		panic(fmt.Sprintf("tensor: elements are %v, not of %d bytes", t.DType, unsafe.Sizeof(z)))
	}
	return elements[T](t)
}

func elements[T Element](t *Tensor) []T {
	var z T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(t.memory))), len(t.memory)/int(unsafe.Sizeof(z)))
}

// F32 returns the elements of a Float32 tensor.
func (t *Tensor) F32() []float32 { return Data[float32](t) }

// F64 returns the elements of a Float64 tensor.
func (t *Tensor) F64() []float64 { return Data[float64](t) }

// I64 returns the elements of an Int64 tensor.
func (t *Tensor) I64() []int64 { return Data[int64](t) }

// I32 returns the elements of an Int32 tensor.
func (t *Tensor) I32() []int32 { return Data[int32](t) }

// U8 returns the elements of a Uint8 tensor.
func (t *Tensor) U8() []uint8 { return Data[uint8](t) }

// Bool returns the elements of a Bool tensor.
func (t *Tensor) Bool() []bool { return Data[bool](t) }

// Bytes returns the elements of t as they are stored, in the order of the
// machine's bytes; nil where t has none.
func (t *Tensor) Bytes() []byte { return t.memory }

// Len is the number of elements of a shape; 1 for a scalar.
func Len(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// Len is the number of elements of t.
func (t *Tensor) Len() int { return Len(t.Shape) }

// Filled reports whether t has its elements, not its type and shape alone.
func (t *Tensor) Filled() bool {
	return len(t.memory) == t.Len()*t.DType.Size()
}

// Clone copies t and its elements.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{DType: t.DType, Shape: slices.Clone(t.Shape), memory: slices.Clone(t.memory)}
}

// Reshape returns a view of t's elements under another shape of the same size.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	if Len(shape) != t.Len() {
		panic(fmt.Sprintf("tensor: reshape %v to %v", t.Shape, shape))
	}
	return &Tensor{DType: t.DType, Shape: slices.Clone(shape), memory: t.memory}
}

// Alias makes t share src's elements; the element types and counts must agree.
func (t *Tensor) Alias(src *Tensor) { t.memory = src.memory }

// Copy copies src's elements into t; the element types and counts must agree.
func (t *Tensor) Copy(src *Tensor) {
	if t.DType != src.DType {
		panic(fmt.Sprintf("tensor: copy of %v to %v", src.DType, t.DType))
	}
	copy(t.memory, src.memory)
}

// Ints returns the elements of an integer tensor as ints; nil for other types.
func (t *Tensor) Ints() []int {
	switch t.DType {
	case Int8:
		return ints[int8](t)
	case Int16:
		return ints[int16](t)
	case Int32:
		return ints[int32](t)
	case Int64:
		return ints[int64](t)
	case Uint8:
		return ints[uint8](t)
	case Uint16:
		return ints[uint16](t)
	case Uint32:
		return ints[uint32](t)
	case Uint64:
		return ints[uint64](t)
	}
	return nil
}

func ints[T int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64](t *Tensor) []int {
	data := Data[T](t)
	out := make([]int, len(data))
	for i, v := range data {
		out[i] = int(v)
	}
	return out
}

// Number returns element i as a float64, 1 for true; integers beyond 2⁵³ are rounded.
func (t *Tensor) Number(i int) float64 {
	switch t.DType {
	case Float32:
		return float64(t.F32()[i])
	case Float64:
		return t.F64()[i]
	case Int8:
		return float64(Data[int8](t)[i])
	case Int16:
		return float64(Data[int16](t)[i])
	case Int32:
		return float64(t.I32()[i])
	case Int64:
		return float64(t.I64()[i])
	case Uint16:
		return float64(Data[uint16](t)[i])
	case Uint32:
		return float64(Data[uint32](t)[i])
	case Uint64:
		return float64(Data[uint64](t)[i])
	}
	return float64(t.memory[i])
}

// Strides returns the row-major strides of a shape, in elements.
func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}

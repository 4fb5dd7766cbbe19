// Package tensor holds dense row-major arrays, the values that flow through a graph.
//
// Images are [N,C,H,W]. A tensor of rank 0 has one element. Exactly one of the
// data slices is in use, the one that DType names, and its length is Len().
package tensor

import (
	"fmt"
	"slices"
)

// DType is an element type. Values are float32; Float64 serves gradient checks,
// the integers and Bool serve shapes, indices and masks.
type DType uint8

// The element types that the engine computes with.
const (
	Invalid DType = iota
	Float32
	Float64
	Int64
	Int32
	Uint8
	Bool
)

func (d DType) String() string {
	names := [...]string{"invalid", "float32", "float64", "int64", "int32", "uint8", "bool"}
	if int(d) < len(names) {
		return names[d]
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// IsFloat reports whether d is Float32 or Float64, the types that have gradients.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// Size is the number of bytes of one element.
func (d DType) Size() int {
	switch d {
	case Float64, Int64:
		return 8
	case Float32, Int32:
		return 4
	case Uint8, Bool:
		return 1
	}
	return 0
}

// Tensor is a dense row-major array. The engine rebinds the data slice of a
// tensor between runs, so hold the *Tensor, not its slice.
type Tensor struct {
	DType DType
	Shape []int

	F32  []float32
	F64  []float64
	I64  []int64
	I32  []int32
	U8   []uint8
	Bool []bool
}

// Element lists the Go types that can back a Tensor.
type Element interface {
	float32 | float64 | int64 | int32 | uint8 | bool
}

// Float lists the types that have gradients.
type Float interface{ float32 | float64 }

// New returns a zero-filled tensor.
func New(d DType, shape ...int) *Tensor {
	t := &Tensor{DType: d, Shape: slices.Clone(shape)}
	n := Len(shape)
	switch d {
	case Float32:
		t.F32 = make([]float32, n)
	case Float64:
		t.F64 = make([]float64, n)
	case Int64:
		t.I64 = make([]int64, n)
	case Int32:
		t.I32 = make([]int32, n)
	case Uint8:
		t.U8 = make([]uint8, n)
	case Bool:
		t.Bool = make([]bool, n)
	default:
		panic("tensor: New of an invalid element type")
	}
	return t
}

// From wraps data, without a copy, in a tensor of the given shape.
// It panics if the sizes disagree.
func From[T Element](data []T, shape ...int) *Tensor {
	if len(data) != Len(shape) {
		panic(fmt.Sprintf("tensor: %d elements for shape %v", len(data), shape))
	}
	t := &Tensor{DType: TypeOf[T](), Shape: slices.Clone(shape)}
	SetData(t, data)
	return t
}

// TypeOf returns the DType that stands for T.
func TypeOf[T Element]() DType {
	var z T
	switch any(z).(type) {
	case float32:
		return Float32
	case float64:
		return Float64
	case int64:
		return Int64
	case int32:
		return Int32
	case uint8:
		return Uint8
	}
	return Bool
}

// Data returns the elements of t, whose type must be T.
func Data[T Element](t *Tensor) []T {
	var z T
	var p any
	switch any(z).(type) {
	case float32:
		p = t.F32
	case float64:
		p = t.F64
	case int64:
		p = t.I64
	case int32:
		p = t.I32
	case uint8:
		p = t.U8
	case bool:
		p = t.Bool
	}
	return p.([]T)
}

// SetData rebinds the elements of t, whose type must be T.
func SetData[T Element](t *Tensor, data []T) {
	switch d := any(data).(type) {
	case []float32:
		t.F32 = d
	case []float64:
		t.F64 = d
	case []int64:
		t.I64 = d
	case []int32:
		t.I32 = d
	case []uint8:
		t.U8 = d
	case []bool:
		t.Bool = d
	}
}

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
	return len(t.F32)+len(t.F64)+len(t.I64)+len(t.I32)+len(t.U8)+len(t.Bool) == t.Len()
}

// Clone copies t and its elements.
func (t *Tensor) Clone() *Tensor {
	c := *t
	c.Shape = slices.Clone(t.Shape)
	c.F32, c.F64 = slices.Clone(t.F32), slices.Clone(t.F64)
	c.I64, c.I32 = slices.Clone(t.I64), slices.Clone(t.I32)
	c.U8, c.Bool = slices.Clone(t.U8), slices.Clone(t.Bool)
	return &c
}

// Reshape returns a view of t's elements under another shape of the same size.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	if Len(shape) != t.Len() {
		panic(fmt.Sprintf("tensor: reshape %v to %v", t.Shape, shape))
	}
	v := *t
	v.Shape = slices.Clone(shape)
	return &v
}

// Alias makes t share src's elements; the element types and counts must agree.
func (t *Tensor) Alias(src *Tensor) {
	t.F32, t.F64, t.I64, t.I32, t.U8, t.Bool = src.F32, src.F64, src.I64, src.I32, src.U8, src.Bool
}

// Copy copies src's elements into t; the element types and counts must agree.
func (t *Tensor) Copy(src *Tensor) {
	copy(t.F32, src.F32)
	copy(t.F64, src.F64)
	copy(t.I64, src.I64)
	copy(t.I32, src.I32)
	copy(t.U8, src.U8)
	copy(t.Bool, src.Bool)
}

// Ints returns the elements of an integer tensor as ints; nil for other types.
func (t *Tensor) Ints() []int {
	var out []int
	switch t.DType {
	case Int64:
		out = make([]int, len(t.I64))
		for i, v := range t.I64 {
			out[i] = int(v)
		}
	case Int32:
		out = make([]int, len(t.I32))
		for i, v := range t.I32 {
			out[i] = int(v)
		}
	}
	return out
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

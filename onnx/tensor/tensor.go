// Package tensor is the array that graphs read and compute, under a name that other
// modules can import: dense, row-major, images as [N,C,H,W]. A tensor of rank 0 has
// one element.
//
//	x := tensor.From(pixels, 8, 3, 32, 32)     // a []float32, not copied
//	y := tensor.New(tensor.Int64, 8)           // zeros
//	for i, v := range tensor.Data[int64](y) {} // or y.I64()
//
// A *Tensor has its element type in DType and its Shape; the methods F32, F64, I64, I32, U8
// and Bool show the elements as a slice, Number one of any type as float64, Clone copies
// them, and Reshape is a view of them.
package tensor

import "memprobe/internal/tensor"

// Tensor is a dense row-major array. A session may give a tensor other memory between
// runs, so hold the *Tensor, not its slice.
type Tensor = tensor.Tensor

// DType is an element type.
type DType = tensor.DType

// Element lists the Go types that are elements.
type Element = tensor.Element

// The element types that have a Go type of their own.
const (
	Float32 = tensor.Float32
	Float64 = tensor.Float64
	Int8    = tensor.Int8
	Int16   = tensor.Int16
	Int32   = tensor.Int32
	Int64   = tensor.Int64
	Uint8   = tensor.Uint8
	Uint16  = tensor.Uint16
	Uint32  = tensor.Uint32
	Uint64  = tensor.Uint64
	Bool    = tensor.Bool
)

// New returns a tensor of zeros. It panics if d is no element type.
func New(d DType, shape ...int) *Tensor { return tensor.New(d, shape...) }

// From wraps data, without a copy, in a tensor of the given shape. It panics if they
// disagree about the number of elements.
func From[T Element](data []T, shape ...int) *Tensor { return tensor.From(data, shape...) }

// Data returns the elements of t, whose type must be T: it panics otherwise. They are nil
// where t describes a type and a shape alone.
func Data[T Element](t *Tensor) []T { return tensor.Data[T](t) }

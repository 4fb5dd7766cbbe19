package dataset

import (
	"fmt"

	"memprobe/internal/tensor"
)

// Feed is the inputs of a model that samples are written to as float32s, whatever their
// types.
type Feed struct {
	floats []float32
	width  int // of a sample
	parts  []feedPart
}

// feedPart is an input and where a sample has its elements; those of float32 of an only
// input are written where they belong.
type feedPart struct {
	in     *tensor.Tensor
	offset int
}

// NewFeed returns one for an only input of float32, float64 or uint8. An input of uint8
// takes pixels from 0 to 255 as they are: a mean or deviation to normalise by is an error.
func NewFeed(in *tensor.Tensor, normalized bool) (*Feed, error) {
	switch {
	case in == nil || !FeedsOn(in.DType):
		return nil, fmt.Errorf("the input is not of float32, float64 or uint8")
	case in.DType == tensor.Uint8 && normalized:
		return nil, fmt.Errorf("the input takes uint8 pixels as they are: want --normalize none")
	}
	f := &Feed{width: in.Len() / max(1, in.Shape[0])}
	if in.DType == tensor.Float32 {
		f.floats = in.F32()
		return f, nil
	}
	f.floats, f.parts = make([]float32, in.Len()), []feedPart{{in, 0}}
	return f, nil
}

// NewArrayFeed returns one for samples of arrays, of which inputs take one each, in the
// order of their elements in a sample; nil for an array that nothing reads. batch is the
// number of samples.
func NewArrayFeed(batch int, arrays []Array, inputs []*tensor.Tensor) (*Feed, error) {
	f := &Feed{}
	for i, in := range inputs {
		if in != nil {
			switch in.DType {
			case tensor.Float32, tensor.Float64, tensor.Int64, tensor.Int32, tensor.Bool:
			default:
				return nil, fmt.Errorf("the input is of %v, want float32, float64, int64, int32 or bool", in.DType)
			}
			f.parts = append(f.parts, feedPart{in, f.width})
		}
		f.width += arrays[i].size()
	}
	f.floats = make([]float32, batch*f.width)
	return f, nil
}

// FeedsOn reports whether images can be fed to an input of the type.
func FeedsOn(d tensor.DType) bool { return d.IsFloat() || d == tensor.Uint8 }

// Floats is where the samples are written to, pixels from 0 to 1 where they are bytes.
func (f *Feed) Floats() []float32 { return f.floats }

// Row is where sample i of a batch is written to.
func (f *Feed) Row(i int) []float32 { return f.floats[i*f.width : (i+1)*f.width] }

// Convert brings what was written to the inputs' types, before a run: bytes are rounded
// and kept within 0 to 255; a bool is whether a number is not 0.
func (f *Feed) Convert() {
	for _, p := range f.parts {
		switch p.in.DType {
		case tensor.Float32:
			scatter(f, p, p.in.F32(), func(x float32) float32 { return x })
		case tensor.Float64:
			scatter(f, p, p.in.F64(), func(x float32) float64 { return float64(x) })
		case tensor.Int64:
			scatter(f, p, p.in.I64(), func(x float32) int64 { return int64(x) })
		case tensor.Int32:
			scatter(f, p, p.in.I32(), func(x float32) int32 { return int32(x) })
		case tensor.Bool:
			scatter(f, p, p.in.Bool(), func(x float32) bool { return x != 0 })
		case tensor.Uint8:
			scatter(f, p, p.in.U8(), func(x float32) uint8 { return uint8(min(max(255*x+0.5, 0), 255)) })
		}
	}
}

// scatter writes the elements of one input, all samples'.
func scatter[T any](f *Feed, p feedPart, dst []T, convert func(float32) T) {
	if len(dst) == 0 {
		return
	}
	rows := len(f.floats) / f.width
	size := len(dst) / rows
	for i := range rows {
		for j, x := range f.Row(i)[p.offset : p.offset+size] {
			dst[i*size+j] = convert(x)
		}
	}
}

package dataset

import (
	"fmt"

	"memprobe/internal/tensor"
)

// Feed is a model's input that images are written to as float32s, whatever its type.
type Feed struct {
	in     *tensor.Tensor
	floats []float32
}

// NewFeed returns one for an input of float32, float64 or uint8. An input of uint8 takes
// pixels from 0 to 255 as they are: a mean or deviation to normalise by is an error.
func NewFeed(in *tensor.Tensor, normalized bool) (*Feed, error) {
	f := &Feed{in: in}
	switch {
	case in == nil || !FeedsOn(in.DType):
		return nil, fmt.Errorf("the input is not of float32, float64 or uint8")
	case in.DType == tensor.Uint8 && normalized:
		return nil, fmt.Errorf("the input takes uint8 pixels as they are: want --normalize none")
	case in.DType == tensor.Float32:
		f.floats = in.F32()
	default:
		f.floats = make([]float32, in.Len())
	}
	return f, nil
}

// FeedsOn reports whether images can be fed to an input of the type.
func FeedsOn(d tensor.DType) bool { return d.IsFloat() || d == tensor.Uint8 }

// Floats is where the images are written to, pixels from 0 to 1 where they are bytes.
func (f *Feed) Floats() []float32 { return f.floats }

// Convert brings what was written to the input's type, before a run: bytes are rounded
// and kept within 0 to 255.
func (f *Feed) Convert() {
	switch f.in.DType {
	case tensor.Float64:
		for i, x := range f.floats {
			f.in.F64()[i] = float64(x)
		}
	case tensor.Uint8:
		for i, x := range f.floats {
			f.in.U8()[i] = uint8(min(max(255*x+0.5, 0), 255))
		}
	}
}

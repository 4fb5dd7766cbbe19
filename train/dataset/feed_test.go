package dataset

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
)

func TestFeed(t *testing.T) {
	x := []float32{0, 1, 0.5, 254.0 / 255, 1.2, -0.1}
	for _, in := range []*tensor.Tensor{tensor.New(tensor.Float32, 6), tensor.New(tensor.Float64, 6), tensor.New(tensor.Uint8, 6)} {
		f, err := NewFeed(in, false)
		if err != nil {
			t.Fatal(err)
		}
		copy(f.Floats(), x)
		f.Convert()
		if in.DType != tensor.Float64 {
			continue
		}
		for i, v := range in.F64() {
			if v != float64(x[i]) {
				t.Errorf("%v, want %v", v, x[i])
			}
		}
	}
	bytes := tensor.New(tensor.Uint8, 6)
	f, _ := NewFeed(bytes, false)
	copy(f.Floats(), x)
	if f.Convert(); !slices.Equal(bytes.U8(), []uint8{0, 255, 128, 254, 255, 0}) {
		t.Errorf("%v", bytes.U8())
	}
	if _, err := NewFeed(bytes, true); err == nil {
		t.Error("bytes are normalised")
	}
	if _, err := NewFeed(tensor.New(tensor.Int64, 6), false); err == nil {
		t.Error("int64 is fed")
	}
}

package dataset

import (
	"slices"
	"testing"

	"memprobe/internal/tensor"
)

func TestFeed(t *testing.T) {
	x := []float32{0, 1, 0.5, 254.0 / 255, 1.2, -0.1}
	for _, in := range []*tensor.Tensor{tensor.New(tensor.Float32, 6), tensor.New(tensor.Float64, 6),
		tensor.New(tensor.Uint8, 6)} {
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

// Samples of arrays are taken apart into the inputs' types; an array that nothing reads is
// left out.
func TestArrayFeed(t *testing.T) {
	arrays := []Array{{"ids", []int{2}, true}, {"unread", []int{1}, true}, {"mask", []int{2}, true}, {"x", nil, false}}
	ids, mask, x := tensor.New(tensor.Int64, 2, 2), tensor.New(tensor.Bool, 2, 2), tensor.New(tensor.Float32, 2)
	f, err := NewArrayFeed(2, arrays, []*tensor.Tensor{ids, nil, mask, x})
	if err != nil {
		t.Fatal(err)
	}
	copy(f.Row(0), []float32{1 << 24, 2, 9, 1, 0, 0.5})
	copy(f.Row(1), []float32{3, -4, 9, 0, 1, -0.5})
	f.Convert()
	if !slices.Equal(ids.I64(), []int64{1 << 24, 2, 3, -4}) ||
		!slices.Equal(mask.Bool(), []bool{true, false, false, true}) || !slices.Equal(x.F32(), []float32{0.5, -0.5}) {
		t.Errorf("%v, %v, %v", ids.I64(), mask.Bool(), x.F32())
	}
	if _, err := NewArrayFeed(2, arrays[:1], []*tensor.Tensor{tensor.New(tensor.Uint8, 2, 2)}); err == nil {
		t.Error("numbers are fed to bytes, which may not hold them")
	}
}

package ref_test

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
)

// A plane of 2×4, padded by a column on the left, under windows of 2×3 of stride 2.
func TestPoolRowsByHand(t *testing.T) {
	x, got := []float32{1, 5, -2, 4, 3, 0, 7, -8}, make([]float32, 2)
	divisor, lowest := []float32{4, 6}, float32(math.Inf(-1))
	p := ref.PoolRows{Y: &got[0], X: &x[0], Planes: 1, Rows: &ref.PoolRow{Count: 2, Start: lowest}, OutH: 1,
		Strips: &ref.NewStrips(2, 4, 3, 2, 1)[0], NStrips: 1, Width: 16, PlaneX: 32, LDY: 8, Divisor: &divisor[0]}
	if numbers := ref.MaxRows(&p, 3, 2); !numbers || !slices.Equal(got, []float32{5, 7}) {
		t.Errorf("maxima %v, of numbers: %t", got, numbers)
	}
	index := make([]int32, 2)
	x[1], x[4], p.Index = 3, 3, &index[0]
	if sure := ref.MaxIndexRows(&p, 3, 2); !sure || !slices.Equal(got, []float32{3, 7}) || !slices.Equal(index, []int32{1, 6}) {
		t.Errorf("maxima %v at %v, surely: %t", got, index, sure)
	}
	x[1] = 5
	p.Rows = &ref.PoolRow{Count: 2}
	if ref.AvgRows(&p, 3, 2); !slices.Equal(got, []float32{9. / 4, 1}) { // (1+5+3+0)/4, (5-2+4+0+7-8)/6
		t.Errorf("averages %v", got)
	}
	x[3] = float32(math.NaN())
	p.Rows = &ref.PoolRow{Count: 2, Start: lowest}
	if ref.MaxRows(&p, 3, 2) {
		t.Error("a NaN is taken for a number")
	}
}

// Every second row and column of two planes of 2×3, from the row above and the column before on.
func TestCopyPaddedByHand(t *testing.T) {
	src, dst := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, make([]float32, 2*2*4)
	const stale = -7
	for i := range dst {
		dst[i] = stale
	}
	ref.CopyPadded(&ref.PaddedCopy{Dst: &dst[0], Src: &src[0], Planes: 2, PlaneD: 32, PlaneS: 24, Rows: 2, First: -1, Height: 2,
		LDD: 16, LDS: 12, Strips: &ref.NewStrips(3, 3, 1, 2, 1)[0], NStrips: 1}, 2)
	if want := []float32{0, 0, 0, stale, 0, 5, 0, stale, 0, 0, 0, stale, 0, 11, 0, stale}; !slices.Equal(dst, want) {
		t.Errorf("copied %v, want %v", dst, want)
	}
	both := make([]float32, 8)
	ref.CopyPadded(&ref.PaddedCopy{Dst: &both[0], Src: &src[0], Planes: 1, Rows: 1, Height: 2, LDD: 16, LDS: 12,
		Strips: &ref.NewStrips(3, 3, 1, 2, 1)[0], NStrips: 1, Between: 16}, 2)
	if want := []float32{0, 2, 0, 0, 1, 3, 0, 0}; !slices.Equal(both, want) {
		t.Errorf("copied %v, want %v", both, want)
	}
}

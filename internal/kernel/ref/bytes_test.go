package ref_test

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
)

func TestProductsOfIntegersByElements(t *testing.T) {
	const steps, ldc = 2, ref.ByteCols + 3
	a, b := make([]uint8, 4*ref.ByteRows*steps), make([]uint8, 4*ref.ByteCols*steps)
	for i := range a {
		a[i] = uint8(37 * i)
	}
	for i := range b {
		b[i] = uint8(101 * i)
	}
	offsets := []int{4 * ref.ByteCols, 0} // the second step lies first
	for name, c := range map[string]struct {
		f func(*ref.ByteTile)
		a func(uint8) int32
		b func(uint8) int32
	}{
		"signed by unsigned": {ref.TileS8U8,
			func(x uint8) int32 { return int32(int8(x)) }, func(x uint8) int32 { return int32(x) }},
		"unsigned by signed": {ref.TileU8S8,
			func(x uint8) int32 { return int32(x) }, func(x uint8) int32 { return int32(int8(x)) }},
	} {
		got := make([]int32, ref.ByteRows*ldc)
		c.f(&ref.ByteTile{C: &got[0], LDC: ldc, A: &a[0], B: &b[0], Offsets: &offsets[0], Steps: steps})
		for i := range ref.ByteRows {
			for j := range ref.ByteCols {
				want := int32(0)
				for k := range 4 * steps {
					want += c.a(a[k/4*4*ref.ByteRows+4*i+k%4]) * c.b(b[(1-k/4)*4*ref.ByteCols+4*j+k%4])
				}
				if got[i*ldc+j] != want {
					t.Fatalf("%s: row %d, column %d is %d, want %d", name, i, j, got[i*ldc+j], want)
				}
			}
		}
	}

	const pairs = 3
	x, y := make([]int16, pairs*ref.NearStrip*2), make([]int16, pairs*ref.NearStrip*2)
	for i := range x {
		x[i] = int16(i*5%23 - 11)
	}
	for i := range y {
		y[i] = int16(i*7%29 - 14)
	}
	near := slices.Repeat([]int32{1}, ref.NearRows*ref.NearCols)
	for _, start := range []int32{0, 1} {
		ref.TileI16(&near[0], ref.NearCols, &x[0], &y[0], pairs, start == 1)
		for i := range ref.NearRows {
			for j := range ref.NearCols {
				sum := int32(0)
				for k := range 2 * pairs {
					sum += int32(x[k/2*2*ref.NearStrip+2*i+k%2]) * int32(y[k/2*2*ref.NearStrip+2*j+k%2])
				}
				if want := sum * (1 + start); near[i*ref.NearCols+j] != want { // the second time added to the first
					t.Fatalf("int16: row %d, column %d is %d, want %d", i, j, near[i*ref.NearCols+j], want)
				}
			}
		}
	}
}

// Halves go to the even neighbour, what is out of range to its end, and NaN to the lower.
func TestQuantisationByHand(t *testing.T) {
	nan := float32(math.NaN())
	dst := make([]uint8, 4)
	for name, c := range map[string]struct {
		f    func()
		want []uint8
	}{
		"Requantize": {func() { ref.Requantize(dst, []int32{0, 2, 4, 1000}, 1, 0.5, -100, 100, 10) },
			[]uint8{10, 12, 12, 110}},
		"RequantizeColumns": {func() {
			ref.RequantizeColumns(dst, []int32{1, 1, 1, 1}, []int32{0, 1, 2, -201}, []float32{0.5, 0.5, 0.5, 1}, -100, 100, 128)
		}, []uint8{128, 129, 130, 28}},
		"Quantize":    {func() { ref.Quantize(dst, []float32{1, 3, nan, 1e9}, 2, -5, 100, 7) }, []uint8{7, 9, 2, 107}},
		"RoundScaled": {func() { ref.RoundScaled(dst, []float32{1, 3, nan, 1e9}, 0.5, -5, 100, 7) }, []uint8{7, 9, 2, 107}},
		"AddQuantized": {func() {
			// Signed bytes 2, -1, 100, -128 and 4, 2, 100, -128: x/2 + y + 0.5, from -100 to 100.
			ref.AddQuantized(dst, []uint8{2, 255, 100, 128}, []uint8{4, 2, 100, 128}, 128, 0.5, 1, 0.5, -100, 100)
		}, []uint8{6, 2, 100, 156}},
		"MaxBytes": {func() { ref.MaxBytes(dst, []uint8{1, 200, 3, 255}, []uint8{2, 100, 3, 0}, 0) },
			[]uint8{2, 200, 3, 255}},
		"MaxBytes signed": {func() { ref.MaxBytes(dst, []uint8{1, 200, 3, 255}, []uint8{2, 100, 3, 0}, 128) },
			[]uint8{2, 100, 3, 0}},
	} {
		if c.f(); !slices.Equal(dst, c.want) {
			t.Errorf("%s: %v, want %v", name, dst, c.want)
		}
	}
	floats := make([]float32, 3)
	ref.Dequantize(floats, []uint8{0, 128, 255}, 0, 0.5, 128)
	if !slices.Equal(floats, []float32{-64, 0, 63.5}) {
		t.Errorf("Dequantize: %v", floats)
	}
	src, out := []uint8{1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8}, make([]uint8, 8)
	if ref.Interleave(&out[0], &src[0], 3, 2, 1); !slices.Equal(out, []uint8{0, 2, 4, 6, 3, 5, 7, 9}) {
		t.Errorf("Interleave: %v", out)
	}
}

func TestDistancesByHand(t *testing.T) {
	a, b := make([]float32, 19), make([]float32, 19)
	want := 0.0
	for i := range a {
		a[i], b[i] = float32(i), float32(3-i)
		want += float64((2*i - 3) * (2*i - 3))
	}
	if got := ref.SquaredDistance(a, b); got != want {
		t.Errorf("distance %g, want %g", got, want)
	}
	const n = 16
	hits, scores, peaks := make([]int32, n), make([]float32, n), slices.Repeat([]float32{3}, n)
	dots, weight, bias, bar := make([]int32, n), slices.Repeat([]float32{0.5}, n), make([]float32, n), slices.Repeat([]float32{9}, n)
	copy(dots, []int32{4, 2, 0, 8, 1, 1, 1, 3})
	copy(bias, []float32{0, 1, 2, 0, 0, 3, 0, 0})
	weight[7] = float32(math.NaN())
	bar[9] = -1
	// Dots as they are, twice the bias and one less: 3, 3, 3, 7, 0, 6, 0 and no number, then -1.
	if n := ref.Above(&hits[0], &scores[0], &dots[0], &weight[0], &bias[0], &bar[0], n, 2, 2, -1, 6); !slices.Equal(hits[:n],
		[]int32{3, 5, 9}) || !slices.Equal(scores[:n], []float32{7, 6, -1}) {
		t.Errorf("above: %v with %v", hits[:n], scores[:n])
	}
	ref.Peaks(&peaks[0], &dots[0], &weight[0], &bias[0], n, 2, 2, -1)
	if want := []float32{3, 3, 3, 7, 3, 6, 3, 3}; !slices.Equal(peaks[:8], want) {
		t.Errorf("peaks: %v, want %v", peaks[:8], want)
	}
	if n := ref.CountAbove(&peaks[0], n, 6); n != 2 {
		t.Errorf("%d peaks from 6 on, want 2", n)
	}
	x, mean := []float32{1, 2, 3, 4, 5, 6, 7, 8}, []float64{1, 1, 1, 1, 1, 1, 1, 1}
	if square, along := ref.CentredSums(x, mean, 2); square != 1*1+3*3+5*5+7*7+9*9+11*11+13*13+15*15 || along != 64 {
		t.Errorf("centred: %g and %g", square, along)
	}
	round := make([]int16, 3*4*2)
	// (2x - 1)/2 is n + 1/2, which goes to the even neighbour: 0, 2, 2, 4, 4, 6, 6, 8.
	sum, rest := ref.RoundCentred(round, 3, x, mean, 2, 0.5)
	if got := []int16{round[0], round[1], round[6], round[7], round[12], round[13], round[18], round[19]}; sum != 176 ||
		rest != 2 || !slices.Equal(got, []int16{0, 2, 2, 4, 4, 6, 6, 8}) {
		t.Errorf("rounded to %v with squares %g and %g", got, sum, rest)
	}
	total := slices.Repeat([]float64{100}, 8)
	if ref.AddCentred(total, x, mean, 2); total[0] != 101 || total[7] != 115 {
		t.Errorf("sums %v", total)
	}
}

// Thirds of the circle change the channels' places, and a grey has no hue.
func TestHueByHand(t *testing.T) {
	r, g, b := []float32{0.75, 0.5, 0.25}, []float32{0.5, 0.5, 0.75}, []float32{0.25, 0.5, 0.5}
	ref.TurnHue(&r[0], &g[0], &b[0], 3, 2)
	if !slices.Equal(r, []float32{0.25, 0.5, 0.5}) || !slices.Equal(g, []float32{0.75, 0.5, 0.25}) ||
		!slices.Equal(b, []float32{0.5, 0.5, 0.75}) {
		t.Errorf("%v, %v, %v", r, g, b)
	}
}

func TestResizingByHand(t *testing.T) {
	src, at, weight := []float32{0, 4, 8, 10, 20, 40}, []int32{0, 1}, []float32{0.25, 0.5}
	dst := make([]float32, 4)
	if ref.ScaleRows(&dst[0], &src[0], 2, 2, 3, 2, &at[0], &weight[0]); !slices.Equal(dst, []float32{1, 6, 12.5, 30}) {
		t.Errorf("rows: %v", dst)
	}
	src, at = []float32{0, 4, 8, 10, 20, 40}, []int32{1, 0} // three rows of two
	if ref.ScaleColumns(&dst[0], &src[0], 2, 2, 2, &at[0], &weight[0]); !slices.Equal(dst, []float32{11, 17.5, 4, 7}) {
		t.Errorf("columns: %v", dst)
	}
	at = []int32{5, -1, 0, 2}
	if ref.GatherInside(&dst[0], &src[0], &at[0], 4); !slices.Equal(dst, []float32{40, 0, 0, 8}) {
		t.Errorf("gathered: %v", dst)
	}
}

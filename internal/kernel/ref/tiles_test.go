package ref_test

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
)

// whole is n small integers as float32s, whose sums and products are exact.
func whole(n, step int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i*step%13 - 6)
	}
	return x
}

// A tile with everything an epilogue may add gives what one element after the other does,
// from all three kinds of operands.
func TestTilesByElements(t *testing.T) {
	const rows, k, ld = ref.MR + 2, 3, 20
	a, b := whole(rows*k, 5), whole(k*ref.NR, 7) // [rows][k] and [k][NR]
	bias, side, residual := whole(rows, 3), whole(ref.NR, 2), whole(rows*ld, 11)
	packed := make([]float32, 2*ref.MR*k)
	for i := range rows {
		for p := range k {
			packed[i/ref.MR*ref.MR*k+p*ref.MR+i%ref.MR] = a[i*k+p]
		}
	}
	var off []int32
	for p := range k {
		off = append(off, int32(4*p*ref.NR))
	}
	before := whole(rows*ld, 1)
	want := slices.Clone(before)
	for i := range rows {
		for j := range ref.NR - 1 {
			var sum float32
			for p := range k {
				sum += a[i*k+p] * b[p*ref.NR+j]
			}
			sum = 2*sum + before[i*ld+j] + bias[i] + side[j] + residual[i*ld+j]
			want[i*ld+j] = max(-40, min(sum, 60))
		}
	}
	for name, f := range map[string]func(t *ref.Tile, rows int){
		"packed": ref.TilePacked, "offsets": ref.TileOffset, "strided": ref.TileStrided,
	} {
		c := slices.Clone(before)
		tile := ref.Tile{K: k, A: &packed[0], B0: &b[0], B1: &b[ref.VL], Off: &off[0], C0: &c[0], C1: &c[ref.VL], LDC: ld,
			N0: ref.VL, N1: ref.VL - 1, BiasRow: &bias[0], Bias0: &side[0], Bias1: &side[ref.VL], Res0: &residual[0],
			Res1: &residual[ref.VL], Alpha: 2, Lo: -40, Hi: 60, Scale: true, Accumulate: true, Clamp: true}
		if name == "strided" {
			tile.A, tile.RowA, tile.StepA = &a[0], k, 1
		}
		if f(&tile, rows); !slices.Equal(c, want) {
			t.Errorf("%s: %v, want %v", name, c, want)
		}
	}
}

// A product of transposed operands is that of the operands themselves.
func TestGemmByHand(t *testing.T) {
	a, b := []float64{1, 2, 3, 4, 5, 6}, []float64{1, 0, 0, 1, 1, 1} // [2,3] and [3,2]
	ta, tb := []float64{1, 4, 2, 5, 3, 6}, []float64{1, 0, 1, 0, 1, 1}
	for _, s := range []ref.GemmSpec{{}, {TransA: true}, {TransB: true}, {TransA: true, TransB: true}} {
		s.M, s.N, s.K, s.Alpha, s.Accumulate, s.BiasCol, s.Act, s.Lo, s.Hi = 2, 2, 3, 2, true, true, ref.ActClip, 0, 40
		x, y, c := a, b, []float64{1, 1, 1, -40}
		if s.TransA {
			x = ta
		}
		if s.TransB {
			y = tb
		}
		// A·B is [[4,5],[10,11]].
		if ref.Gemm(s, c, x, y, []float64{10, 20}); !slices.Equal(c, []float64{19, 31, 31, 2}) {
			t.Errorf("%+v: %v", s, c)
		}
		s.BiasCol, s.BiasRow, s.Act = false, true, ref.ActNone
		if ref.Gemm(s, c, x, y, []float64{10, 20}); !slices.Equal(c, []float64{37, 51, 71, 44}) {
			t.Errorf("%+v: %v", s, c)
		}
	}
}

// Filtering in Winograd's basis is a convolution: y = Aᵀ[(G·w·Gᵀ) ⊙ (Bᵀ·x·B)]A, and its
// transposes give the gradient.
func TestChangesOfBasisConvolve(t *testing.T) {
	for _, f := range []ref.Form{{M: 2, Stride: 1}, {M: 4, Stride: 1}, {M: 2, Stride: 2}} {
		m, n := f.M, f.Size()
		change := func(c ref.Change, src []float32, from, to int) []float32 {
			dst := make([]float32, to*to*ref.NR)
			ref.Transform(c.Matrix(f), &ref.Tiles{Dst: &dst[0], Src: &src[0], N: 1, DstRow: to * ref.NR, DstCol: ref.NR,
				SrcRow: from * ref.NR, SrcCol: ref.NR})
			return dst
		}
		times := func(a, b []float32) []float32 {
			c := make([]float32, len(a))
			ref.Mul(c, a, b)
			return c
		}
		x, w, dy := whole(n*n*ref.NR, 5), whole(9*ref.NR, 7), whole(m*m*ref.NR, 3)
		inBasis := change(ref.ChangeInput, x, n, n)
		y := change(ref.ChangeOutput, times(change(ref.ChangeWeight, w, 3, n), inBasis), n, m)
		dw := change(ref.ChangeWeightGrad, times(change(ref.ChangeOutputGrad, dy, m, n), inBasis), n, 3)
		near := func(what string, got []float32, i int, want float32) {
			if math.Abs(float64(got[i]-want)) > 1e-3 { // sums of 9 or 16 products of at most 36, rounded to float32
				t.Errorf("F(%v) %s[%d] is %g, want %g", f, what, i, got[i], want)
			}
		}
		for lane := range ref.NR {
			for i := range m * m {
				var want float32
				for k := range 9 {
					want += w[k*ref.NR+lane] * x[((i/m*f.Stride+k/3)*n+i%m*f.Stride+k%3)*ref.NR+lane]
				}
				near("y", y, i*ref.NR+lane, want)
			}
			for k := range 9 {
				var want float32
				for i := range m * m {
					want += dy[i*ref.NR+lane] * x[((i/m*f.Stride+k/3)*n+i%m*f.Stride+k%3)*ref.NR+lane]
				}
				near("dw", dw, k*ref.NR+lane, want)
			}
		}
		if f.Stride == 1 {
			continue
		}
		from, to := m+1, f.Step()
		dy, w = whole(from*from*ref.NR, 3), whole(9*ref.NR, 7)
		flipped := make([]float32, len(w))
		for k := range 9 {
			copy(flipped[k*ref.NR:][:ref.NR], w[(8-k)*ref.NR:])
		}
		dx := change(ref.ChangeTransposedOutput, times(change(ref.ChangeWeight, flipped, 3, n),
			change(ref.ChangeTransposedInput, dy, from, n)), n, to)
		for lane := range ref.NR {
			want := make([]float32, to*to)
			for i := range from * from { // dy reaches the three pixels around that of the second tap
				for k := range 9 {
					if r, c := i/from*2+k/3-1, i%from*2+k%3-1; r >= 0 && r < to && c >= 0 && c < to {
						want[r*to+c] += dy[i*ref.NR+lane] * w[k*ref.NR+lane]
					}
				}
			}
			for i, v := range want {
				near("dx", dx, i*ref.NR+lane, v)
			}
		}
	}
	if got := ref.ChangeWeightGrad.String(); got != "WeightGrad" {
		t.Error(got)
	}
	defer func() {
		if recover() == nil {
			t.Error("there is a form with tiles of 3")
		}
	}()
	ref.Form{M: 3, Stride: 1}.Points()
}

func TestSpreadByHand(t *testing.T) {
	src, bias, residual := whole(2*ref.NR, 5), []float32{1, 2, 3}, whole(3*4, 7)
	dst := make([]float32, 3*4)
	ref.Spread(&ref.Planes{Dst: &dst[0], Src: &src[0], Bias: &bias[0], Residual: &residual[0], Rows: 3, LD: 4, N: 2,
		Lo: -3, Hi: 5})
	for i := range 3 {
		for k := range 4 {
			want := float32(0)
			if k < 2 {
				want = max(-3, min(src[k*ref.NR+i]+bias[i]+residual[i*4+k], 5))
			}
			if dst[i*4+k] != want {
				t.Errorf("row %d, pixel %d: %g, want %g", i, k, dst[i*4+k], want)
			}
		}
	}
}

// The three forms of a depthwise convolution and its gradient are a grouped convolution.
func TestDepthwiseFormsConvolve(t *testing.T) {
	s := ref.ConvSpec{N: 1, C: 2, H: 3, W: 4, M: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilationH: 1, DilationW: 1,
		PadTop: 1, PadLeft: 1, PadBottom: 1, PadRight: 1, Group: 2, Bias: true, Act: ref.ActClip, Lo: -50, Hi: 60,
		Residual: true}
	const plane = 12
	x, w, bias, residual := whole(2*plane, 5), whole(18, 7), []float32{3, -2}, whole(2*plane, 3)
	want := make([]float32, 2*plane)
	ref.Conv(s, want, x, w, bias, residual)

	got := make([]float32, 2*plane)
	for c := range 2 {
		ref.DepthRowsConv(&ref.DepthRows{Y: &got[c*plane], X: &x[c*plane], W: &w[9*c], Residual: &residual[c*plane], H: 3,
			Width: 4, OutH: 3, OutW: 4, PadTop: 1, PadLeft: 1, Bias: bias[c], Lo: -50, Hi: 60, Clamp: true}, 3, 1)
	}
	if !slices.Equal(got, want) {
		t.Errorf("by rows: %v, want %v", got, want)
	}

	index, masks := make([][16]int32, 9), make([]uint16, 9)
	for k := range 9 {
		for i := range plane {
			if h, v := i/4+k/3-1, i%4+k%3-1; h >= 0 && h < 3 && v >= 0 && v < 4 {
				index[k][i], masks[k] = int32(4*h+v), masks[k]|1<<i
			}
		}
	}
	clear(got)
	ref.DepthLanesConv(&ref.DepthLanes{Y: &got[0], X: &x[0], W: &w[0], Residual: &residual[0], Bias: &bias[0],
		Index: &index[0], Masks: &masks[0], Taps: 9, Channels: 2, Images: 1, PlaneX: 4 * plane, PlaneY: 4 * plane,
		In: 1<<plane - 1, Out: 1<<plane - 1, Lo: -50, Hi: 60, Clamp: true})
	if !slices.Equal(got, want) {
		t.Errorf("in lanes: %v, want %v", got, want)
	}

	// A copy with a border: rows are 6 long, and a vector is a row of 4 results.
	dw, dy := make([]float32, 18), whole(2*plane, 11)
	s.Bias, s.Residual, s.Act = false, false, ref.ActNone
	ref.ConvGradW(s, dw, x, dy)
	vectors := make([]ref.Vector, ref.DepthGroup)
	for r := range 3 {
		vectors[r] = ref.Vector{Src: int32(6 * r), Dst: int32(4 * r), N: 4}
	}
	var off []int32
	for k := range 9 {
		off = append(off, int32(4*(k/3*6+k%3)))
	}
	clear(got)
	for c := range 2 {
		padded := make([]float32, 5*6+ref.VL)
		for r := range 3 {
			copy(padded[(r+1)*6+1:], x[c*plane+4*r:][:4])
		}
		d := ref.Depth{Y: &got[c*plane], X: &padded[0], W: &w[9*c], Residual: &residual[c*plane], Off: &off[0], K: 9,
			Vectors: &vectors[0], Groups: 1, Bias: bias[c], Lo: -50, Hi: 60, Clamp: true}
		ref.DepthConv(&d)
		sums := make([]float32, 9*ref.VL)
		ref.DepthGrad(&ref.Depth{Y: &dy[c*plane], X: &padded[0], W: &sums[0], Off: &off[0], K: 9,
			Vectors: &vectors[0], Groups: 3})
		for k := range 9 {
			if sum := ref.Sum(sums[k*ref.VL:][:ref.VL]); float32(sum) != dw[9*c+k] {
				t.Errorf("gradient of tap %d of channel %d: %g, want %g", k, c, sum, dw[9*c+k])
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("by vectors: %v, want %v", got, want)
	}
}

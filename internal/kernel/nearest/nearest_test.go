package nearest

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

func TestTileI16(t *testing.T) { testTile(t, TileI16, ref.TileI16) }

func TestTileI8(t *testing.T) {
	testTile(t, TileI8, ref.TileI8)
	// Bytes by the definition: −128 or 127 and 255 or 1, and one whose place decides.
	a, b := make([]int16, 2*Strip), make([]int16, 2*Strip)
	for i := range a {
		a[i], b[i] = 0x7f80, -0xff
	}
	a[5], b[2] = -0x80, 0x0100
	everywhere(func() {
		c := make([]int32, Rows*Cols)
		TileI8(c, Cols, a, b, 1, false)
		for i := range Rows {
			for j := range Cols {
				want := int32(0)
				for k := range 4 {
					half, shift := k/2, k%2*8
					want += int32(int8(a[2*i+half]>>shift)) * int32(uint8(b[2*j+half]>>shift))
				}
				if c[i*Cols+j] != want {
					t.Fatalf("row %d, column %d: %d, want %d", i, j, c[i*Cols+j], want)
				}
			}
		}
	})
}

// testTile compares a tile with its plain form, also where sums leave int32.
func testTile(t *testing.T, tile func(c []int32, ldc int, a, b []int16, pairs int, accumulate bool),
	plain func(c *int32, ldc int, a, b *int16, pairs int, accumulate bool)) {
	s := rng.New(1, rng.Bench)
	ints := func(n int) []int16 {
		v := make([]int16, n)
		for i := range v {
			v[i] = int16(s.Uint64())
		}
		return v
	}
	everywhere(func() {
		for pairs := 1; pairs < 70; pairs++ {
			for _, ldc := range []int{32, 33, 80} {
				for _, accumulate := range []bool{false, true} {
					a, b := ints(pairs*2*Strip + 17)[17:], ints(pairs*2*Strip + 1)[1:]
					got := make([]int32, Rows*ldc+8)
					for i := range got {
						got[i] = int32(s.Uint64())
					}
					want := slices.Clone(got)
					tile(got[1:], ldc, a, b, pairs, accumulate)
					plain(&want[1], ldc, &a[0], &b[0], pairs, accumulate)
					if !slices.Equal(got, want) {
						t.Fatalf("pairs %d ldc %d accumulate %v: got %v, want %v", pairs, ldc, accumulate, got, want)
					}
				}
			}
		}
	})
}

// The one sum that leaves int32: (−2¹⁵)² twice in a pair.
func TestTileI16Overflows(t *testing.T) {
	everywhere(func() {
		a, b := make([]int16, 2*Strip), make([]int16, 2*Strip)
		a[0], a[1], b[0], b[1] = math.MinInt16, math.MinInt16, math.MinInt16, math.MinInt16
		c := make([]int32, Rows*Cols)
		TileI16(c, Cols, a, b, 1, false)
		if c[0] != math.MinInt32 {
			t.Errorf("2³¹ is stored as %d, want it modulo 2³²", c[0])
		}
	})
}

func TestAbove(t *testing.T) {
	everywhere(func() { testAbove(t) })
}

func testAbove(t *testing.T) {
	s := rng.New(2, rng.Bench)
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	special := []float32{0, float32(math.Copysign(0, -1)), inf, -inf, nan, math.MaxFloat32, 1e-45}
	hits := 0
	for n := 0; n < 257; n += 16 {
		for round := range 20 {
			dots := make([]int32, n)
			w, b, bar := make([]float32, n+1)[1:], make([]float32, n+1)[1:], make([]float32, n+1)[1:]
			peaks := make([]float32, n+2)
			for i := range dots {
				dots[i] = int32(s.Uint64())
				w[i], b[i], bar[i] = float32(s.Normal()), 1e9*float32(s.Normal()), 1e9*float32(s.Normal())
				peaks[i+1] = 1e9 * float32(s.Normal())
				if round%4 == 3 && s.IntN(5) == 0 {
					w[i] = special[s.IntN(len(special))]
				}
				if round%4 == 3 && s.IntN(5) == 0 {
					b[i] = special[s.IntN(len(special))]
				}
			}
			l := Line{float32(s.Normal()), float32(s.Normal()), 1e9 * float32(s.Normal())}
			threshold := 1e9 * float32(s.Normal())
			if round == 3 {
				threshold = -math.MaxFloat32
			}
			var want []int32
			var wantScores []float32
			wantPeaks, isNaN := slices.Clone(peaks), false
			for j, d := range dots {
				shift := float32(l.B*b[j]) + l.C
				score := float32(float32(d)*float32(l.A*w[j])) + shift
				if score >= bar[j] || score >= threshold {
					want, wantScores = append(want, int32(j)), append(wantScores, score)
				}
				wantPeaks[j+1], isNaN = max(wantPeaks[j+1], score), isNaN || score != score
			}
			const canary = 12345
			got, scores := make([]int32, n+2), make([]float32, n+2)
			for _, i := range []int{0, n + 1} {
				got[i], scores[i], peaks[i], wantPeaks[i] = canary, canary, canary, canary
			}
			g := Above(got[1:n+1], scores[1:n+1], dots, w, b, bar, l, threshold)
			if !slices.Equal(got[1:1+g], want) || !slices.Equal(scores[1:1+g], wantScores) {
				t.Fatalf("n %d round %d: hits %v of %v, want %v of %v", n, round, got[1:1+g], scores[1:1+g], want, wantScores)
			}
			if Peaks(peaks[1:n+1], dots, w, b, l); !isNaN && !slices.Equal(peaks, wantPeaks) {
				t.Fatalf("n %d round %d: peaks %v, want %v", n, round, peaks, wantPeaks)
			}
			for _, i := range []int{0, n + 1} {
				if got[i] != canary || scores[i] != canary || peaks[i] != canary {
					t.Fatalf("n %d: wrote beyond the ends", n)
				}
			}
			hits += g
		}
	}
	if hits == 0 {
		t.Error("nothing was ever above")
	}
}

func TestCountAbove(t *testing.T) {
	s := rng.New(8, rng.Bench)
	for n := 0; n < 257; n += 8 {
		v := make([]float32, n+1)[1:]
		for _, threshold := range []float32{0, 0.5, float32(math.Inf(-1)), float32(math.Inf(1))} {
			want := 0
			for i := range v {
				v[i] = float32(s.IntN(5)-2) / 4
				switch s.IntN(9) {
				case 0:
					v[i] = float32(math.NaN())
				case 1:
					v[i] = float32(math.Inf(1 - 2*(i%2)))
				}
				if v[i] >= threshold {
					want++
				}
			}
			byRef := 0
			if n > 0 {
				byRef = ref.CountAbove(&v[0], n, threshold)
			}
			if got := CountAbove(v, threshold); got != want || byRef != want {
				t.Fatalf("%d of %v are %v or more, ref says %d, want %d", got, v, threshold, byRef, want)
			}
		}
	}
}

func TestSquaredDistance(t *testing.T) {
	s := rng.New(3, rng.Bench)
	for n := range 258 {
		a, b := make([]float32, n+3)[3:], make([]float32, n+1)[1:]
		exact := 0.0
		for i := range a {
			a[i], b[i] = float32(s.Normal()), float32(math.Ldexp(s.Normal(), s.IntN(60)-30))
			exact += (float64(a[i]) - float64(b[i])) * (float64(a[i]) - float64(b[i]))
		}
		got, want := SquaredDistance(a, b), ref.SquaredDistance(a, b)
		if math.Float64bits(got) != math.Float64bits(want) {
			t.Fatalf("n %d: got %v, want the bits of %v", n, got, want)
		}
		// n additions of positive numbers, two orders.
		if err := tol.Close([]float64{got}, []float64{exact}, 0, 2*float64(n+1)*0x1p-53); err != nil {
			t.Fatalf("n %d: %v", n, err)
		}
	}
	for _, v := range []float32{float32(math.NaN()), float32(math.Inf(1)), math.MaxFloat32, 1e-45} {
		for n := 1; n < 34; n++ {
			a, b := make([]float32, n), make([]float32, n)
			a[n-1] = v
			got, want := SquaredDistance(a, b), float64(v)*float64(v)
			if err := tol.Close([]float64{got}, []float64{want}, 0, 0); err != nil {
				t.Fatalf("%v at %d: %v", v, n-1, err)
			}
		}
	}
}

// vectors are floats of many sizes at an odd offset, and means for them.
func vectors(s *rng.Stream, n int) (x []float32, mean []float64) {
	x, mean = make([]float32, n+3)[3:], make([]float64, n+1)[1:]
	for i := range x {
		x[i], mean[i] = float32(math.Ldexp(s.Normal(), s.IntN(20)-10)), s.Normal()
	}
	return x, mean
}

// inEights hands the whole eights of a vector and the rest to f, which computes them in
// twos of sums.
func inEights(n int, eights func(n int) (a, b float64), one func(i int) (a, b float64)) (a, b float64) {
	whole := n &^ 7
	a, b = eights(whole)
	for i := whole; i < n; i++ {
		c, d := one(i)
		a, b = a+c, b+d
	}
	return a, b
}

func TestCentredSums(t *testing.T) {
	s := rng.New(4, rng.Bench)
	for n := range 258 {
		x, mean := vectors(&s, n)
		f := s.Normal()
		var exactly [2]float64
		size := 0.0
		for i := range x {
			c := f*float64(x[i]) - mean[i]
			exactly[0] += c * c
			exactly[1] += c * mean[i]
			size += c*c + math.Abs(c*mean[i])
		}
		square, along := CentredSums(x, mean, f)
		wantSquare, wantAlong := inEights(n, func(n int) (float64, float64) { return ref.CentredSums(x[:n], mean, f) },
			func(i int) (float64, float64) {
				c := float64(f*float64(x[i])) - mean[i]
				return float64(c * c), float64(c * mean[i])
			})
		if square != wantSquare || along != wantAlong {
			t.Fatalf("n %d: %v and %v, want the bits of %v and %v", n, square, along, wantSquare, wantAlong)
		}
		// n additions in two orders.
		if err := tol.Close([]float64{square, along}, exactly[:], 2*float64(n+1)*0x1p-53*size, 0); err != nil {
			t.Fatalf("n %d: %v", n, err)
		}
	}
}

func TestRoundCentred(t *testing.T) {
	s := rng.New(5, rng.Bench)
	for n := range 258 {
		for _, width := range []int{1, 6, 16} {
			x, mean := vectors(&s, n)
			for i := range x {
				if x[i] *= 1 / 128.; i%5 == 0 { // a half: the even neighbour
					x[i], mean[i] = 2*(float32(s.IntN(200)-100)+0.5), 0
				}
			}
			const f, unit, canary = 0.5, 1, 12345
			got := make([]int16, (n+1)/2*2*width+8)
			for i := range got {
				got[i] = canary
			}
			want := slices.Clone(got)
			var exactly [2]float64
			for i := range x {
				v := (f*float64(x[i]) - mean[i]) * unit
				r := math.RoundToEven(v)
				want[i/2*2*width+i%2] = int16(r)
				exactly[0] += r * r
				exactly[1] += (v - r) * (v - r)
			}
			whole, residual := RoundCentred(got, width, x, mean, f, unit)
			if !slices.Equal(got, want) {
				t.Fatalf("n %d width %d: %v, want %v", n, width, got, want)
			}
			if err := tol.Close([]float64{whole, residual}, exactly[:], 0, 2*float64(n+1)*0x1p-53); err != nil {
				t.Fatalf("n %d width %d: %v", n, width, err)
			}
			again := make([]int16, len(got))
			wantWhole, wantResidual := inEights(n,
				func(n int) (float64, float64) { return ref.RoundCentred(again, width, x[:n], mean, f, unit) },
				func(i int) (float64, float64) {
					v := (float64(f*float64(x[i])) - mean[i]) * unit
					r := math.RoundToEven(v)
					return float64(r * r), float64((v - r) * (v - r))
				})
			if whole != wantWhole || residual != wantResidual {
				t.Fatalf("n %d: %v and %v, want the bits of %v and %v", n, whole, residual, wantWhole, wantResidual)
			}
		}
	}
	dst := make([]int16, 16)
	RoundCentred(dst, 1, []float32{32767, -32767, 32766.5, -32766.5, 0, 0, 0, 0}, make([]float64, 8), 1, 1)
	if want := []int16{32767, -32767, 32766, -32766}; !slices.Equal(dst[:4], want) {
		t.Errorf("the greatest are %v, want %v", dst[:4], want)
	}
}

func TestAddCentred(t *testing.T) {
	s := rng.New(6, rng.Bench)
	for n := range 258 {
		x, mean := vectors(&s, n)
		got, f := make([]float64, n+2), s.Normal()
		for i := range got {
			got[i] = s.Normal()
		}
		want := slices.Clone(got)
		for i := range x {
			want[i+1] += float64(f*float64(x[i])) - mean[i]
		}
		AddCentred(got[1:n+1], x, mean, f)
		if !slices.Equal(got, want) {
			t.Fatalf("n %d: %v, want %v", n, got, want)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	const n = 4096
	x, mean, dst := make([]float32, n), make([]float64, n), make([]int16, 16*n)
	for b.Loop() {
		CentredSums(x, mean, 1)
		RoundCentred(dst, 16, x, mean, 1, 1)
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n, "ns/element")
}

func BenchmarkTileI16(b *testing.B) { benchTile(b, TileI16, 2) }
func BenchmarkTileI8(b *testing.B)  { benchTile(b, TileI8, 4) }

// benchTile measures a tile of so many elements in the place of a pair.
func benchTile(b *testing.B, tile func(c []int32, ldc int, a, b []int16, pairs int, accumulate bool), elements int) {
	const pairs = 128
	x, y, c := make([]int16, 2*Strip*pairs), make([]int16, 2*Strip*pairs), make([]int32, Rows*Cols)
	for b.Loop() {
		tile(c, Cols, x, y, pairs, true)
	}
	b.ReportMetric(float64(b.N*Rows*Cols*elements)*pairs*1e-9/b.Elapsed().Seconds(), "GMAC/s")
}

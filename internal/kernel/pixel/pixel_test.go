package pixel

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// pixels returns n numbers of [0,1), some of them twice, from an odd offset on.
func pixels(s *rng.Stream, n int) []float32 {
	x := make([]float32, n+1)[1:]
	for i := range x {
		x[i] = float32(s.IntN(64)) / 64
	}
	return x
}

// The elements around what a kernel writes must stay, so both results begin as
// copies of the same noise.

func TestScale(t *testing.T) {
	s := rng.New(1, rng.Bench)
	for n := 1; n < 70; n++ {
		for _, rows := range []int{1, 2, 5} {
			const wide = 9
			src, weight := pixels(&s, rows*wide), pixels(&s, max(n, rows))
			at := make([]int32, n+1)[1:]
			for i := range at {
				at[i] = int32(s.IntN(wide - 1))
			}
			got := pixels(&s, rows*(n+2)+1)
			want := slices.Clone(got)
			ScaleRows(got[1:], src, rows, n+2, wide, at, weight)
			ref.ScaleRows(&want[1], &src[0], rows, n+2, wide, n, &at[0], &weight[0])
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("rows, n %d rows %d: %v", n, rows, err)
			}
			down := make([]int32, rows)
			for i := range down {
				down[i] = int32(i / 2)
			}
			tall := pixels(&s, (rows/2+2)*(n+3))
			got = pixels(&s, rows*n+2)
			want = slices.Clone(got)
			ScaleColumns(got[1:], tall, n+3, n, down, weight)
			ref.ScaleColumns(&want[1], &tall[0], rows, n+3, n, &down[0], &weight[0])
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("columns, n %d rows %d: %v", n, rows, err)
			}
		}
	}
}

func TestGatherInside(t *testing.T) {
	s := rng.New(2, rng.Bench)
	for n := 1; n < 258; n++ {
		src := pixels(&s, 50)
		at := make([]int32, n)
		for i := range at {
			at[i] = int32(s.IntN(60)) - 10
		}
		got := pixels(&s, n+2)
		want := slices.Clone(got)
		GatherInside(got[1:], src, at)
		ref.GatherInside(&want[1], &src[0], &at[0], n)
		if err := tol.Close(got, want, 0, 0); err != nil {
			t.Fatalf("n %d: %v", n, err)
		}
	}
	GatherInside(nil, nil, nil)
}

func TestTurnHue(t *testing.T) {
	s := rng.New(3, rng.Bench)
	for n := 1; n < 258; n++ {
		all := pixels(&s, 3*n+2)[1:]
		got := all[:3*n]
		r, g, b := got[:n], got[n:2*n], got[2*n:]
		for i := range n { // greys, and two equal channels
			switch s.IntN(6) {
			case 0:
				r[i], g[i] = b[i], b[i]
			case 1:
				r[i] = g[i]
			case 2:
				g[i] = b[i]
			}
		}
		turn := 6 * s.Float32()
		if n%8 == 0 {
			turn = float32(n / 8 % 7)
		}
		before := slices.Clone(all)
		want := slices.Clone(all)
		TurnHue(r, g, b, turn)
		ref.TurnHue(&want[0], &want[n], &want[2*n], n, turn)
		const limit = 4 * 12 * 0x1p-24 // the sector, up to 12, is rounded in another order: 4 ULP of it
		if err := tol.Close(all, want, limit, 0); err != nil {
			t.Fatalf("n %d turn %v: %v", n, turn, err)
		}
		if turn != 0 && turn != 6 {
			continue
		}
		if err := tol.Close(all, before, limit, 0); err != nil {
			t.Fatalf("n %d: a whole turn changes the image: %v", n, err)
		}
	}
}

func BenchmarkTurnHue(b *testing.B) {
	s := rng.New(4, rng.Bench)
	r, g, z := pixels(&s, 1024), pixels(&s, 1024), pixels(&s, 1024)
	for b.Loop() {
		TurnHue(r, g, z, 0.3)
	}
}

package tile

import (
	"fmt"
	"math"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// tileCase is one of many tiles: every number of rows and of columns, with and
// without each part of the epilogue.
type tileCase struct {
	t, u ref.Tile // alike but for their columns
	rows int
}

const tileCases, tileLD = 4000, 72

func newTileCase(trial int) tileCase {
	r := rng.New(uint64(trial), rng.Bench)
	buf := func(n int) []float32 {
		b := make([]float32, n)
		for i := range b {
			b[i] = float32(r.Float64()*2 - 1)
		}
		return b
	}
	k, shift := trial%23, trial%5
	switch {
	case trial%4 == 3:
		k += 48
	case trial%8 == 1: // sums so long that panels of 13 rows are worth while
		k += 128
	}
	a, b, off := buf(30*(k+16)+50+shift), buf(40*k+96), make([]int32, k+1)
	for i := range off[:k] {
		off[i] = int32(4 * ((i * 37) % (40*k + 1)))
	}
	bias, res := buf(80), buf(30*tileLD)
	t := ref.Tile{K: k, A: &a[shift], LDC: tileLD, N0: trial / 6 % 9, N1: trial / 54 % 9, Alpha: 0.75, Lo: -0.3, Hi: 0.4,
		Scale: trial&1 != 0, Accumulate: trial&2 != 0, Clamp: trial&4 != 0,
		B0: &b[shift], B1: &b[shift+11], Off: &off[0]}
	if trial%7 < 3 { // halves of B that are neighbours, of either tile or of both
		t.B1 = &b[shift+8]
	}
	rows := 1 + trial%29
	if trial&8 != 0 {
		t.BiasRow = &bias[shift]
	}
	u := t
	u.B0, u.B1, u.N0, u.N1 = &b[shift+16], &b[shift+37], trial/7%9, trial/49%9
	if trial%7 > 0 && trial%7 < 4 {
		u.B1 = &b[shift+24]
	}
	if trial%3 == 0 { // whole tiles are the common case
		t.N0, t.N1, u.N0, u.N1 = 8, 8, 8, 8
	}
	if trial&16 != 0 {
		t.Bias0, t.Bias1, u.Bias0, u.Bias1 = &bias[1], &bias[16], &bias[33], &bias[50]
	}
	if trial&32 != 0 {
		t.Res0, t.Res1, u.Res0, u.Res1 = &res[3], &res[21], &res[32], &res[50]
	}
	return tileCase{t, u, rows}
}

// run computes both tiles of the case, in halves that touch where trial is even.
func (c tileCase) run(trial int, f func(t, u *ref.Tile, rows int)) []float32 {
	out := make([]float32, 30*tileLD+8)
	for i := range out {
		out[i] = float32(i%7) - 3
	}
	t, u := c.t, c.u
	t.C0, t.C1, u.C0, u.C1 = &out[2], &out[10+trial%2*9], &out[37], &out[45+trial%2*9]
	f(&t, &u, c.rows)
	return out
}

// inPlace returns f on an A that is read in place: its rows are apart by k, or its
// columns by the number of rows.
func (c tileCase) inPlace(trial int, f func(t, u *ref.Tile, rows int)) func(t, u *ref.Tile, rows int) {
	return func(t, u *ref.Tile, rows int) {
		t.RowA, t.StepA = t.K, 1
		if trial%3 == 0 && t.K > 0 {
			t.RowA, t.StepA = 1, rows
		}
		u.RowA, u.StepA = t.RowA, t.StepA
		f(t, u, rows)
	}
}

// inBlocks is inPlace of blocks of 16 columns, of which there must be whole ones.
func (c tileCase) inBlocks(f func(t, u *ref.Tile, rows int)) func(t, u *ref.Tile, rows int) {
	return func(t, u *ref.Tile, rows int) {
		t.K = t.K / ref.NR * ref.NR
		t.RowA, t.StepA = ref.NR, ref.NR*rows+3
		u.K, u.RowA, u.StepA = t.K, t.RowA, t.StepA
		f(t, u, rows)
	}
}

// oneOf and pairOf are the kernels of a kind.
func oneOf(k Kind) func(t *ref.Tile, rows int) {
	return func(t *ref.Tile, rows int) { Run(k, t, rows) }
}

func pairOf(k Kind) func(t, u *ref.Tile, rows int) {
	return func(t, u *ref.Tile, rows int) { RunPair(k, t, u, rows) }
}

// each calls f for both tiles.
func each(f func(*ref.Tile, int)) func(t, u *ref.Tile, rows int) {
	return func(t, u *ref.Tile, rows int) {
		f(t, rows)
		f(u, rows)
	}
}

// TestTile holds each micro-kernel against the plain one.
func TestTile(t *testing.T) {
	for trial := range tileCases {
		c := newTileCase(trial)
		packed, offset := c.run(trial, each(ref.TilePacked)), c.run(trial, each(ref.TileOffset))
		strided := c.run(trial, c.inPlace(trial, each(ref.TileStrided)))
		turned := c.run(trial, c.inBlocks(each(ref.TileTurned)))
		for _, f := range []struct {
			name string
			f    func(t, u *ref.Tile, rows int)
			want []float32
		}{
			{"packed", each(oneOf(Packed)), packed}, {"offset", each(oneOf(Offset)), offset},
			{"packed pair", pairOf(Packed), packed}, {"offset pair", pairOf(Offset), offset},
			{"strided", c.inPlace(trial, each(oneOf(Strided))), strided},
			{"strided pair", c.inPlace(trial, pairOf(Strided)), strided},
			{"turned", c.inBlocks(each(oneOf(Turned))), turned},
			{"turned pair", c.inBlocks(pairOf(Turned)), turned},
		} {
			// k ≤ 22 products of at most 1, and terms of at most 3.
			if err := tol.Close(c.run(trial, f.f), f.want, 1e-5, 1e-6); err != nil {
				t.Fatalf("%s trial %d: rows %d n %d+%d, %d+%d k %d: %v",
					f.name, trial, c.rows, c.t.N0, c.t.N1, c.u.N0, c.u.N1, c.t.K, err)
			}
		}
	}
}

func TestTileNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	a := []float32{nan, inf, 1, 2, 0, -1}
	b := make([]float32, 16)
	for i := range b {
		b[i] = float32(i - 3)
	}
	var got, want [96]float32
	tile := ref.Tile{K: 1, B0: &b[0], LDC: 16, N0: 8, N1: 8, Clamp: true, Lo: 0, Hi: 6}
	tile.A, tile.C0, tile.C1 = &a[0], &got[0], &got[8]
	Run(Packed, &tile, 6)
	tile.A, tile.C0, tile.C1 = &a[0], &want[0], &want[8]
	ref.TilePacked(&tile, 6)
	if err := tol.Close(got[:], want[:], 0, 0); err != nil {
		t.Fatal(err)
	}
	if got[0] == got[0] {
		t.Fatalf("clamp of NaN gives %v, want NaN", got[0])
	}
}

func BenchmarkTile(b *testing.B) {
	for _, k := range []int{64, 144, 256, 576} {
		for _, rows := range []int{1, 2, 4, 6, 8, 12, 64} {
			a, bb, c := make([]float32, 72*k), make([]float32, 32*k+40), make([]float32, 66*32)
			off := make([]int32, k)
			for i := range off {
				off[i] = int32(128 * i)
			}
			t := ref.Tile{K: k, B0: &bb[3], B1: &bb[11], Off: &off[0], LDC: 32, N0: 8, N1: 8}
			u := t
			for name, f := range map[string]func(){
				"packed":      func() { Run(Packed, &t, rows); Run(Packed, &u, rows) },
				"offset":      func() { Run(Offset, &t, rows); Run(Offset, &u, rows) },
				"packed-pair": func() { RunPair(Packed, &t, &u, rows) },
				"offset-pair": func() { RunPair(Offset, &t, &u, rows) },
				"strided": func() {
					v, w := t, u
					v.RowA, v.StepA, w.RowA, w.StepA = k, 1, k, 1
					Run(Strided, &v, rows)
					Run(Strided, &w, rows)
				},
				"strided-pair": func() {
					v, w := t, u
					v.RowA, v.StepA, w.RowA, w.StepA = k, 1, k, 1
					RunPair(Strided, &v, &w, rows)
				},
				"turned-pair": func() {
					v, w := t, u
					v.RowA, v.StepA, w.RowA, w.StepA = 16, 16*rows, 16, 16*rows
					RunPair(Turned, &v, &w, rows)
				},
			} {
				b.Run(fmt.Sprintf("%s/k%d/rows%d", name, k, rows), func(b *testing.B) {
					for b.Loop() {
						t.A, t.C0, t.C1, u.A, u.C0, u.C1 = &a[0], &c[0], &c[8], &a[0], &c[16], &c[24]
						u.B0, u.B1 = &bb[19], &bb[27]
						f()
					}
					b.ReportMetric(float64(2*32*rows*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}

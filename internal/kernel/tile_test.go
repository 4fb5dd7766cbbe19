package kernel

import (
	"fmt"
	"math"
	"os"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

func TestRequiredISA(t *testing.T) {
	if want := os.Getenv("MEMPROBE_REQUIRE_ISA"); want != "" && ISA() != want {
		t.Fatalf("kernels in use are %q, want %q", ISA(), want)
	}
}

// TestTile holds each micro-kernel against the plain one, for every number of
// rows and of columns, with and without each part of the epilogue.
func TestTile(t *testing.T) {
	const ld, guard = 40, float32(12345)
	r := rng.New(1, rng.Bench)
	buf := func(n int) []float32 {
		b := make([]float32, n)
		for i := range b {
			b[i] = float32(r.Float64()*2 - 1)
		}
		return b
	}
	for trial := range 4000 {
		k := trial % 23
		rows, n0, n1 := 1+trial%20, trial/6%9, trial/54%9
		shift := trial % 5
		tile := ref.Tile{K: k, LDC: ld, N0: n0, N1: n1, Alpha: 0.75, Lo: -0.3, Hi: 0.4,
			Scale: trial&1 != 0, Accumulate: trial&2 != 0, Clamp: trial&4 != 0}
		a, b, off := buf(24*k+1+shift), buf(40*k+64), make([]int32, k+1)
		for i := range off[:k] {
			off[i] = int32(4 * ((i * 37) % (40*k + 1)))
		}
		bias, res := buf(48), buf(24*ld)
		if trial&8 != 0 {
			tile.BiasRow = &bias[shift]
		}
		if trial&16 != 0 {
			tile.Bias0, tile.Bias1 = &bias[1], &bias[16]
		}
		if trial&32 != 0 {
			tile.Res0, tile.Res1 = &res[3], &res[21]
		}
		tile.B0, tile.B1, tile.Off = &b[shift], &b[shift+11], &off[0]
		got := buf(24*ld + 8)
		for i := range got {
			got[i] = guard
		}
		want := append([]float32(nil), got...)
		for name, f := range map[string][2]func(*ref.Tile, int){
			"packed": {tilePacked, ref.TilePacked}, "offset": {tileOffset, ref.TileOffset},
			"strided": {tileStrided, ref.TileStrided}} {
			mine, plain := tile, tile
			if name == "strided" { // rows apart by k, or columns by the number of rows
				mine.RowA, mine.StepA = k, 1
				if trial%3 == 0 && k > 0 {
					mine.RowA, mine.StepA = 1, rows
				}
				plain.RowA, plain.StepA = mine.RowA, mine.StepA
			}
			mine.A, mine.C0, mine.C1 = &a[shift], &got[2], &got[20]
			f[0](&mine, rows)
			plain.A, plain.C0, plain.C1 = &a[shift], &want[2], &want[20]
			f[1](&plain, rows)
			// k ≤ 22 products of at most 1, added to the guard at worst.
			if err := tol.Close(got, want, 1e-5, 1e-6); err != nil {
				t.Fatalf("%s rows %d n %d+%d k %d trial %d: %v", name, rows, n0, n1, k, trial, err)
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
	tilePacked(&tile, 6)
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
		for rows := 1; rows <= 6; rows++ {
			a, bb, c := make([]float32, 6*k), make([]float32, 16*k+16), make([]float32, 96)
			off := make([]int32, k)
			for i := range off {
				off[i] = int32(64 * i)
			}
			tile := ref.Tile{K: k, RowA: k, StepA: 1, B0: &bb[3], B1: &bb[11], Off: &off[0], LDC: 16, N0: 8, N1: 8}
			for name, f := range map[string]func(*ref.Tile, int){"packed": tilePacked, "offset": tileOffset, "strided": tileStrided} {
				b.Run(fmt.Sprintf("%s/k%d/rows%d", name, k, rows), func(b *testing.B) {
					for b.Loop() {
						tile.A, tile.C0, tile.C1 = &a[0], &c[0], &c[8]
						f(&tile, rows)
					}
					b.ReportMetric(float64(2*16*rows*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(Peak(nil), "GFLOP/s")
	}
}

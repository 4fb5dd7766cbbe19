package tile

import (
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// Quads are products with all that follows, for any number of rows and columns.
func TestRunQuad(t *testing.T) {
	for trial := range 300 {
		rows, n, k := 1+trial%19, 1+trial*7%ref.QuadNR, trial%41
		a, b := kerneltest.Noise(Side{N: rows, Width: MR}.Panels()*MR*k+1, 1), kerneltest.Noise(k*(n+3)+n, 2)
		bias, residual := kerneltest.Noise(rows, 3), kerneltest.Noise(rows*(n+5), 4)
		c, want := kerneltest.Noise(rows*(n+5), 5), make([]float64, rows*(n+5))
		q := ref.Quad{K: k, N: n, A: &a[0], B: &b[0], C: &c[0], LDB: n + 3, LDC: n + 5, Clamp: trial%5 > 0, Lo: -0.7, Hi: 0.9,
			Next: &b[0], NextRows: k, NextStep: 4 * (n + 3)}
		if trial%2 == 0 {
			q.Bias = &bias[0]
		}
		if trial%3 == 0 {
			q.Residual = &residual[0]
		}
		for i := range want {
			want[i] = float64(c[i])
			row, j := i/q.LDC, i%q.LDC
			if j >= n {
				continue
			}
			sum := 0.0
			for l := range k {
				sum += float64(a[(row/MR*k+l)*MR+row%MR]) * float64(b[l*q.LDB+j])
			}
			if q.Bias != nil {
				sum += float64(bias[row])
			}
			if q.Residual != nil {
				sum += float64(residual[i])
			}
			if want[i] = sum; q.Clamp {
				want[i] = min(max(sum, float64(q.Lo)), float64(q.Hi))
			}
		}
		for name, run := range map[string]func(*ref.Quad, int){"RunQuad": RunQuad, "ref": ref.QuadTile} {
			run(&q, rows)
			kerneltest.Intact(t, c)
			if err := tol.Close(c, want, 1e-5, 1e-6); err != nil {
				t.Fatalf("%s, trial %d: %d rows, %d columns, k %d: %v", name, trial, rows, n, k, err)
			}
		}
	}
}

// Quads of vectors that lie anywhere are, bit for bit, tiles of eight and eight columns.
func TestRunQuadOffset(t *testing.T) {
	for trial := range 300 {
		rows, k := 1+trial%19, 1+trial*7%41
		a, b := kerneltest.Noise(Side{N: rows, Width: MR}.Panels()*MR*k, 1), kerneltest.Noise(1000, 2)
		off := make([]int32, k)
		for i := range off {
			off[i] = int32(4 * (i * 37 % 300))
		}
		const ld = 210
		bias, residual, c := kerneltest.Noise(rows, 3), kerneltest.Noise(rows*ld, 4), kerneltest.Noise(rows*ld, 5)
		var cols []ref.Vector
		for v := range int32(ref.QuadNR / NR) {
			cols = append(cols, ref.Vector{Src: v * 100 % 230, Dst: 50*v + 3, N: int32(trial) * (v + 5) % (NR + 1)})
		}
		q := ref.Quad{K: k, A: &a[0], B: &b[0], C: &c[0], Off: &off[0], Cols: &cols[0], LDC: ld,
			Clamp: trial%5 > 0, Lo: -0.7, Hi: 0.9, Next: &c[0], NextRows: rows, NextStep: 4 * ld}
		if trial%2 == 0 {
			q.Bias = &bias[0]
		}
		if trial%3 == 0 {
			q.Residual = &residual[0]
		}
		want, plain := slices.Clone(c), slices.Clone(c)
		for _, v := range cols {
			one := ref.Tile{K: k, A: &a[0], Off: &off[0], LDC: ld, BiasRow: q.Bias, Clamp: q.Clamp, Lo: q.Lo, Hi: q.Hi,
				B0: At(b, int(v.Src)), B1: At(b, int(v.Src)+VL), C0: At(want, int(v.Dst)), C1: At(want, int(v.Dst)+VL),
				N0: min(int(v.N), VL), N1: max(int(v.N)-VL, 0)}
			if q.Residual != nil {
				one.Res0, one.Res1 = At(residual, int(v.Dst)), At(residual, int(v.Dst)+VL)
			}
			Run(Offset, &one, rows)
		}
		RunQuad(&q, rows)
		if HasQuads() && !slices.Equal(c, want) {
			t.Fatalf("trial %d: %d rows, %v, k %d: other bits than tiles", trial, rows, cols, k)
		}
		q.C = &plain[0]
		ref.OffsetQuadTile(&q, rows)
		for i := range want {
			if math.Abs(float64(plain[i]-want[i])) > 1e-5 || math.Abs(float64(c[i]-want[i])) > 1e-5 {
				t.Fatalf("trial %d: element %d is %g, in Go %g, want %g", trial, i, c[i], plain[i], want[i])
			}
		}
	}
}

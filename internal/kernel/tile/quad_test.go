package tile

import (
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
		q := ref.Quad{K: k, N: n, A: &a[0], B: &b[0], C: &c[0], LDB: n + 3, LDC: n + 5, Lo: -0.7, Hi: 0.9,
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
			want[i] = min(max(sum, float64(q.Lo)), float64(q.Hi))
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

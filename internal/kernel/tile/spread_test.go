package tile

import (
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestSpread(t *testing.T) {
	for n := 1; n < 70; n++ {
		for rows := 1; rows <= NR; rows++ {
			src, bias, res := kerneltest.Noise(n*NR+n, 1), kerneltest.Noise(rows, 2), kerneltest.Noise(rows*(n+3), 3)
			got, want := kerneltest.Noise(rows*(n+3), 4), kerneltest.Noise(rows*(n+3), 4)
			p := ref.Planes{Src: &src[n], Rows: rows, N: n, LD: n + 3, Lo: -0.5, Hi: 0.7}
			if n&1 != 0 {
				p.Bias = &bias[0]
			}
			if n&2 != 0 {
				p.Residual = &res[0]
			}
			p.Dst = &got[0]
			Spread(&p)
			p.Dst = &want[0]
			ref.Spread(&p)
			if err := tol.Close(got, want, 0, 0); err != nil {
				t.Fatalf("%d pixels, %d rows: %v", n, rows, err)
			}
			kerneltest.Intact(t, got)
		}
	}
}

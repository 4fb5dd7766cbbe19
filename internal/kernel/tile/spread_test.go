package tile

import (
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestSpread(t *testing.T) {
	inf := float32(math.Inf(1))
	bounds := [][2]float32{{-0.5, 0.7}, {0, inf}, {-inf, inf}, {-inf, 0.3}}
	for n := 1; n < 70; n++ {
		for rows := 1; rows <= NR; rows++ {
			src, bias, res := kerneltest.Noise(n*NR+n, 1), kerneltest.Noise(rows, 2), kerneltest.Noise(rows*(n+3), 3)
			got, want := kerneltest.Noise(rows*(n+3), 4), kerneltest.Noise(rows*(n+3), 4)
			p := ref.Planes{Src: &src[n], Rows: rows, N: n, LD: n + 3}
			p.Lo, p.Hi = bounds[n/4%4][0], bounds[n/4%4][1]
			src[n] = float32(math.NaN())
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

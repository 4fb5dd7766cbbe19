package tile

import (
	"math"
	"testing"

	"memprobe/internal/kernel/kerneltest"
	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

func TestSpread(t *testing.T) {
	for n := 1; n < 70; n++ {
		for rows := 1; rows <= NR; rows++ {
			spreadLike(t, n, rows, n+3)
		}
	}
}

// Planes of whole pages.
func TestSpreadPages(t *testing.T) {
	for n := 1; n <= 1024; n += 31 {
		spreadLike(t, n, n%NR+1, 1024)
	}
}

func spreadLike(t *testing.T, n, rows, ld int) {
	t.Helper()
	inf := float32(math.Inf(1))
	bounds := [][2]float32{{-0.5, 0.7}, {0, inf}, {-inf, inf}, {-inf, 0.3}}
	src, bias, res := kerneltest.Noise(n*NR+n, 1), kerneltest.Noise(rows, 2), kerneltest.Noise(rows*ld, 3)
	got, want := kerneltest.Noise(rows*ld, 4), kerneltest.Noise(rows*ld, 4)
	p := ref.Planes{Src: &src[n], Rows: rows, N: n, LD: ld}
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

package ref_test

import (
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/tol"
)

// A 2x2 kernel over a 3x3 image, by hand.
func TestConvByHand(t *testing.T) {
	s := ref.ConvSpec{N: 1, C: 1, H: 3, W: 3, M: 1, KH: 2, KW: 2, StrideH: 1, StrideW: 1,
		DilationH: 1, DilationW: 1, Group: 1, Bias: true, Act: ref.ActClip, Lo: 0, Hi: 30}
	x := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	w := []float64{1, 0, -1, 2}
	y := make([]float64, 4)
	ref.Conv(s, y, x, w, []float64{-8}, nil)
	if err := tol.Close(y, []float64{0, 1, 5, 7}, 0, 0); err != nil {
		t.Fatalf("%v: %v", y, err)
	}
}

// <dy, conv(x, w)> is linear in x and in w, so that each gradient, applied to
// its argument, gives the same number back.
func TestConvGradientsAreAdjoint(t *testing.T) {
	s := ref.ConvSpec{N: 2, C: 4, H: 7, W: 6, M: 6, KH: 3, KW: 2, StrideH: 2, StrideW: 1, DilationH: 1, DilationW: 2,
		PadTop: 1, PadLeft: 2, PadBottom: 0, PadRight: 1, Group: 2}
	nx, nw, ny := s.Lengths()
	wave := func(n, step int) []float64 {
		v := make([]float64, n)
		for i := range v {
			v[i] = float64(i*step%17) - 8
		}
		return v
	}
	x, w, dy := wave(nx, 5), wave(nw, 3), wave(ny, 7)
	y, dx, dw := make([]float64, ny), make([]float64, nx), make([]float64, nw)
	ref.Conv(s, y, x, w, nil, nil)
	ref.ConvGradX(s, dx, dy, w)
	ref.ConvGradW(s, dw, x, dy)
	dot := func(a, b []float64) []float64 {
		sum := 0.0
		for i := range a {
			sum += a[i] * b[i]
		}
		return []float64{sum}
	}
	want := dot(dy, y)
	if want[0] == 0 {
		t.Fatal("the example says nothing")
	}
	for name, got := range map[string][]float64{"x": dot(dx, x), "w": dot(dw, w)} {
		if err := tol.Close(got, want, 0, 0); err != nil { // integers: exact
			t.Errorf("gradient of %s: %v", name, err)
		}
	}
}

package half

import (
	"math"
	"testing"
)

// nearest16 is the definition: the candidate closest to v, ties to the even one.
func nearest16(v float32, value func(uint16) float32) uint16 {
	best, dist := uint16(0), math.Inf(1)
	for b := range 1 << 16 {
		f := float64(value(uint16(b)))
		if math.IsNaN(f) || math.IsInf(f, 0) || math.Signbit(f) != math.Signbit(float64(v)) {
			continue
		}
		d := math.Abs(f - float64(v))
		if d < dist || d == dist && b&1 == 0 {
			best, dist = uint16(b), d
		}
	}
	return best
}

func TestEvery16BitValueSurvives(t *testing.T) {
	for b := range 1 << 16 {
		if f := FromF16(uint16(b)); f != f {
			if g := FromF16(ToF16(f)); g == g {
				t.Fatalf("NaN %#04x became %v", b, g)
			}
		} else if got := ToF16(f); got != uint16(b) {
			t.Fatalf("binary16 %#04x (%v) came back as %#04x", b, f, got)
		}
		if f := FromBF16(uint16(b)); f != f {
			if g := FromBF16(ToBF16(f)); g == g {
				t.Fatalf("NaN %#04x became %v", b, g)
			}
		} else if got := ToBF16(f); got != uint16(b) {
			t.Fatalf("bfloat16 %#04x (%v) came back as %#04x", b, f, got)
		}
	}
}

func TestNarrowingRoundsToNearestEven(t *testing.T) {
	for _, v := range []float32{
		1, 1 + 0x1p-11, 1 + 3*0x1p-11, 1 + 0x1p-11 + 0x1p-20, -1.0007, 3.14159, 65519.99, -65504,
		0x1p-14, 0x1p-14 - 0x1p-26, 0x1p-15, 0x1.8p-24, 0x1p-25, 0x1.000002p-25, 0x1p-26, 1e-30, 0, 0.1, 1e-5,
	} {
		if got, want := ToF16(v), nearest16(v, FromF16); got != want {
			t.Errorf("ToF16(%g) = %#04x, want %#04x", v, got, want)
		}
		if got, want := ToBF16(v), nearest16(v, FromBF16); got != want {
			t.Errorf("ToBF16(%g) = %#04x, want %#04x", v, got, want)
		}
	}
	inf := float32(math.Inf(1))
	for _, v := range []float32{65520, 1e6, inf} {
		if got := FromF16(ToF16(v)); got != inf {
			t.Errorf("binary16 of %g is %g, want +Inf", v, got)
		}
		if got := FromF16(ToF16(-v)); got != -inf {
			t.Errorf("binary16 of %g is %g, want -Inf", -v, got)
		}
	}
	if got := FromBF16(ToBF16(math.MaxFloat32)); got != inf {
		t.Errorf("bfloat16 of the largest float32 is %g, want +Inf", got)
	}
}

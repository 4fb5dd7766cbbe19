// Package tol compares arrays of numbers. Every numerical test goes through it,
// so that a NaN never passes and comparing nothing fails.
package tol

import (
	"fmt"
	"math"
)

// Close reports the worst disagreement between got and want, or nil when every
// |got−want| ≤ abs + rel·|want|. NaN agrees with NaN alone, and an infinity only
// with itself. Different lengths and empty arrays are errors.
func Close[T, U float32 | float64](got []T, want []U, abs, rel float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d values, want %d", len(got), len(want))
	}
	if len(want) == 0 {
		return fmt.Errorf("nothing compared")
	}
	worst, excess, bad := -1, 0.0, 0
	for i := range want {
		g, w := float64(got[i]), float64(want[i])
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		diff, lim := math.Abs(g-w), abs+rel*math.Abs(w)
		if diff <= lim && !math.IsInf(w, 0) {
			continue
		}
		bad++
		e := diff / lim
		if math.IsNaN(e) {
			e = math.Inf(1)
		}
		if worst < 0 || e > excess {
			worst, excess = i, e
		}
	}
	if worst < 0 {
		return nil
	}
	g, w := float64(got[worst]), float64(want[worst])
	return fmt.Errorf("%d of %d differ; worst at %d: got %v, want %v, off by %.3g (%d ULP of float32), tolerance "+
		"%.3g abs + %.3g rel", bad, len(want), worst, g, w, math.Abs(g-w), ULP(float32(g), float32(w)), abs, rel)
}

// Scaled is Close with an absolute tolerance of rel·max|want|: agreement to a
// fraction of the output's scale.
func Scaled[T, U float32 | float64](got []T, want []U, rel float64) error {
	scale := 0.0
	for _, w := range want {
		if a := math.Abs(float64(w)); a > scale && !math.IsInf(a, 0) {
			scale = a
		}
	}
	return Close(got, want, rel*scale, 0)
}

// ULP is the number of float32 values between a and b; 0 if they are equal or
// both NaN, and MaxInt64 if just one is NaN.
func ULP(a, b float32) int64 {
	an, bn := a != a, b != b
	switch {
	case a == b || an && bn:
		return 0
	case an || bn:
		return math.MaxInt64
	}
	d := order(a) - order(b)
	if d < 0 {
		return -d
	}
	return d
}

func order(f float32) int64 {
	b := int64(math.Float32bits(f))
	if b&0x80000000 != 0 {
		return -(b & 0x7fffffff)
	}
	return b
}

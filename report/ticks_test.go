package report

import (
	"math"
	"testing"
)

// Ticks are few, whatever the numbers.
func TestTicksAreFew(t *testing.T) {
	for _, high := range []float64{1, 1.7, 4, 1e3, 1e18, math.MaxFloat64, math.Inf(1), math.NaN()} {
		for _, low := range []float64{-1e18, 0, 5e-324, 1e-9, 0.1} {
			for name, n := range map[string]int{"accuracy": len(accuracyTicks(low, high)),
				"round": len(roundTicks(low, high)), "log": len(logTicks(math.Abs(low), high))} {
				if n > 60 {
					t.Errorf("%s from %v to %v: %d ticks", name, low, high, n)
				}
			}
		}
	}
}

package method

import "testing"

// Weights that stay in the second level of cache cost nothing to read again, those of the
// third a tenth of a cycle a float, and those of the memory half of one.
func TestStreamCycles(t *testing.T) {
	for floats, want := range map[int]float64{1 << 18: 0, 1 << 20: 0.1 * 3 * (1 << 20), 1 << 23: 0.5 * 3 * (1 << 23)} {
		if got := StreamCycles(floats, 3); got < want*(1-1e-12) || got > want*(1+1e-12) {
			t.Errorf("%d floats, read three times: %g cycles, want %g", floats, got, want)
		}
	}
}

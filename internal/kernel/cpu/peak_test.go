package cpu

import (
	"testing"

	"memprobe/internal/parallel"
)

// A core that has a loop of multiply-adds does more than 10⁸ of them a second, and fewer
// than 10¹².
func TestPeak(t *testing.T) {
	p := parallel.New(1)
	defer p.Close()
	switch got := Peak(p); ISA() {
	case "go":
		if got != 0 {
			t.Errorf("%g GFLOP/s without a loop", got)
		}
	case "avx2", "avx512":
		if got < 0.1 || got > 1000 {
			t.Errorf("%g GFLOP/s", got)
		}
	default:
		t.Errorf("kernels are %q", ISA())
	}
}

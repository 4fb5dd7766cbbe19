package cpu

import (
	"os"
	"testing"
)

func TestRequiredISA(t *testing.T) {
	if want := os.Getenv("MEMPROBE_REQUIRE_ISA"); want != "" && ISA() != want {
		t.Fatalf("kernels in use are %q, want %q", ISA(), want)
	}
}

func BenchmarkPeak(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(Peak(nil), "GFLOP/s")
	}
}

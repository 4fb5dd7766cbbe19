//go:build amd64 && !purego

package kerneltest

import (
	"os"
	"slices"
	"testing"

	"memprobe/internal/kernel/cpu"
)

// WithoutAVX512 calls f on the kernels of package avx2.
func WithoutAVX512(f func()) {
	saved := cpu.AVX512
	cpu.AVX512 = false
	defer func() { cpu.AVX512 = saved }()
	f()
}

// SameBits fails unless run gives the same bits with AVX-512, whatever its width is
// worth, as without.
func SameBits(t *testing.T, what any, run func() []float32) {
	t.Helper()
	saved := cpu.FullWidth512
	defer func() { cpu.FullWidth512 = saved }()
	cpu.FullWidth512 = false
	got := run()
	cpu.FullWidth512 = true
	if !slices.Equal(got, run()) {
		t.Fatalf("%+v: tiles of 512 and of 256 bits differ in bits", what)
	}
	WithoutAVX512(func() {
		if !slices.Equal(got, run()) {
			t.Fatalf("%+v: AVX-512 and AVX2 differ in bits", what)
		}
	})
}

// NeedAVX512 leaves the test out where AVX-512 is missing or switched off, and fails it where
// $MEMPROBE_REQUIRE_ISA asks for that.
func NeedAVX512(t *testing.T) {
	t.Helper()
	switch {
	case cpu.AVX512:
	case os.Getenv("MEMPROBE_REQUIRE_ISA") == "avx512":
		t.Fatal("no AVX-512")
	default:
		t.Skip("SKIPPED: no AVX-512")
	}
}

//go:build amd64 && !purego

package kerneltest

import (
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

func NeedAVX512(t *testing.T) {
	if !cpu.AVX512 {
		t.Skip("no AVX-512")
	}
}

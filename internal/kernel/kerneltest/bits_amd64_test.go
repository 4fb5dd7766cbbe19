//go:build amd64 && !purego

package kerneltest

import (
	"slices"
	"testing"

	"memprobe/internal/kernel/cpu"
)

// A run is made with tiles of 512 bits, of 256 bits, and on AVX2.
func TestSameBits(t *testing.T) {
	NeedAVX512(t)
	avx512, full := cpu.AVX512, cpu.FullWidth512
	var seen [][2]bool
	SameBits(t, "nothing", func() []float32 {
		seen = append(seen, [2]bool{cpu.AVX512, cpu.FullWidth512})
		return []float32{1}
	})
	if want := [][2]bool{{true, false}, {true, true}, {false, true}}; !slices.Equal(seen, want) {
		t.Errorf("runs with AVX-512 and its full width: %v, want %v", seen, want)
	}
	if cpu.AVX512 != avx512 || cpu.FullWidth512 != full {
		t.Error("what the processor can do is another afterwards")
	}
}

//go:build amd64 && !purego

package cpu

import (
	"time"

	"golang.org/x/sys/cpu"

	"memprobe/internal/kernel/avx2"
	"memprobe/internal/kernel/avx512"
)

// AVX2 says that the kernels of package avx2 can run on this CPU. Each
// concern has a file X_amd64.go that asks it and a file X_generic.go that
// calls package ref.
var AVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// AVX512 says that the kernels of package avx512 can run as well. They give
// the same bits as those of avx2. GODEBUG=cpu.avx512f=off leaves them out.
var AVX512 = AVX2 && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F &&
	cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL

// VNNI says that AVX-512 sums products of bytes in one instruction.
var VNNI = AVX512 && cpu.X86.HasAVX512VNNI

// FullWidth512 says that multiply-adds of 512 bits do more than those of 256, by the
// clock. Where a unit takes two turns for them, a tile of 16 columns is no faster for
// them, and waits for its broadcasts.
var FullWidth512 = AVX512 && 2*loopTime(avx512.Peak) < 3*loopTime(avx2.Peak)

// SecondLevel is the number of bytes of a core's second-level cache, or 1 MiB where the processor does not say.
// What is fetched ahead may depend on it, bits may not.
var SecondLevel = secondLevel()

func secondLevel() int {
	if AVX2 {
		if kib := avx2.SecondLevel(); kib > 0 {
			return int(kib) << 10
		}
	}
	return 1 << 20
}

// loopTime is the shortest time of some runs of a loop of independent multiply-adds,
// about 3 µs each.
func loopTime(loop func(rounds int)) time.Duration {
	best := time.Duration(1<<63 - 1)
	for range 8 {
		start := time.Now()
		loop(1000)
		best = min(best, time.Since(start))
	}
	return best
}

// ISA names the widest instruction set of the kernels in use: "avx512", "avx2"
// or "go".
func ISA() string {
	switch {
	case AVX512:
		return "avx512"
	case AVX2:
		return "avx2"
	}
	return "go"
}

// fmaLoop runs n rounds of independent multiply-adds and returns the operations
// that it did.
func fmaLoop(n int) float64 {
	switch {
	case AVX512:
		avx512.Peak(n)
		return float64(n) * 12 * 16 * 2
	case AVX2:
		avx2.Peak(n)
		return float64(n) * 12 * 8 * 2
	}
	return 0
}

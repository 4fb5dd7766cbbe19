//go:build amd64 && !purego

package quant

import "memprobe/internal/kernel/cpu"

// everywhere calls f on each instruction set that the processor has.
func everywhere(f func()) {
	f()
	vnni, wide, avx2 := cpu.VNNI, cpu.AVX512, cpu.AVX2
	defer func() { cpu.VNNI, cpu.AVX512, cpu.AVX2 = vnni, wide, avx2 }()
	cpu.VNNI, cpu.AVX512 = false, false
	f()
	cpu.AVX2 = false
	f()
}

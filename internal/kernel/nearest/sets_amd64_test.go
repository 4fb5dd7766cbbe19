//go:build amd64 && !purego

package nearest

import "memprobe/internal/kernel/cpu"

// everywhere calls f on each instruction set that the processor has.
func everywhere(f func()) {
	vnni, wide, avx2 := cpu.VNNI, cpu.AVX512, cpu.AVX2
	defer func() { cpu.VNNI, cpu.AVX512, cpu.AVX2 = vnni, wide, avx2 }()
	for _, leave := range []*bool{new(bool), &cpu.VNNI, &cpu.AVX512, &cpu.AVX2} {
		*leave = false
		f()
	}
}

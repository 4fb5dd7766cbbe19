//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

// useAVX2 says that the kernels of package avx2 can run on this CPU. Each
// concern has a file X_amd64.go that asks it and a file X_generic.go that
// calls package ref.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// useAVX512 says that the kernels of package avx512 can run as well. They give
// the same bits as those of avx2. GODEBUG=cpu.avx512f=off leaves them out.
var useAVX512 = useAVX2 && cpu.X86.HasBMI2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VL

// ISA names the widest instruction set of the kernels in use: "avx512", "avx2"
// or "go".
func ISA() string {
	switch {
	case useAVX512:
		return "avx512"
	case useAVX2:
		return "avx2"
	}
	return "go"
}

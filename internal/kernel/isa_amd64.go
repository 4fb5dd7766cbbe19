//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

// useAVX2 says that the kernels of package avx2 can run on this CPU. Each
// concern has a file X_amd64.go that asks it and a file X_generic.go that
// calls package ref.
var useAVX2 = cpu.X86.HasAVX2 && cpu.X86.HasFMA

// ISA names the instruction set of the kernels in use: "avx2" or "go".
func ISA() string {
	if useAVX2 {
		return "avx2"
	}
	return "go"
}

//go:build !amd64 || purego

package kernel

// ISA names the instruction set of the kernels in use: "avx2" or "go".
func ISA() string { return "go" }

//go:build !amd64 || purego

package cpu

// SecondLevel is the number of bytes that a core's second-level cache is taken to have.
const SecondLevel = 1 << 20

// ISA names the widest instruction set of the kernels in use: "avx512", "avx2"
// or "go".
func ISA() string { return "go" }

// fmaLoop is not available.
func fmaLoop(int) float64 { return 0 }

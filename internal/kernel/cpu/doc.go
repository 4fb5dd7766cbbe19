// Package cpu says what the processor can do. It is asked once, when the program
// starts; nothing else chooses between the instruction sets:
//
//	"avx512"  packages avx512 and, where that has nothing faster, avx2
//	"avx2"    package avx2
//	"go"      package ref: other processors, and the build tag purego
//
// GODEBUG=cpu.avx512f=off or cpu.avx2=off leave an instruction set out.
package cpu

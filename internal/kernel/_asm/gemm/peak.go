package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// peakChains is the number of independent sums: enough to hide the latency of
// an FMA on two units, few enough for the registers.
const peakChains = 12

// peak generates a loop that does nothing but fused multiply-adds.
func peak() {
	TEXT("Peak", NOSPLIT, "func(n int)")
	Doc("Peak does n times 12 fused multiply-adds of 8 lanes, on zeros.")
	n := Load(Param("n"), GP64())
	for i := range peakChains + 1 {
		VXORPS(ymm(i), ymm(i), ymm(i))
	}
	Label("loop")
	for i := range peakChains {
		VFMADD231PS(ymm(peakChains), ymm(peakChains), ymm(i))
	}
	DECQ(n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

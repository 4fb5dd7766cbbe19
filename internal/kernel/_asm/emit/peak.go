package emit

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// peakChains is the number of independent sums: enough to hide the latency of
// an FMA on two units, few enough for the registers.
const peakChains = 12

// Peak generates a loop that does nothing but fused multiply-adds.
func Peak(vector func(i int) reg.VecPhysical) {
	TEXT("Peak", NOSPLIT, "func(n int)")
	Doc("Peak does n times 12 fused multiply-adds of whole vectors, on zeros.")
	n := Load(Param("n"), GP64())
	for i := range peakChains + 1 {
		VXORPS(vector(i), vector(i), vector(i))
	}
	Label("loop")
	for i := range peakChains {
		VFMADD231PS(vector(peakChains), vector(peakChains), vector(i))
	}
	DECQ(n)
	JNE(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

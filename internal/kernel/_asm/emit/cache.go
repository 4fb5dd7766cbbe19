package emit

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// SecondLevel generates the question how large that level of the cache is.
func SecondLevel() {
	const cacheLeaf = 0x80000006
	TEXT("SecondLevel", NOSPLIT, "func() uint32")
	Doc("SecondLevel is the size of a core's second-level cache in KiB, as the processor says.")
	MOVL(U32(cacheLeaf), reg.EAX)
	XORL(reg.ECX, reg.ECX)
	CPUID()
	SHRL(U8(16), reg.ECX)
	Store(reg.ECX, ReturnIndex(0))
	RET()
}

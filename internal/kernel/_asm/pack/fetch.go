package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// fetch generates a loop that asks for lines of the cache.
func fetch() {
	TEXT("Fetch", NOSPLIT, "func(at *float32, lines int)")
	Pragma("noescape")
	Doc("Fetch brings so many lines of the cache from an address on into its second level.")
	at, lines := GP64(), GP64()
	Load(Param("at"), at)
	Load(Param("lines"), lines)
	Label("line")
	DECQ(lines)
	JL(LabelRef("done"))
	PREFETCHT1(Mem{Base: at})
	ADDQ(U8(64), at)
	JMP(LabelRef("line"))
	Label("done")
	RET()
}

// Package gemm multiplies matrices: C = act(alpha·op(A)·op(B) [+ C] + bias), once or
// over a batch.
//
// The chunks of the work are blocks of C of some panels of rows and of columns. A
// chunk walks over k in steps of 256, packs what is not packed yet, and updates its
// block tile by tile:
//
//	       k0      k0+256              q0        q1
//	p0 ┌────┬────────┬───┐          ┌────┬────────┬────┐
//	   │    │ A step │   │    ×  k0 │    │ B step │    │   →  block [p0,p1) × [q0,q1) of C
//	p1 └────┴────────┴───┘          └────┴────────┴────┘
//
// An operand that several chunks read is packed as a whole before they start, for each
// step of k all its panels: [step of k][panel][k in the step][6 or 16].
//
// Where B and C are planes of few elements, the columns of all images are one matrix,
// see NewOfPlanes:
//
//	column   0    1   …  plane-1 │ plane  …
//	image    0    0   …  0       │ 1      …
//
// Large products by a B that stays are computed by seven products of halves instead of
// eight, see Halved:
//
//	┌─────┬─────┐   ┌─────┬─────┐
//	│ A11 │ A12 │   │ B11 │ B12 │  →  M0 … M6  →  C11 C12 C21 C22
//	├─────┼─────┤ × ├─────┼─────┤
//	│ A21 │ A22 │   │ B21 │ B22 │
//	└─────┴─────┘   └─────┴─────┘
package gemm

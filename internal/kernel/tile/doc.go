// Package tile computes the blocks that every product and most convolutions are made
// of, and packs their operands.
//
// A tile is up to MR = 6 rows by NR = 16 columns of C, or several of these below each
// other; it is held in registers while it runs over k:
//
//	              B panel [k][16]
//	              b00 b01 … b0F
//	              b10 b11 … b1F
//	A panel       ┌────────────┐
//	[k][6]  a00 … │ C          │   C[i][j] += Σ A[k][i]·B[k][j]
//	        a10 … │ 6 × 16     │
//	              └────────────┘
//
// A panel is 6 rows of A, or 16 columns of B, over k: the elements of one k lie side
// by side, and the last panel is filled up with zeros. A Side packs them. The kinds
// of tiles differ in what need not be packed, see Kind.
//
// Two tiles that share their rows and lie side by side are a pair: AVX-512 computes
// both with vectors of 16.
package tile

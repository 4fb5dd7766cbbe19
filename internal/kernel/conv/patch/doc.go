// Package patch lays the input of a convolution out so that what a tap of the window
// reads for neighbouring outputs lies side by side: the input of a product is then read
// in place, and no im2col matrix is made.
//
// An image of 4×4, numbered row by row, padded with zeros (·), under a window of 3×3 of
// stride 1. Tap (kh, kw) of output row r is row r+kh of the copy:
//
//	Split: one variant, the padded image. Rows of 4 outputs lie 6 apart, so each is
//	half of a vector of 8.
//
//	   ·  ·  ·  ·  ·  ·
//	   ·  0  1  2  3  ·        tap (1,2), outputs 0–3:  1  2  3  ·
//	   ·  4  5  6  7  ·
//	   …
//
//	Flat: a variant for each column of taps. Rows are 4 long, so outputs of several
//	rows are one stretch of memory.
//
//	   kw = 0        kw = 1        kw = 2
//	   ·  ·  ·  ·    ·  ·  ·  ·    ·  ·  ·  ·
//	   ·  0  1  2    0  1  2  3    1  2  3  ·     tap (1,2), outputs 0–7:
//	   ·  4  5  6    4  5  6  7    5  6  7  ·       1  2  3  ·  5  6  7  ·
//	   …             …             …
//
//	Full: a variant for each tap, without the rows above and below that the others
//	share, so that planes of several images are one stretch of memory.
//
// With a stride s the variants of Split take every s-th row and column, one for each
// residue that a tap has:
//
//	columns  0  1  2  3  4  5      s = 2:   0  2  4  …   and   1  3  5  …
//
// With AVX-512 the rows of a variant are copied by whole vectors, with masks where there is no
// input.
//
// A data gradient of stride s is s² convolutions of stride 1, the phases, one for each
// residue of the position in dx; a Placer interleaves their results.
package patch

// Package pool reduces windows of planes, and whole planes, to their maximum or
// average, and takes the gradients back.
//
// A window is taken apart: first down the columns, for whole rows at a time, then
// along the row. With a stride, the padded row is held apart by the position modulo
// the stride, so that each tap of all windows is one stretch of memory:
//
//	padded row   p0 p1 p2 p3 p4 p5 p6 …      stride 2, windows of 3
//	phase 0      p0 p2 p4 p6 …               taps 0 and 2
//	phase 1      p1 p3 p5 …                  tap 1
//
// Maxima without their indices, and averages, of float32 are computed over all planes
// of a chunk at once instead, in one padded array; see planePool. AVX-512 reads windows
// of two or three columns where the planes lie, with masks in the place of padding; see
// rows.
package pool

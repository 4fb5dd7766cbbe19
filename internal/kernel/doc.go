// Package kernel is the arithmetic of the engine: matrix products, convolutions
// and the passes over vectors, in float32, row-major, images [N,C,H,W].
//
// It only dispatches. Plain Go is in package ref, assembly for AVX2 and FMA in
// package avx2, and what gains by AVX-512 in package avx512, which gives the same
// bits as avx2; the choice is made once, when the program starts, from what the
// CPU offers. The build tag purego leaves the assembly out.
//
// Products and convolutions are plans: New* looks at the shape, chooses the
// method and its blocking, and makes everything that a run needs; Run computes
// and does not allocate. A plan may not be run by two goroutines at once. Work
// is cut by shape alone, so a result has the same bits for any number of
// threads. A nil pool runs on the caller.
//
// Runs panic where a slice is shorter than the plan's shape asks for: the caller
// has checked its shapes, and assembly checks nothing.
package kernel

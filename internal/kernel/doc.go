// Package kernel holds the arithmetic of the engine in rooms, each named for what it
// computes, in float32 where nothing else is said, row-major, images [N,C,H,W]:
//
//	cpu      what the processor can do
//	vec      passes over vectors: elementwise, reductions, optimisers, permutations
//	tile     the blocks that products are made of, and the packing of their operands
//	gemm     matrix products
//	conv     convolutions: direct, pointwise, conv/winograd, conv/depthwise, the choice
//	norm     normalisations, softmax, losses
//	pool     pooling
//	pixel    the inner loops of augmentation
//	nearest  the inner loops of nearest neighbours
//	quant    products and convolutions of integers of eight bits
//
// Below the rooms lie the implementations: plain Go in ref, assembly for AVX2 and FMA
// in avx2, and what gains by AVX-512 in avx512, which is bit-identical to avx2.
// Each room has files X_amd64.go that ask package cpu which to call, and X_generic.go
// that call ref. The build tag purego leaves the assembly out.
//
// Products, convolutions, normalisations and poolings are plans: New* looks at the
// shape, chooses the method and its blocking, and makes everything that a run needs;
// a run computes and does not allocate. A plan may not be run by two goroutines at
// once. Work is cut by shape alone, so a result is bit-identical for any number of
// threads. A nil pool runs on the caller.
//
// Runs panic where a slice is shorter than the plan's shape asks for: the caller
// has checked its shapes, and assembly checks nothing.
package kernel

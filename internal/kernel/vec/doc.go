// Package vec passes over contiguous elements: arithmetic, activations and their
// gradients, reductions, the steps of optimisers, permutations of axes.
//
// Table lists every pass once; Of returns the implementation in use for an element
// type. float32 has kernels in assembly, float64 serves gradient checks.
package vec

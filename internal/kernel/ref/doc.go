// Package ref holds the kernels in plain Go: the oracle that every other
// implementation is tested against, and the fallback where none is available.
//
// Matrices and images are row-major; images are [N,C,H,W]. The functions that
// are generic compute in the precision of their type parameter, so an oracle
// with float64 accumulation is the same function at float64.
package ref

// Float lists the element types of the generic kernels.
type Float interface{ float32 | float64 }

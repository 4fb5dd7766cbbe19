package engine

import "memprobe/internal/parallel"

// Pool is a set of threads that loops are shared among. One pool serves any number of
// sessions, probes and runs, one loop at a time; a nil *Pool runs all on the caller.
// Results are bit-identical for any number of threads.
type Pool = parallel.Pool

// NewPool starts a pool of the given number of threads, the caller's included; threads < 1
// means one for each CPU that Go may use. Close ends them.
func NewPool(threads int) *Pool { return parallel.New(threads) }

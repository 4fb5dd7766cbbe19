package kernel

import "time"

// Peak measures the floating-point peak of one core: the GFLOP/s of a loop that
// does nothing but fused multiply-adds, the best of a few short runs. It is 0
// where no such loop exists for the CPU.
func Peak() float64 {
	const rounds, n = 5, 4 << 20
	best := 0.0
	for range rounds {
		start := time.Now()
		flops := fmaLoop(n)
		best = max(best, flops/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

package cpu

import (
	"time"

	"memprobe/internal/parallel"
)

// Peak measures the floating-point peak of the pool's threads together: the
// GFLOP/s of a loop that does nothing but fused multiply-adds, the best of a few
// short runs. It is 0 where no such loop exists for the CPU.
func Peak(p *parallel.Pool) float64 {
	const rounds, n = 8, 1 << 17
	chunks := 32 * p.Threads()
	flops := float64(chunks) * n * fmaLoop(1)
	best := 0.0
	for range rounds {
		start := time.Now()
		p.For(chunks, func(_, _ int) { _ = fmaLoop(n) })
		best = max(best, flops/float64(time.Since(start).Nanoseconds()))
	}
	return best
}

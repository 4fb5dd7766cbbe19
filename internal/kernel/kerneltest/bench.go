package kerneltest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"memprobe/internal/parallel"
)

// ReportBest measures f, which does the given number of operations. On a shared
// machine the best of the runs says more than their mean.
func ReportBest(b *testing.B, flops float64, f func()) {
	best := time.Duration(math.MaxInt64)
	for b.Loop() {
		start := time.Now()
		f()
		best = min(best, time.Since(start))
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	b.ReportMetric(flops/float64(best.Nanoseconds()), "best-GFLOP/s")
}

// Moved reports bytes a second, counting every array once for each time that
// the definition has to read or write it.
func Moved(b *testing.B, arrays, elements int) { b.SetBytes(int64(4 * arrays * elements)) }

func BenchThreads(b *testing.B, f func(b *testing.B, p *parallel.Pool)) {
	for _, n := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", n), func(b *testing.B) {
			p := parallel.New(n)
			defer p.Close()
			f(b, p)
		})
	}
}

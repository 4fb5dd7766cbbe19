package kerneltest

import (
	"testing"

	"memprobe/internal/parallel"
)

// ThreadCounts are those that must give the same bits; with the last of them most work is
// cut into more chunks than with the others.
var ThreadCounts = []int{1, 2, 3, 9}

// Threads calls f with pools of several sizes and wants the same bits from each.
func Threads(t *testing.T, f func(p *parallel.Pool) [][]float32) {
	t.Helper()
	var first [][]float32
	for _, n := range ThreadCounts {
		p := parallel.New(n)
		out := f(p)
		p.Close()
		if first == nil {
			first = out
		}
		for i := range out {
			if err := Same(out[i], first[i]); err != nil {
				t.Errorf("output %d with %d threads: %v", i, n, err)
			}
		}
	}
}

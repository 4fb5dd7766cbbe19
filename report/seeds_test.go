package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"memprobe/probe/result"
)

// The interval over seeds covers the mean margin over all seeds, queries and draws in at
// least 95 % of cases, whatever varies: the margin of a seed, which is its own, and what
// queries and draws add, which all runs share. Three standard errors of the simulation
// are allowed.
func TestIntervalOverSeedsCovers(t *testing.T) {
	const trials, margin = 4000, 0.03
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		seeds         int
		seed, queries float64 // standard deviations
	}{{2, 0.01, 0.01}, {3, 0.02, 0.01}, {3, 0, 0.01}, {5, 0.01, 0.02}, {10, 0.02, 0}} {
		covered := 0
		for range trials {
			shared := c.queries * r.NormFloat64()
			var runs []*result.Verdict
			for range c.seeds {
				m := margin + c.seed*r.NormFloat64() + shared
				half := 1.96 * c.queries
				runs = append(runs, &result.Verdict{Margin: result.Number(m), CI: result.Interval{result.Number(m - half), result.Number(m + half)}})
			}
			if i := overSeeds(runs); i.Low() <= margin && margin <= i.High() {
				covered++
			}
		}
		share := float64(covered) / trials
		t.Logf("%d seeds, sd %v of seeds and %v of queries: %.3f", c.seeds, c.seed, c.queries, share)
		if share < 0.95-3*math.Sqrt(0.95*0.05/trials) {
			t.Errorf("%d seeds, sd %v of seeds and %v of queries: coverage %.3f, want 0.95", c.seeds, c.seed, c.queries, share)
		}
	}
}

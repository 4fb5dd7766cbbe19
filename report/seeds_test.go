package report

import (
	"math"
	"math/rand/v2"
	"slices"
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
				runs = append(runs, &result.Verdict{Margin: result.Number(m),
					CI: result.Interval{result.Number(m - half), result.Number(m + half)}})
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

// To draw seeds with replacement, as queries are, makes intervals that are too short: the
// 95 % percentile interval of three seeds is from the least of them to the greatest, since a
// resample of one seed alone is one of 27. The mean over all seeds, which a symmetrical margin
// exceeds as often as not, is between them in 1 − 2/2³ of cases. Of more seeds it misses less.
func TestResampledSeedsCoverLess(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates seeds on one thread")
	}
	const trials, times = 4000, 500
	r := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct {
		seeds int
		most  float64 // coverage
	}{{2, 0.5}, {3, 0.75}, {5, 0.85}, {10, 0.91}} {
		covered := 0
		margins, again := make([]float64, c.seeds), make([]float64, times)
		for range trials {
			for i := range margins {
				margins[i] = r.NormFloat64()
			}
			for i := range again {
				again[i] = 0
				for range margins {
					again[i] += margins[r.IntN(c.seeds)] / float64(c.seeds)
				}
			}
			slices.Sort(again)
			if again[times/40] <= 1e-9 && again[times-1-times/40] >= -1e-9 {
				covered++
			}
		}
		share := float64(covered) / trials
		t.Logf("%d seeds: %.3f", c.seeds, share)
		if share > c.most+3*math.Sqrt(c.most*(1-c.most)/trials) {
			t.Errorf("%d seeds drawn with replacement cover %.3f, want at most %v", c.seeds, share, c.most)
		}
	}
}

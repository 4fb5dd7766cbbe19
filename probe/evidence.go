package probe

import (
	"math"
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/probe/result"
)

const resamples = 2000 // of the bootstrap

// outcomes are right answers: of each layer of the trained network and of each draw of
// the untrained one, to the same queries.
type outcomes struct {
	trained   [][]bool   // [layer][query]
	untrained [][][]bool // [draw][layer][query]
}

// resampled are the margins of layers over a baseline, as measured and in resamples.
type resampled struct {
	margin []float64   // [layer]; NaN where it was not measured
	again  [][]float64 // [layer][resample]
}

// comparison is one to be resampled: the differences of two right answers, a layer a
// row, and of which each draw's share is known where there are draws.
type comparison struct {
	scale int       // by which the differences are multiplied to be whole
	diff  [][]int32 // [layer][query]; nil where it was not measured
	draws [][]float64
}

// overUntrained compares each layer with the mean of the draws.
func (o *outcomes) overUntrained() comparison {
	c := comparison{scale: len(o.untrained), diff: make([][]int32, len(o.trained)),
		draws: make([][]float64, len(o.trained))}
	for l, right := range o.trained {
		diff, shares := make([]int32, len(right)), []float64(nil)
		for _, d := range o.untrained {
			if len(d[l]) != len(right) {
				diff = nil
				break
			}
			for i, v := range right {
				diff[i] += int32(one(v) - one(d[l][i]))
			}
			shares = append(shares, share(d[l]))
		}
		c.diff[l], c.draws[l] = diff, shares
	}
	return c
}

// over compares each layer with a baseline that has no draws; the rows of it are those
// of the layers, or one for all.
func (o *outcomes) over(baseline ...[]bool) comparison {
	c := comparison{scale: 1, diff: make([][]int32, len(o.trained))}
	for l, right := range o.trained {
		b := baseline[min(l, len(baseline)-1)]
		if len(b) != len(right) {
			continue
		}
		c.diff[l] = make([]int32, len(right))
		for i, v := range right {
			c.diff[l][i] = int32(one(v) - one(b[i]))
		}
	}
	return c
}

// resample draws the queries anew, with replacement, and moves the mean of the draws as
// far as their own spread says it may lie from that of all draws: a paired bootstrap
// over queries (Efron 1979) joined with Student's t over draws. Of D draws with
// accuracies p₁…p_D, resample r moves the mean of a layer by
//
//	Σ_d g_d (p_d − p̄) / √(D(D−1)) · √((D−1)/χ²),  g standard normal, χ² of D−1 degrees
//
// which has the distribution of s/√D·t_{D−1}. To draw the draws with replacement
// instead would make intervals of few draws too short: of five, by a factor √(4/5) and
// by that of 1.96 to 2.78. The same queries, g and χ² serve all layers and comparisons,
// so their resamples vary together. The result is a function of the seed.
func resample(pool *parallel.Pool, queries, times int, seed uint64, all ...comparison) []resampled {
	out, diffs := make([]resampled, len(all)), make([][][]float32, len(all))
	for c := range all {
		diffs[c] = make([][]float32, len(all[c].diff))
		for l := range all[c].diff {
			diffs[c][l] = make([]float32, len(all[c].diff[l]))
			for i, d := range all[c].diff[l] {
				diffs[c][l][i] = float32(d)
			}
			m := math.NaN()
			if d := all[c].diff[l]; d != nil {
				m = sumOf(d) / float64(all[c].scale*queries)
			}
			out[c].margin = append(out[c].margin, m)
			out[c].again = append(out[c].again, make([]float64, times))
		}
	}
	counts := make([][]float32, pool.Threads()) // as small as the differences: their products and sums are exact
	pool.For(times, func(worker, r int) {
		if counts[worker] == nil {
			counts[worker] = make([]float32, queries)
		}
		n := counts[worker]
		clear(n)
		s := rng.New(seed, rng.Bootstrap, uint64(r))
		for range queries {
			n[s.IntN(queries)]++
		}
		for c := range all {
			move := drawsMove(all[c].scale, seed, r)
			for l, diff := range diffs[c] {
				out[c].again[l][r] = vec.Dot(diff, n)/float64(all[c].scale*queries) + move(all[c].draws, l)
			}
		}
	})
	return out
}

// drawsMove returns by how much resample r moves the mean of a layer's draws.
func drawsMove(draws int, seed uint64, r int) func(shares [][]float64, layer int) float64 {
	if draws < 2 {
		return func([][]float64, int) float64 { return 0 }
	}
	s := rng.New(seed, rng.Bootstrap, uint64(r), 1)
	g := make([]float64, draws)
	for d := range g {
		g[d] = s.Normal()
	}
	chi2 := 0.0
	for range draws - 1 {
		z := s.Normal()
		chi2 += z * z
	}
	n := float64(draws)
	scale := math.Sqrt((n-1)/chi2) / math.Sqrt(n*(n-1))
	return func(shares [][]float64, layer int) float64 {
		if len(shares) <= layer || len(shares[layer]) != draws {
			return 0
		}
		mean, move := meanOf(shares[layer]), 0.0
		for d, p := range shares[layer] {
			move += g[d] * (p - mean)
		}
		return scale * move
	}
}

// intervals returns, for each layer, the 95 % percentile interval of its own and the
// band that covers all layers at once: the margin ± c times half the interval, with c
// the 95 % quantile over the resamples of the greatest |margin* − margin| / half of any
// layer (max-t: Romano, Wolf 2005), at least 1.
func (s *resampled) intervals() (own, bands []result.Interval) {
	half := make([]float64, len(s.margin))
	for l, again := range s.again {
		sorted := slices.Sorted(slices.Values(again))
		low, high := quantile(sorted, 0.025), quantile(sorted, 0.975)
		if math.IsNaN(s.margin[l]) {
			low, high = math.NaN(), math.NaN()
		}
		own = append(own, result.Interval{result.Number(low), result.Number(high)})
		half[l] = (high - low) / 2
	}
	greatest := make([]float64, len(s.again[0]))
	for r := range greatest {
		for l, h := range half {
			if h > 0 {
				greatest[r] = max(greatest[r], math.Abs(s.again[l][r]-s.margin[l])/h)
			}
		}
	}
	slices.Sort(greatest)
	c := max(1, quantile(greatest, 0.95))
	for l, h := range half {
		bands = append(bands, result.Interval{result.Number(s.margin[l] - c*h), result.Number(s.margin[l] + c*h)})
	}
	return own, bands
}

// quantile is the element of sorted numbers at a fraction of the way.
func quantile(sorted []float64, q float64) float64 {
	if q < 0.5 {
		return sorted[int(math.Floor(q*float64(len(sorted)-1)))]
	}
	return sorted[int(math.Ceil(q*float64(len(sorted)-1)))]
}

// mcNemar compares two networks' right answers to the same queries by those on which
// one alone is right: the two-sided exact binomial test of b against c (McNemar 1947).
func mcNemar(first, second []bool) *result.McNemar {
	if len(first) != len(second) || len(first) == 0 {
		return nil
	}
	m := &result.McNemar{}
	for i, v := range first {
		switch {
		case v && !second[i]:
			m.First++
		case !v && second[i]:
			m.Second++
		}
	}
	n, few := m.First+m.Second, min(m.First, m.Second)
	p := 0.0
	for k := range few + 1 {
		p += math.Exp(lchoose(n, k) - float64(n)*math.Ln2)
	}
	m.P = result.Number(min(1, 2*p))
	return m
}

// lchoose is ln(n over k).
func lchoose(n, k int) float64 {
	lgamma := func(x int) float64 { v, _ := math.Lgamma(float64(x) + 1); return v }
	return lgamma(n) - lgamma(k) - lgamma(n-k)
}

func sumOf(d []int32) float64 {
	total := int64(0)
	for _, v := range d {
		total += int64(v)
	}
	return float64(total)
}

func meanOf(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// deviation is the sample standard deviation; NaN of fewer than two.
func deviation(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	m, s := meanOf(x), 0.0
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return math.Sqrt(s / float64(len(x)-1))
}

func one(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

func share(b []bool) float64 { return float64(count(b)) / float64(len(b)) }

package probe

import (
	"math"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/probe/result"
)

// flags has so many of n set.
func flags(right, n int) []bool {
	b := make([]bool, n)
	for i := range right {
		b[(i*7)%n] = true
	}
	return b
}

func TestWord(t *testing.T) {
	none, over, under := []result.Interval(nil), []result.Interval{{0.03, 0.05}}, []result.Interval{{-0.01, 0.05}}
	for _, c := range []struct {
		margin result.Interval
		pixels []result.Interval
		want   string
	}{
		{result.Interval{-0.09, -0.021}, over, result.Malign},
		{result.Interval{-0.09, -0.02}, over, result.Unclear},
		{result.Interval{-0.02, 0.02}, over, result.Preserved},
		{result.Interval{-0.03, 0.03}, over, result.Unclear},
		{result.Interval{0.01, 0.2}, over, result.Unclear},
		{result.Interval{0.021, 0.2}, none, result.Benign},
		{result.Interval{0.021, 0.2}, under, result.Benign},
		{result.Interval{0.021, 0.2}, over, result.BenignBeyondPixels},
		{result.Interval{0.021, 0.2}, append(over, under...), result.Benign},
		{result.Interval{result.Number(math.NaN()), result.Number(math.NaN())}, over, result.Unclear},
	} {
		if got := word(c.margin, c.pixels, 0.02); got != c.want {
			t.Errorf("%v and %v: %s, want %s", c.margin, c.pixels, got, c.want)
		}
	}
}

// Closed forms: half of 1,000 queries differ, so the standard error of their mean is
// √(½·½/1000); five draws of standard deviation s add Student's t of four degrees.
func TestResampleOfKnownSpread(t *testing.T) {
	o := outcomes{trained: [][]bool{flags(500, 1000)}}
	none := make([]bool, 1000)
	own, bands := one2(resample(nil, 1000, resamples, 2, o.over(none)))
	half := 1.96 * math.Sqrt(0.25/1000)
	if err := tol.Close([]float64{own.Low(), own.High()}, []float64{0.5 - half, 0.5 + half}, 0.004, 0); err != nil {
		t.Error(err)
	}
	// One layer's band is its own interval.
	if err := tol.Close([]float64{bands.Low(), bands.High()}, []float64{0.5 - half, 0.5 + half}, 0.006, 0); err != nil {
		t.Error(err)
	}
	// All queries are alike, so that the draws alone vary: 0 and 1 by turns in a
	// fraction of them.
	shares := []float64{0.30, 0.32, 0.34, 0.36, 0.38}
	c := comparison{scale: 5, diff: [][]int32{make([]int32, 1000)}, draws: [][]float64{shares}}
	own, _ = one2(resample(nil, 1000, resamples, 2, c))
	half = 2.776 * 0.0316228 / math.Sqrt(5)
	if err := tol.Close([]float64{own.Low(), own.High()}, []float64{-half, half}, 0.004, 0); err != nil {
		t.Error(err)
	}
}

func one2(s []resampled) (own, band result.Interval) {
	o, b := s[0].intervals()
	return o[0], b[0]
}

func TestResampleIsReproducible(t *testing.T) {
	o := simulated(7, 3, 400, 0.1, 0.02, 0)
	want := resample(nil, 400, 300, 5, o.overUntrained(), o.over(flags(40, 400)))
	pool := parallel.New(3)
	defer pool.Close()
	got := resample(pool, 400, 300, 5, o.overUntrained(), o.over(flags(40, 400)))
	for c := range want {
		for l := range want[c].again {
			same(t, "resamples", got[c].again[l], want[c].again[l])
		}
	}
}

// simulated answers n queries of different difficulty: layers correlate, draws of the
// untrained network differ by a standard deviation sd in their accuracy p, and the
// trained network is better by margin.
func simulated(seed uint64, draws, n int, p, sd, margin float64) *outcomes {
	const layers = 3
	s := rng.New(seed, rng.Bench)
	difficulty := make([]float64, n)
	for i := range difficulty {
		difficulty[i] = s.Normal()
	}
	network := func(p float64) [][]bool {
		out := make([][]bool, layers)
		shared := make([]float64, n)
		for i := range shared {
			shared[i] = s.Normal()
		}
		z := -inverseNormal(p) * math.Sqrt(3)
		for l := range out {
			out[l] = make([]bool, n)
			for i := range out[l] {
				out[l][i] = difficulty[i]+shared[i]+s.Normal() > z
			}
		}
		return out
	}
	o := &outcomes{trained: network(p + margin)}
	for range draws {
		o.untrained = append(o.untrained, network(p+sd*s.Normal()))
	}
	return o
}

// inverseNormal is the quantile of the standard normal distribution.
func inverseNormal(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// The interval of one layer covers the true margin, p_trained − E p_untrained over all
// queries and all draws, in 95 % of cases, the band all layers at once, from two draws
// on and whether queries or draws vary more. The limits are three standard errors of
// the simulation around 0.95; they are wider above, since the variance of queries
// counts what a draw's accuracy has of it twice.
func TestIntervalsCover(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates a thousand probes on one thread")
	}
	const trials, margin, p = 400, 0.03, 0.3
	for _, c := range []struct {
		draws, n int
		sd       float64
	}{{2, 500, 0.02}, {5, 500, 0.02}, {5, 2000, 0.04}, {10, 300, 0}} {
		one, all := 0, 0
		for trial := range trials {
			seed := uint64(trial)
			o := simulated(seed, c.draws, c.n, p, c.sd, margin)
			again := resample(nil, c.n, 400, seed, o.overUntrained())
			own, bands := again[0].intervals()
			if own[0].Low() <= margin && margin <= own[0].High() {
				one++
			}
			missed := false
			for _, b := range bands {
				missed = missed || margin < b.Low() || margin > b.High()
			}
			if !missed {
				all++
			}
		}
		share := [2]float64{float64(one) / trials, float64(all) / trials}
		t.Logf("%d draws, %d queries, sd %v: %.3f of one layer, %.3f of all", c.draws, c.n, c.sd, share[0], share[1])
		for _, s := range share {
			if s < 0.95-3*math.Sqrt(0.95*0.05/trials) {
				t.Errorf("%d draws, %d queries, sd %v: coverage %v, want 0.95", c.draws, c.n, c.sd, share)
			}
		}
	}
}

// Where trained and untrained networks are draws of the same kind, at most 7 % of the
// verdicts say that training did something.
func TestNoSignalNoVerdict(t *testing.T) {
	if testing.Short() {
		t.Skip("simulates a thousand probes on one thread")
	}
	const trials = 1000
	wrong := 0
	for trial := range trials {
		seed := uint64(trial) + 1<<32
		s := rng.New(seed, rng.Bench, 1)
		o := simulated(seed, 5, 1000, 0.1, 0.02, 0.02*s.Normal())
		again := resample(nil, 1000, 400, seed, o.overUntrained(), o.over(flags(100, 1000)))
		own, _ := again[0].intervals()
		pixels, _ := again[1].intervals()
		if w := word(own[0], pixels[:1], 0.02); w != result.Preserved && w != result.Unclear {
			wrong++
		}
	}
	t.Logf("%d of %d verdicts", wrong, trials)
	if wrong > 70 {
		t.Errorf("%d of %d verdicts on data without a signal, want at most 70", wrong, trials)
	}
}

func TestMcNemar(t *testing.T) {
	first := []bool{true, true, true, true, true, true, false, false, true}
	second := []bool{false, false, false, false, false, true, true, false, true}
	m := mcNemar(first, second)
	// 5 against 1: 2·(1 + 6)/64.
	if m.First != 5 || m.Second != 1 {
		t.Fatalf("%+v", m)
	}
	if err := tol.Close([]float64{float64(m.P)}, []float64{14.0 / 64}, 1e-14, 0); err != nil {
		t.Error(err)
	}
	if m := mcNemar(first, first); m.P != 1 {
		t.Errorf("of equal answers: %+v", m)
	}
	if mcNemar(first, nil) != nil {
		t.Error("of nothing: a test")
	}
}

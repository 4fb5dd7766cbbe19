package probe

import (
	"math"
	"slices"

	"memprobe/internal/rng"
	"memprobe/probe/result"
)

const (
	minFit    = 0.9  // fit that counts as memorized
	minMargin = 0    // margin over the untrained network that the interval must clear
	resamples = 2000 // of the bootstrap
)

// verdict says what fit and probe mean. trained and untrained tell for each
// query whether its k-NN prediction at the embedding is right.
//
//	not memorized  fit < 0.9
//	true labels    nothing but true labels were assigned
//	benign         the interval of probe − untrained lies above 0
//	malign         it lies at or below 0
//	unclear        it contains 0
func verdict(layer string, fit, assignedTrue float64, trained, untrained []bool, seed uint64) *result.Verdict {
	margin, ci := bootstrap(trained, untrained, seed)
	v := &result.Verdict{Layer: layer, Fit: result.Number(fit),
		Probe: result.Number(share(trained)), Untrained: result.Number(share(untrained)),
		Margin: result.Number(margin), CI: ci, Resamples: resamples, MinFit: minFit, MinMargin: minMargin}
	switch {
	case !(fit >= minFit):
		v.Word = result.NotMemorized
	case assignedTrue == 1:
		v.Word = result.TrueLabels
	case ci.Low() > minMargin:
		v.Word = result.Benign
	case ci.High() <= minMargin:
		v.Word = result.Malign
	default:
		v.Word = result.Unclear
	}
	v.Reason = v.Why()
	return v
}

// bootstrap returns the difference of two accuracies on the same queries and its
// 95 % percentile interval over resamples of the queries (Efron 1979).
func bootstrap(a, b []bool, seed uint64) (margin float64, ci result.Interval) {
	n := len(a)
	diff := make([]int8, n)
	sum := 0
	for i := range diff {
		diff[i] = one(a[i]) - one(b[i])
		sum += int(diff[i])
	}
	means := make([]float64, resamples)
	for r := range means {
		s := rng.New(seed, rng.Bootstrap, uint64(r))
		total := 0
		for range n {
			total += int(diff[s.IntN(n)])
		}
		means[r] = float64(total) / float64(n)
	}
	slices.Sort(means)
	low := int(math.Floor(0.025 * (resamples - 1)))
	return float64(sum) / float64(n), result.Interval{result.Number(means[low]), result.Number(means[resamples-1-low])}
}

func one(b bool) int8 {
	if b {
		return 1
	}
	return 0
}

func share(b []bool) float64 {
	n := 0
	for _, v := range b {
		n += int(one(v))
	}
	return float64(n) / float64(len(b))
}

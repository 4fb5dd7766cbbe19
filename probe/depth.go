package probe

import (
	"fmt"
	"math"
	"slices"

	"memprobe/probe/result"
)

// Depth returns each sample's prediction depth: the first layer from which on
// the predictions of all layers agree with the final one. predictions[l][i] is
// what layer l's k-NN probe (k = 30 in the paper) calls sample i, final[i] what
// the network does. It lies between 0 and the number of layers, which stands
// for a sample that even the last layer's probe contradicts.
//
// Baldock, Maennel, Neyshabur: Deep Learning Through the Lens of Example
// Difficulty, 2021.
func Depth(predictions [][]int, final []int) ([]int, error) {
	for l, p := range predictions {
		if len(p) != len(final) {
			return nil, fmt.Errorf("probe: depth: layer %d predicts %d samples, want %d", l, len(p), len(final))
		}
	}
	depth := make([]int, len(final))
	for i, want := range final {
		d := len(predictions)
		for d > 0 && predictions[d-1][i] == want {
			d--
		}
		depth[i] = d
	}
	return depth, nil
}

// Histogram counts how often each value in [0,n) occurs.
func Histogram(values []int, n int) []int {
	counts := make([]int, n)
	for _, v := range values {
		counts[v]++
	}
	return counts
}

// MeanMedian returns the mean and the median; NaN without values.
func MeanMedian(values []int) (mean, median float64) {
	n := len(values)
	if n == 0 {
		return math.NaN(), math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	sum := 0
	for _, v := range s {
		sum += v
	}
	return float64(sum) / float64(n), float64(s[(n-1)/2]+s[n/2]) / 2
}

// MemorizationScore is P[f(xᵢ)=yᵢ | i∈S] − P[f(xᵢ)=yᵢ | i∉S] of each sample i,
// estimated over runs r that trained on subsets: member[r][i] says whether i was
// in the run's subset, right[r][i] whether the run classifies it as labelled. A
// sample that was in all subsets, or in none, has NaN.
//
// Feldman, Zhang: What Neural Networks Memorize and Why, 2020.
func MemorizationScore(member, right [][]bool) ([]float64, error) {
	if len(member) != len(right) || len(member) == 0 {
		return nil, fmt.Errorf("probe: memorization score: %d runs' subsets and %d runs' answers, want as many of both",
			len(member), len(right))
	}
	n := len(member[0])
	score := make([]float64, n)
	for r := range member {
		if len(member[r]) != n || len(right[r]) != n {
			return nil, fmt.Errorf("probe: memorization score: run %d has %d and %d samples, want %d", r,
				len(member[r]), len(right[r]), n)
		}
	}
	for i := range score {
		var count, hits [2]float64
		for r := range member {
			s := 0
			if member[r][i] {
				s = 1
			}
			count[s]++
			if right[r][i] {
				hits[s]++
			}
		}
		score[i] = hits[1]/count[1] - hits[0]/count[0]
	}
	return score, nil
}

func depthRow() Metric {
	return Metric{Metric: result.Metric{Name: "prediction_depth", Title: "Prediction depth",
		Unit: "share of the test images", Scale: result.Fraction,
		Definition: "the share of test images for which this is the first layer from which on all k-NN probes agree with the network's answer",
		Source:     "Baldock et al. 2021",
		Parts:      single("prediction_depth", "test images of this depth")},
		When: func(l *LayerData) bool { return l.TestLabels != nil },
		With: func(l *LayerData) string { return fmt.Sprintf("k = %d", min(depthK, len(l.TrainLabels))) }}
}

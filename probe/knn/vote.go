package knn

import (
	"fmt"
	"math"
	"slices"

	"memprobe/internal/suggest"
)

// Vote says how much a neighbour at distance d weighs.
type Vote uint8

// The votes.
const (
	// Uniform gives every neighbour the same weight.
	Uniform Vote = iota
	// Distance weighs 1/d. Where neighbours are at distance 0, they alone vote,
	// with equal weight (as in scikit-learn).
	Distance
	// Softmax weighs exp(−d/T) at temperature T; for the cosine metric that is
	// exp(s/T) of the similarity s up to a constant (Wu et al. 2018).
	Softmax
)

func (v Vote) String() string {
	switch v {
	case Distance:
		return "distance"
	case Softmax:
		return "softmax"
	}
	return "uniform"
}

// ParseVote reads the name of a vote.
func ParseVote(name string) (Vote, error) {
	var names []string
	for _, v := range []Vote{Uniform, Distance, Softmax} {
		if v.String() == name {
			return v, nil
		}
		names = append(names, v.String())
	}
	return 0, suggest.OneOf(name, names)
}

// UnmarshalText is ParseVote.
func (v *Vote) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVote(string(text))
	return err
}

// Classify predicts a class for each query from the labels of its neighbours,
// for every k of ks: pred[a][i] is the class that the ks[a] nearest neighbours
// of query i vote for, the smallest one of equals. labels are those of the
// bank's rows, in [0,classes). temperature is Softmax's.
func Classify(nb *Neighbors, labels []int, classes int, ks []int, vote Vote, temperature float64) ([][]int, error) {
	if vote == Softmax && !(temperature > 0) {
		return nil, fmt.Errorf("knn: temperature %v, want above 0", temperature)
	}
	for i, y := range labels {
		if y < 0 || y >= classes {
			return nil, fmt.Errorf("knn: label %d of row %d, want one of %d classes", y, i, classes)
		}
	}
	at := make([][]int, nb.K+1) // predictions by k
	pred := make([][]int, len(ks))
	for a, k := range ks {
		if k < 1 || k > nb.K {
			return nil, fmt.Errorf("knn: k is %d, want between 1 and the %d neighbours found", k, nb.K)
		}
		if at[k] == nil {
			at[k] = make([]int, nb.Queries)
		}
		pred[a] = at[k]
	}
	for _, row := range nb.Index {
		if int(row) >= len(labels) {
			return nil, fmt.Errorf("knn: %d labels, want one for each row of the bank", len(labels))
		}
	}
	ks = slices.Compact(slices.Sorted(slices.Values(ks)))
	if vote == Uniform {
		count(nb, labels, classes, ks, at)
	} else {
		weigh(nb, labels, classes, ks, at, func(d, nearest float64) float64 { return vote.weight(d, nearest, temperature) })
	}
	return pred, nil
}

// count predicts by the number of votes, for the ascending ks, into at[k].
func count(nb *Neighbors, labels []int, classes int, ks []int, at [][]int) {
	// Votes above what makes the smaller class the greater number, so that there is nothing
	// to compare but numbers.
	const vote = 1 << 32
	votes := make([]int64, classes)
	for y := range votes {
		votes[y] = int64(classes - 1 - y)
	}
	for i := range nb.Queries {
		index, _ := nb.Row(i)
		best, from := int64(0), 0
		for _, k := range ks {
			for _, row := range index[from:k] {
				v := votes[labels[row]] + vote
				votes[labels[row]] = v
				best = max(best, v)
			}
			at[k][i], from = classes-1-int(best&(vote-1)), k
		}
		for _, row := range index[:from] { // of many classes few have a neighbour
			votes[labels[row]] &= vote - 1
		}
	}
}

// weigh predicts by the weights of votes, for the ascending ks, into at[k].
func weigh(nb *Neighbors, labels []int, classes int, ks []int, at [][]int, weightOf func(d, nearest float64) float64) {
	weight := make([]float64, classes)
	for i := range nb.Queries {
		index, distance := nb.Row(i)
		best, from := 0, 0
		for _, k := range ks {
			for j, row := range index[from:k] {
				y := labels[row]
				weight[y] += weightOf(distance[from+j], distance[0])
				if weight[y] > weight[best] || weight[y] == weight[best] && y < best {
					best = y
				}
			}
			at[k][i], from = best, k
		}
		for _, row := range index[:from] {
			weight[labels[row]] = 0
		}
	}
}

// weight is that of a neighbour at distance d, the nearest being at nearest; not of Uniform.
func (v Vote) weight(d, nearest, temperature float64) float64 {
	switch {
	case v == Softmax:
		return math.Exp((nearest - d) / temperature)
	case d == 0:
		return 1
	case nearest == 0:
		return 0
	}
	return 1 / d
}

// Accuracy is the fraction of predictions that equal the labels; NaN if there
// are none. It panics if the lengths differ.
func Accuracy(pred, labels []int) float64 {
	return float64(Right(pred, labels)) / float64(len(labels))
}

// Right counts the predictions that equal the labels.
func Right(pred, labels []int) int {
	if len(pred) != len(labels) {
		panic("knn: as many predictions as labels are compared")
	}
	right := 0
	for i, y := range labels {
		if pred[i] == y {
			right++
		}
	}
	return right
}

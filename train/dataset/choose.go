package dataset

import (
	"slices"

	"memprobe/internal/rng"
)

// Order is the order in which an epoch takes n samples: a uniform permutation
// that depends on (seed, epoch) alone, or 0, 1, …, n−1 without shuffle.
func Order(seed uint64, epoch, n int, shuffle bool) []int {
	p := make([]int, n)
	if shuffle {
		s := rng.New(seed, rng.Shuffle, uint64(epoch))
		s.Perm(p)
		return p
	}
	for i := range p {
		p[i] = i
	}
	return p
}

// balanced returns the indices, ascending, of a class-balanced subset. Classes
// differ by at most one image, except where one has too few. A smaller limit
// gives a subset of a larger one. split tells the draws of a set's two halves
// apart.
func balanced(labels []int, classes, limit int, seed, split uint64) []int {
	members := make([][]int, classes)
	for i, c := range labels {
		members[c] = append(members[c], i)
	}
	turn := make([]int, classes) // the order in which classes take turns
	s := rng.New(seed, rng.Subset, split)
	s.Perm(turn)
	for c, m := range members {
		order := make([]int, len(m))
		s := rng.New(seed, rng.Subset, split, uint64(c)+1)
		s.Perm(order)
		for i, j := range order {
			order[i] = m[j]
		}
		members[c] = order
	}
	chosen := make([]int, 0, limit)
	for round := 0; len(chosen) < limit; round++ {
		for _, c := range turn {
			if round < len(members[c]) && len(chosen) < limit {
				chosen = append(chosen, members[c][round])
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}

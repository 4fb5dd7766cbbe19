package dataset

import (
	"slices"

	"memprobe/internal/fault"
	"memprobe/internal/rng"
)

// choose keeps of both splits the images that the options want.
func (l *loader) choose(c *content, path string) error {
	n, classes := len(c.train.labels), len(c.classes)
	keep := span(n)
	switch first, index := l.o.TrainFirst, l.o.TrainIndex; {
	case first > n:
		return fault.Errorf(path, "has %d training images, fewer than the first %d that are wanted", n, first)
	case first > 0:
		keep = keep[:first]
		l.note("the first %d of %d training images", first, n)
	case index != nil:
		taken := make([]bool, n)
		for i, j := range index {
			if j < 0 || j >= n {
				return fault.Errorf(path, "has %d training images, none at place %d, which record %d of the index names", n, j, i)
			}
			if taken[j] {
				return fault.Errorf(path, "the index of training images names place %d twice", j)
			}
			taken[j] = true
		}
		keep = index
		l.note("%d of %d training images, by an index", len(index), n)
	case l.o.TrainLimit > 0 && l.o.TrainLimit < n:
		keep = balanced(c.train.labels, classes, l.o.TrainLimit, l.o.Seed, 0)
	}
	c.train.take(keep)
	n = len(c.test.labels)
	keep = span(n)
	if l.o.TestLimit > 0 && l.o.TestLimit < n {
		keep = balanced(c.test.labels, classes, l.o.TestLimit, l.o.Seed, 1)
	}
	c.test.take(keep)
	return nil
}

// span is 0, 1, …, n−1.
func span(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	return p
}

// take keeps the images at the given places.
func (s *source) take(keep []int) {
	whole := *s
	s.places, s.stored = keep, len(s.labels)
	s.where = func(i int) (string, int) { return whole.where(keep[i]) }
	if s.name != nil {
		s.name = func(i int) string { return whole.name(keep[i]) }
	}
	s.labels = pick(s.labels, keep)
	s.pixels = pick(s.pixels, keep)
	s.floats = pick(s.floats, keep)
	if s.encoded != nil {
		s.encoded = func(i int, room []byte) ([]byte, error) { return whole.encoded(keep[i], room) }
	}
}

func pick[T any](all []T, keep []int) []T {
	if all == nil {
		return nil
	}
	some := make([]T, len(keep))
	for i, j := range keep {
		some[i] = all[j]
	}
	return some
}

// Order is the order in which an epoch takes n samples: a uniform permutation
// that depends on (seed, epoch) alone, or 0, 1, …, n−1 without shuffle.
func Order(seed uint64, epoch, n int, shuffle bool) []int {
	p := span(n)
	if shuffle {
		s := rng.New(seed, rng.Shuffle, uint64(epoch))
		s.Perm(p)
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

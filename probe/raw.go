package probe

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"memprobe/internal/show"
	"memprobe/internal/tensor"
)

// countedTokens is how many numbers the raw counts of an array tell apart: the most frequent.
const countedTokens = 4096

// TokenCounts says in a line what samples of integers are compared with in the place of
// pixels.
const TokenCounts = "how often each token occurs, of each array the 4,096 most frequent of the training samples, without padding"

// raw is what samples are compared with before any network: images and vectors as they
// are; of arrays the floats as they are, and how often each integer occurs where the mask
// has no padding, but no masks.
type raw struct {
	in      *inputs
	size    int
	columns []map[float32]int // of an array of integers, by their value; nil: the array as it is, or left out
}

// newRaw counts the integers of the training samples.
func newRaw(in *inputs, train Split) *raw {
	r := &raw{in: in, columns: make([]map[float32]int, len(in.arrays))}
	if in.lone {
		r.size = in.size()
		return r
	}
	counts := make([]map[float32]int, len(in.arrays))
	for k, a := range in.arrays {
		switch {
		case in.isMask(a.Name):
		case a.Integer:
			counts[k] = map[float32]int{}
		default:
			r.size += tensor.Len(a.Shape)
		}
	}
	row := make([]float32, in.size())
	for i := range train.N() {
		train.Float32(row, i)
		r.each(row, func(k int, v float32) {
			if counts[k] != nil {
				counts[k][v]++
			}
		})
	}
	for k, count := range counts {
		if count == nil {
			continue
		}
		values := slices.SortedFunc(maps.Keys(count), func(a, b float32) int {
			return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b))
		})
		r.columns[k] = map[float32]int{}
		for _, v := range values[:min(countedTokens, len(values))] {
			r.columns[k][v] = r.size
			r.size++
		}
	}
	return r
}

// doubts says what the elements of arrays of integers make of their names: an input is the
// mask by its name alone.
func (r *raw) doubts() []string {
	if r.in.mask >= 0 {
		return nil
	}
	var all []string
	for k, a := range r.in.arrays {
		if c := r.columns[k]; a.Integer && len(a.Shape) == 1 && len(c) == 2 && has(c, 0) && has(c, 1) {
			all = append(all, fmt.Sprintf("no input is called a mask: %s, which holds 0 and 1 alone, is taken as data, and no token as padding", show.Name(a.Name)))
		}
	}
	return all
}

func has(columns map[float32]int, v float32) bool {
	_, ok := columns[v]
	return ok
}

// counts tells whether integers are counted.
func (r *raw) counts() bool {
	return slices.ContainsFunc(r.columns, func(c map[float32]int) bool { return c != nil })
}

// each visits the elements of a sample that are no padding.
func (r *raw) each(row []float32, visit func(array int, v float32)) {
	mask := r.in.maskOf(row)
	for k, a := range r.in.arrays {
		n := tensor.Len(a.Shape)
		for j, v := range row[:n] {
			if n != len(mask) || mask[j] != 0 {
				visit(k, v)
			}
		}
		row = row[n:]
	}
}

// of are the samples of a split so.
func (r *raw) of(s Split) Split {
	if r.in.lone {
		return s
	}
	return rawSplit{s, r}
}

type rawSplit struct {
	Split
	raw *raw
}

func (s rawSplit) Float32(dst []float32, i int) {
	row := make([]float32, s.raw.in.size())
	s.Split.Float32(row, i)
	clear(dst)
	s.raw.each(row, func(k int, v float32) {
		if at, ok := s.raw.columns[k][v]; ok {
			dst[at]++
		}
	})
	at := 0
	for k, a := range s.raw.in.arrays {
		n := tensor.Len(a.Shape)
		if s.raw.columns[k] == nil && !s.raw.in.isMask(a.Name) {
			at += copy(dst[at:], row[:n])
		}
		row = row[n:]
	}
}

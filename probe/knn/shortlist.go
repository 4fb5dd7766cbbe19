package knn

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/memory"
)

// candidate is a row of the bank that may be among a query's neighbours.
type candidate struct {
	low, high float32 // bounds of the score
	index     int32
}

// candidateBytes is the size of a candidate.
const candidateBytes = 12

// shortlist is a query's candidates so far. Of the rows seen, those that are not on it have k
// others certainly before them.
type shortlist struct {
	found []candidate
	room  int // candidates at which they are thinned out
}

// firstRoom is the room of a new shortlist. While it fills up, the bar lags behind, which costs
// less than a bar that always is the k-th best.
func firstRoom(k int) int { return max(64, 2*k) }

// mostRoom is what a shortlist grows to before its candidates are ranked by distance.
func mostRoom(k int) int { return max(4096, 4*k) }

// spareCandidates is memory of shortlists that are done with, a *[]candidate each: one layer after
// the other wants as much.
var spareCandidates sync.Pool

// manyCandidates returns at least n candidates with whatever they hold.
func manyCandidates(n int) *[]candidate {
	if all, _ := spareCandidates.Get().(*[]candidate); all != nil && len(*all) >= n {
		return all
	}
	all := memory.Uncleared[candidate](n)
	return &all
}

// shortlists returns n empty shortlists, which lie in memory for firstRoom of each.
func shortlists(all []candidate, n, k int) []shortlist {
	room, lists := firstRoom(k), make([]shortlist, n)
	for i := range lists {
		lists[i] = shortlist{all[i*room : i*room : (i+1)*room], room}
	}
	return lists
}

// add puts a candidate onto a shortlist, and reports whether it is full.
func (s *shortlist) add(c candidate) bool {
	s.found = append(s.found, c)
	return len(s.found) >= s.room
}

// ranker ranks candidates, by their bounds or by distance.
type ranker struct {
	*Index
	k      int
	lows   []float32
	ranked []ranked
	rows   [2][]float32 // room for a candidate and for a query that is of the bank
}

func newRanker(x *Index, k int) ranker {
	return ranker{Index: x, k: k, rows: [2][]float32{x.scratch(), x.scratch()}}
}

type ranked struct {
	distance float64
	index    int32
}

// query is a vector that neighbours are looked for of.
type query struct {
	row    []float32
	square float64
}

// makeRoom thins out a full shortlist. It returns the bar: what k of the rows seen score at least. q
// reads the query, which is hardly ever asked for.
func (r *ranker) makeRoom(s *shortlist, q func() query, bar float32) float32 {
	bar = r.thin(s, bar)
	switch {
	case len(s.found) <= s.room*3/4:
	case s.room < mostRoom(r.k):
		s.room = min(2*s.room, mostRoom(r.k))
	default:
		r.settle(s, q())
	}
	return bar
}

// thin drops the candidates that k others are certainly nearer than, and returns the bar.
func (r *ranker) thin(s *shortlist, bar float32) float32 {
	if len(s.found) < r.k {
		return bar
	}
	bar = r.raise(s.found, bar)
	kept := 0
	for _, c := range s.found {
		s.found[kept] = c
		if c.high >= bar {
			kept++
		}
	}
	s.found = s.found[:kept]
	return bar
}

// raise returns a bar that k of the lower bounds reach, and few more, or the one that there is.
func (r *ranker) raise(found []candidate, bar float32) float32 {
	r.lows = r.lows[:0]
	for _, c := range found {
		r.lows = append(r.lows, c.low)
	}
	for len(r.lows)%8 > 0 {
		r.lows = append(r.lows, lowest)
	}
	return r.reached(r.lows, bar)
}

// reached returns a bar above the given one that k of the values reach, and few more, or the
// given one. Of values, of which there is a multiple of 8, those that are lowest are none.
func (r *ranker) reached(values []float32, bar float32) float32 {
	lo, hi := float32(math.MaxFloat32), bar
	for _, v := range values {
		if v < lo && v > lowest {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	if lo = max(lo, bar); nearest.CountAbove(values, lo) < r.k {
		return bar
	}
	const most = 32 // halvings, after which values are as good as equal
	for range most {
		middle := lo/2 + hi/2
		switch n := nearest.CountAbove(values, middle); {
		case n < r.k:
			hi = middle
		case n <= r.k+r.k/8:
			return middle
		default:
			lo = middle
		}
	}
	return lo
}

// settle ranks candidates by distance and keeps the k nearest.
func (r *ranker) settle(s *shortlist, q query) {
	r.rank(s, q)
	nearest := make(map[int32]bool, r.k)
	for _, c := range r.ranked[:r.k] {
		nearest[c.index] = true
	}
	s.found = slices.DeleteFunc(s.found, func(c candidate) bool { return !nearest[c.index] })
}

// rank fills r.ranked with the candidates, nearest first.
func (r *ranker) rank(s *shortlist, q query) {
	r.ranked = r.ranked[:0]
	r.measure(s.found, q)
}

// measure appends candidates to r.ranked, nearest first.
func (r *ranker) measure(found []candidate, q query) {
	first := len(r.ranked)
	for i, c := range found {
		if i+1 < len(found) {
			r.prefetch(int(found[i+1].index))
		}
		r.ranked = append(r.ranked, ranked{r.distance(q, int(c.index), r.rows[0]), c.index})
	}
	sortRanked(r.ranked[first:])
}

// order fills r.ranked with at least the k nearest of the candidates, nearest first. It measures those alone of
// which the bounds do not say which is nearer.
func (r *ranker) order(s *shortlist, read func() query) {
	slices.SortFunc(s.found, func(a, b candidate) int { return cmp.Compare(b.high, a.high) })
	r.ranked = r.ranked[:0]
	var q query
	for rest := s.found; len(r.ranked) < r.k && len(rest) > 0; {
		n, low := 1, rest[0].low
		for ; n < len(rest) && rest[n].high >= low; n++ {
			low = min(low, rest[n].low)
		}
		if n == 1 {
			r.ranked = append(r.ranked, ranked{index: rest[0].index})
		} else {
			if q.row == nil {
				q = read()
			}
			r.measure(rest[:n], q)
		}
		rest = rest[n:]
	}
}

func sortRanked(found []ranked) {
	slices.SortFunc(found, func(a, b ranked) int {
		switch {
		case a.distance < b.distance:
			return -1
		case a.distance > b.distance:
			return 1
		}
		return int(a.index) - int(b.index)
	})
}

// distance is that of q to row j of the bank, which is read into scratch.
func (x *Index) distance(q query, j int, scratch []float32) float64 {
	row := x.bank.Row(scratch, j)
	if x.metric == Euclidean {
		return math.Sqrt(nearest.SquaredDistance(q.row, row))
	}
	s := q.square * x.square[j]
	if s == 0 {
		return 1
	}
	return min(max(1-vec.Dot(q.row, row)/math.Sqrt(s), 0), 2)
}

// finish has the k nearest of the candidates and of the neighbours that query i has in nb
// be its neighbours.
func (r *ranker) finish(nb *Neighbors, i int, s *shortlist, q func() query, bar float32) {
	r.thin(s, bar)
	index, distance := nb.Row(i)
	if distance == nil {
		r.order(s, q)
		for j := range index {
			index[j] = r.ranked[j].index
		}
		return
	}
	r.rank(s, q())
	if before := len(r.ranked); distance[0] != none {
		for j, d := range distance {
			if d != none {
				r.ranked = append(r.ranked, ranked{d, index[j]})
			}
		}
		if len(r.ranked) > before {
			sortRanked(r.ranked)
		}
	}
	for j, c := range r.ranked[:min(nb.K, len(r.ranked))] {
		index[j], distance[j] = c.index, c.distance
	}
}

// none is the distance of a neighbour that is still to be found.
var none = math.Inf(1)

// newNeighbors has k neighbours still to be found for each of so many queries, with their distances or without.
func newNeighbors(queries, k int, undistanced bool) *Neighbors {
	nb := &Neighbors{Queries: queries, K: k, Index: make([]int32, queries*k)}
	if undistanced {
		return nb
	}
	nb.Distance = make([]float64, queries*k)
	for i := range nb.Distance {
		nb.Distance[i] = none
	}
	return nb
}

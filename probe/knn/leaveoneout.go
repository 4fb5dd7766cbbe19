package knn

import (
	"context"
	"fmt"
	"math"
	"sync"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/parallel"
)

// leaveOneOut is a search for the neighbours of the bank's own rows. The product of two rows is
// computed once and serves both: it bounds their score, which is the same from either side,
//
//	a·b + β(a) + β(b)
//
// and each row keeps the other where the score reaches its own bar. Which of them it meets first
// does not matter, since the bounds hold whatever the order.
type leaveOneOut struct {
	*Index
	found *Neighbors
}

func (x *Index) newLeaveOneOut(k int) (*leaveOneOut, error) {
	if k < 1 || k > x.n-1 {
		return nil, fmt.Errorf("knn: k is %d, want between 1 and %d, the bank without the row itself", k, x.n-1)
	}
	return &leaveOneOut{x, newNeighbors(x.n, k)}, nil
}

// listsBytes is what the shortlists of the rows that meet may take at first.
const listsBytes = 256 << 20

// group is some blocks of a part, all of whose rows have a shortlist.
type group struct {
	*part
	first int // of the blocks
	rows  int // that are of the bank
	lists []shortlist
	bars  []float32
	locks []sync.Mutex // one a block: of its rows' lists and bars
}

// groups cuts a part into stretches of blocks of which two have their shortlists at once.
func (l *leaveOneOut) groups(p *part) (first []int, size int) {
	size = max(1, listsBytes/2/(blockRows*candidateBytes*firstRoom(l.found.K)))
	for b := 0; b < len(p.blocks); b += size {
		first = append(first, b)
	}
	return first, size
}

func (l *leaveOneOut) newGroup(p *part, first, size int) *group {
	blocks := min(size, len(p.blocks)-first)
	g := &group{part: p, first: first, rows: min(p.n-first*blockRows, blocks*blockRows),
		bars: make([]float32, blocks*blockRows), locks: make([]sync.Mutex, blocks)}
	g.reset(l.found.K)
	return g
}

// reset empties the shortlists.
func (g *group) reset(k int) {
	g.lists = shortlists(g.rows, k)
	for i := range g.bars {
		g.bars[i] = lowest
	}
}

// query is row i of the group.
func (g *group) query(x *Index, i int) query {
	row := g.lo + g.first*blockRows + i
	return query{x.row(row), x.square[row]}
}

// within has the rows of a part meet.
func (l *leaveOneOut) within(ctx context.Context, p *part) error {
	groups, size := l.groups(p)
	for i, first := range groups {
		a := l.newGroup(p, first, size)
		if err := l.meet(ctx, a, a); err != nil {
			return err
		}
		for _, second := range groups[i+1:] {
			a.reset(l.found.K)
			if err := l.meet(ctx, a, l.newGroup(p, second, size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// between has the rows of two parts meet.
func (l *leaveOneOut) between(ctx context.Context, p, q *part) error {
	as, size := l.groups(p)
	bs, _ := l.groups(q)
	for _, first := range as {
		for _, second := range bs {
			if err := l.meet(ctx, l.newGroup(p, first, size), l.newGroup(q, second, size)); err != nil {
				return err
			}
		}
	}
	return nil
}

// meet finds neighbours of the rows of a in b and of those of b in a, which may be one.
func (l *leaveOneOut) meet(ctx context.Context, a, b *group) error {
	workers := make([]*matcher, l.pool.Threads())
	of := func(id int) *matcher {
		if workers[id] == nil {
			workers[id] = &matcher{ranker: ranker{Index: l.Index, k: l.found.K}, a: a, b: b,
				dots: make([]int32, blockRows*blockRows), hits: make([]int32, blockRows), scores: make([]float32, blockRows)}
		}
		return workers[id]
	}
	l.pool.For(len(a.locks), func(id, i int) {
		start := 0
		if a == b {
			start = i
		}
		for j := start; j < len(b.locks) && ctx.Err() == nil; j++ {
			of(id).blocks(i, j)
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	l.finish(of, a)
	if a != b {
		l.finish(of, b)
	}
	return nil
}

// finish ranks the candidates of a group.
func (l *leaveOneOut) finish(of func(id int) *matcher, g *group) {
	l.pool.For(len(g.locks), func(id, b int) {
		lo, hi := parallel.Range(b, blockRows, g.rows)
		for i := lo; i < hi; i++ {
			of(id).finish(l.found, g.lo+g.first*blockRows+i, &g.lists[i], g.query(l.Index, i), g.bars[i])
		}
	})
}

// matcher has two blocks of rows meet at a time.
type matcher struct {
	ranker
	a, b   *group
	dots   []int32 // [blockRows][blockRows]
	hits   []int32 // that a row of dots has, and their scores
	scores []float32
}

// blocks has the rows of block i of a meet those of block j of b.
func (m *matcher) blocks(i, j int) {
	a, b := m.a, m.b
	lo, hi := parallel.Range(i, blockRows, a.rows)
	products(m.dots, a.block(a.first+i), hi-lo, b.block(b.first+j), a.pairs)
	a.locks[i].Lock()
	defer a.locks[i].Unlock()
	// Locks are taken in ascending order: if a is b, i is at most j.
	if a != b || i != j {
		b.locks[j].Lock()
		defer b.locks[j].Unlock()
	}
	for row := lo; row < hi; row++ {
		m.collect(row, j)
	}
}

// collect has row i of a meet those of block j of b, in the block that is its own only the later ones.
func (m *matcher) collect(i, j int) {
	a, b, list := m.a, m.b, &m.a.lists[i]
	at, start := a.first*blockRows+i, j*blockRows
	from := b.first*blockRows + start
	slack := m.slack(a.part, at, b.blocks[b.first+j])
	scale, shift := a.weight[at], float32(float64(a.bias[at])+slack)
	dots := m.dots[i%blockRows*blockRows:][:blockRows]
	weight, bias, bars := b.weight[from:from+blockRows], b.bias[from:from+blockRows], b.bars[start:start+blockRows]
	n := nearest.AboveEither(m.hits, m.scores, dots, weight, bias, bars, scale, shift, a.bars[i])
	for hit, high := range m.scores[:n] {
		h := m.hits[hit]
		other := start + int(h)
		if a == b && other <= i {
			continue
		}
		low := high - float32(2*slack)
		if high >= a.bars[i] {
			if list.add(candidate{low, high, int32(b.lo+from) + h}) {
				a.bars[i] = m.makeRoom(list, a.query(m.Index, i), a.bars[i])
			}
		}
		if high >= bars[h] {
			if list := &b.lists[other]; list.add(candidate{low, high, int32(a.lo + at)}) {
				bars[h] = m.makeRoom(list, b.query(m.Index, other), bars[h])
			}
		}
	}
}

// slack bounds |computed score − true score| of row i of a part and the rows of a block, and the
// rounding of the distance that finally ranks; see [searcher.slack].
func (m *matcher) slack(p *part, i int, b block) float64 {
	whole, residual := float64(p.whole[i]), float64(p.residual[i])
	e := 1.001*(whole*b.residual+residual*b.norm) +
		float32s*(whole*(b.norm+b.residual)+math.Abs(float64(p.bias[i]))+b.bias)
	far := m.scale
	if m.metric == Euclidean {
		far = 1.001*(whole+residual) + b.norm
	}
	return min(e+m.float64s()*far*far+1e-30, 1e37)
}

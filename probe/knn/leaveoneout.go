package knn

import (
	"context"
	"fmt"
	"math"
	"sync"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/memory"
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
	bars  []float32 // of whole blocks
	found *Neighbors
	most  int // bytes that the shortlists of the rows that meet may take at first
}

func (x *Index) newLeaveOneOut(k int) (*leaveOneOut, error) {
	if k < 1 || k > x.n-1 {
		return nil, fmt.Errorf("knn: k is %d, want between 1 and %d, the bank without the row itself", k, x.n-1)
	}
	l := &leaveOneOut{x, lowestBars(wholeBlocks(x.n + blockRows - 1)), &Neighbors{K: k}, int(min(256<<20, memory.Left()/4))}
	atOnce := false
	if x.undistanced() {
		first, _ := l.groups(x.ready)
		atOnce = len(first) == 1
	}
	l.found = newNeighbors(x.n, k, atOnce)
	return l, nil
}

// group is some blocks of a part, all of whose rows have a shortlist.
type group struct {
	*part
	first int // of the blocks
	rows  int // that are of the bank
	lists []shortlist
	bars  []float32    // of whole blocks
	locks []sync.Mutex // one a block: of its rows' lists and bars
}

// groups cuts a part into stretches of blocks of which two have their shortlists at once.
func (l *leaveOneOut) groups(p *part) (first []int, size int) {
	size = max(1, l.most/2/(blockRows*candidateBytes*firstRoom(l.found.K)))
	for b := 0; b < len(p.blocks); b += size {
		first = append(first, b)
	}
	return first, size
}

func (l *leaveOneOut) newGroup(p *part, first, size int) *group {
	blocks := min(size, len(p.blocks)-first)
	lo, rows := p.lo+first*blockRows, blocks*blockRows
	return &group{part: p, first: first, rows: min(p.n-first*blockRows, rows),
		bars: l.bars[lo : lo+rows], locks: make([]sync.Mutex, blocks)}
}

// query is row i of the group, until the next one.
func (r *ranker) query(g *group, i int) query {
	row := g.lo + g.first*blockRows + i
	return query{r.bank.Row(r.rows[1], row), r.square[row]}
}

// within has the rows of a part meet.
func (l *leaveOneOut) within(ctx context.Context, p *part, meter *meter) error {
	groups, size := l.groups(p)
	for i, first := range groups {
		a := l.newGroup(p, first, size)
		if err := l.meet(ctx, a, a, meter); err != nil {
			return err
		}
		for _, second := range groups[i+1:] {
			if err := l.meet(ctx, a, l.newGroup(p, second, size), meter); err != nil {
				return err
			}
		}
	}
	return nil
}

// between has the rows of two parts meet.
func (l *leaveOneOut) between(ctx context.Context, p, q *part, meter *meter) error {
	as, size := l.groups(p)
	bs, _ := l.groups(q)
	for _, first := range as {
		for _, second := range bs {
			if err := l.meet(ctx, l.newGroup(p, first, size), l.newGroup(q, second, size), meter); err != nil {
				return err
			}
		}
	}
	return nil
}

// meet finds neighbours of the rows of a in b and of those of b in a, which may be one.
func (l *leaveOneOut) meet(ctx context.Context, a, b *group, meter *meter) error {
	workers := make([]*matcher, l.pool.Threads())
	of := func(id int) *matcher {
		if workers[id] == nil {
			workers[id] = &matcher{newScanner(l.Index, l.found.K, blockRows), a, b}
		}
		return workers[id]
	}
	each := func(do func(m *matcher, i int)) error {
		l.pool.For(len(a.locks), func(id, i int) {
			if ctx.Err() == nil {
				do(of(id), i)
			}
		})
		return ctx.Err()
	}
	room, rows := firstRoom(l.found.K), a.rows
	if a != b {
		rows += b.rows
	}
	all := manyCandidates(rows * room)
	defer spareCandidates.Put(all)
	a.lists = shortlists(*all, a.rows, l.found.K)
	if a != b {
		b.lists = shortlists((*all)[a.rows*room:], b.rows, l.found.K)
	} else if err := each((*matcher).sampleBlock); err != nil {
		return err
	}
	err := each(func(m *matcher, i int) {
		start := 0
		if a == b {
			start = i
		}
		rows := m.signed(a.strips(a.first + i))
		for j := start; j < len(b.locks) && ctx.Err() == nil; j++ {
			m.blocks(rows, i, j)
		}
		meter.add((len(b.locks) - start) * blockRows * blockRows)
	})
	if err != nil {
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
			m := of(id)
			m.finish(l.found, g.lo+g.first*blockRows+i, &g.lists[i], func() query { return m.query(g, i) }, g.bars[i])
		}
	})
}

// matcher has two blocks of rows meet at a time.
type matcher struct {
	scanner
	a, b *group
}

// sampleBlock raises the bars of block i of a, which is b, by the blocks after it.
func (m *matcher) sampleBlock(i int) {
	a := m.a
	if !m.samples(a.part) || len(a.locks) <= sampleBlocks {
		return
	}
	lo, hi := parallel.Range(i, blockRows, a.rows)
	next := func(t int) int { return a.first + (i+1+t)%len(a.locks) }
	line := func(row, b int) line { return m.line(a.first*blockRows+lo+row, &a.blocks[b]) }
	m.sample(m.signed(a.strips(a.first+i)), nil, hi-lo, a.part, next, line, a.bars[lo:hi])
}

// blocks has the rows of block i of a, packed as a first operand, meet those of block j of b.
func (m *matcher) blocks(packed []int16, i, j int) {
	a, b := m.a, m.b
	lo, hi := parallel.Range(i, blockRows, a.rows)
	m.products(packed, nil, hi-lo, b.part, b.first+j)
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

// collect has row i of a meet those of block j of b, in the block that is its own the later ones.
func (m *matcher) collect(i, j int) {
	a, b, list := m.a, m.b, &m.a.lists[i]
	at, start := a.first*blockRows+i, j*blockRows
	row, first := int32(a.lo+at), int32(b.lo+b.first*blockRows+start)
	bars := b.bars[start : start+blockRows]
	l := m.line(at, &b.blocks[b.first+j])
	others, highs := m.above(i%blockRows, b.part, b.first+j, l, bars, a.bars[i])
	for h, high := range highs {
		other := others[h]
		if a == b && start+int(other) <= i {
			continue
		}
		low := high - 2*l.slack
		if high >= a.bars[i] && list.add(candidate{low, high, first + other}) {
			a.bars[i] = m.makeRoom(list, func() query { return m.query(a, i) }, a.bars[i])
		}
		if high < bars[other] {
			continue
		}
		if list := &b.lists[start+int(other)]; list.add(candidate{low, high, row}) {
			bars[other] = m.makeRoom(list, func() query { return m.query(b, start+int(other)) }, bars[other])
		}
	}
}

// line is that of row i of a's part and a block: dot·weight·weight + bias + bias, in units of the
// index's scale. For the slack see [searcher.line].
func (m *matcher) line(i int, b *block) line {
	if m.bytes {
		return m.lineOfBytes(i, b)
	}
	p := m.a.part
	whole, residual := float64(p.whole[i]), float64(p.residual[i])
	e := 1.001*(whole*b.residual+residual*b.norm) +
		float32s*(whole*(b.norm+b.residual)+math.Abs(float64(p.bias[i]))+b.bias)
	far := m.scale
	if m.metric == Euclidean {
		far = 1.001*(whole+residual) + b.norm
	}
	e += m.float64s() * far * far
	return line{nearest.Line{A: p.weight[i], B: 1, C: p.bias[i]}, float32(min(e+1e-30, mostSlack))}
}

package engine

import (
	"cmp"
	"slices"
)

// block is a piece of arena memory: size bytes from the step that first writes it
// to the step that last reads it.
type block struct {
	size, first, last int
	offset            int
}

// align keeps blocks on cache lines.
const align = 64

// aligned is the room that a block takes.
func (b *block) aligned() int { return (b.size + align - 1) / align * align }

// most is how many blocks are packed tightly, which takes time by the square of them.
const most = 8192

// pack gives every block an offset so that blocks alive at the same step do not
// overlap, and returns the arena's size in bytes.
func pack(blocks []*block) int {
	if len(blocks) > most {
		return packInTurn(blocks)
	}
	return packTightly(blocks)
}

// packTightly places large blocks first, each at the lowest gap that fits
// (Pisarchyk and Lee 2020, greedy by size).
func packTightly(blocks []*block) int {
	order := slices.Clone(blocks)
	slices.SortStableFunc(order, func(a, b *block) int { return cmp.Compare(b.size, a.size) })
	var placed []*block // by offset
	total := 0
	for _, b := range order {
		size, at := b.aligned(), 0
		for _, q := range placed {
			if q.last < b.first || b.last < q.first {
				continue
			}
			if q.offset-at >= size {
				break
			}
			at = max(at, q.offset+q.aligned())
		}
		b.offset = at
		i, _ := slices.BinarySearchFunc(placed, at, func(q *block, at int) int { return cmp.Compare(q.offset, at) })
		placed = slices.Insert(placed, i, b)
		total = max(total, at+size)
	}
	return total
}

// gap is free memory between blocks.
type gap struct{ offset, size int }

// maxGaps is among how many gaps the best is looked for, those of lowest offset.
const maxGaps = 1024

// packInTurn places blocks in the order in which they are written, each in the
// smallest gap that fits, else at the end.
func packInTurn(blocks []*block) int {
	begin, end := slices.Clone(blocks), slices.Clone(blocks)
	slices.SortStableFunc(begin, func(a, b *block) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(b.size, a.size))
	})
	slices.SortStableFunc(end, func(a, b *block) int { return cmp.Compare(a.last, b.last) })
	var gaps []gap // by offset; no two touch
	total := 0
	for _, b := range begin {
		for ; end[0].last < b.first; end = end[1:] {
			gaps = release(gaps, gap{end[0].offset, end[0].aligned()})
		}
		size, best := b.aligned(), -1
		for i, g := range gaps[:min(len(gaps), maxGaps)] {
			if g.size >= size && (best < 0 || g.size < gaps[best].size) {
				best = i
			}
		}
		if best < 0 {
			b.offset = total
			total += size
			continue
		}
		g := &gaps[best]
		b.offset = g.offset
		g.offset, g.size = g.offset+size, g.size-size
		if g.size == 0 {
			gaps = slices.Delete(gaps, best, best+1)
		}
	}
	return total
}

// release adds free memory to the gaps.
func release(gaps []gap, g gap) []gap {
	if g.size == 0 {
		return gaps
	}
	i, _ := slices.BinarySearchFunc(gaps, g.offset, func(q gap, at int) int { return cmp.Compare(q.offset, at) })
	if i < len(gaps) && g.offset+g.size == gaps[i].offset {
		g.size += gaps[i].size
		gaps = slices.Delete(gaps, i, i+1)
	}
	if i > 0 && gaps[i-1].offset+gaps[i-1].size == g.offset {
		gaps[i-1].size += g.size
		return gaps
	}
	return slices.Insert(gaps, i, g)
}

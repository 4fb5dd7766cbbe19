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

// pack gives every block an offset so that blocks alive at the same step do not
// overlap, and returns the arena's size in bytes. Large blocks are placed
// first, each at the lowest gap that fits (Pisarchyk and Lee 2020, greedy by
// size).
func pack(blocks []*block) int {
	order := slices.Clone(blocks)
	slices.SortStableFunc(order, func(a, b *block) int { return cmp.Compare(b.size, a.size) })
	var placed []*block // by offset
	total := 0
	for _, b := range order {
		size := (b.size + align - 1) / align * align
		at := 0
		for _, q := range placed {
			if q.last < b.first || b.last < q.first {
				continue
			}
			if q.offset-at >= size {
				break
			}
			at = max(at, q.offset+(q.size+align-1)/align*align)
		}
		b.offset = at
		i, _ := slices.BinarySearchFunc(placed, at, func(q *block, at int) int { return cmp.Compare(q.offset, at) })
		placed = slices.Insert(placed, i, b)
		total = max(total, at+size)
	}
	return total
}

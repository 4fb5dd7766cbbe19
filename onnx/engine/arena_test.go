package engine

import (
	"testing"
	"time"

	"memprobe/internal/rng"
)

// Blocks that are alive at the same step do not overlap, however they are packed.
func TestPack(t *testing.T) {
	s := rng.New(1, rng.Subset)
	for range 200 {
		blocks := make([]*block, 1+s.IntN(60))
		for i := range blocks {
			first := s.IntN(40)
			blocks[i] = &block{size: s.IntN(2000), first: first, last: first + s.IntN(8)}
		}
		for name, pack := range map[string]func([]*block) int{"tightly": packTightly, "in turn": packInTurn} {
			total := pack(blocks)
			for i, a := range blocks {
				if a.offset%align != 0 || a.offset+a.size > total {
					t.Fatalf("%s: block %+v in an arena of %d", name, a, total)
				}
				for _, b := range blocks[:i] {
					if a.first <= b.last && b.first <= a.last && a.offset < b.offset+b.size && b.offset < a.offset+a.size {
						t.Fatalf("%s: blocks %+v and %+v overlap", name, a, b)
					}
				}
			}
		}
	}
}

// A program of 130,000 steps, one after another or all kept to the end, is packed in
// seconds, and memory is used again.
func TestPackManyBlocks(t *testing.T) {
	const n = 130_000
	for _, c := range []struct {
		lasts func(i int) int
		want  int
	}{
		{func(i int) int { return i + 1 }, 64 * align},
		{func(int) int { return n }, 0},
	} {
		blocks, sum := make([]*block, n), 0
		for i := range blocks {
			blocks[i] = &block{size: align * (1 + i%7), first: i, last: c.lasts(i)}
			sum += blocks[i].size
		}
		start := time.Now()
		total := pack(blocks)
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("packing took %v", took)
		}
		if c.want > 0 && total > c.want || c.want == 0 && total != sum {
			t.Errorf("an arena of %d bytes", total)
		}
	}
}

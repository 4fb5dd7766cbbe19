package gemm

import (
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/tile"
	"memprobe/internal/parallel"
)

// What is fetched is what is packed next: the panels after those of a group, the first of
// the next step of k, the first of the next chunk, and nothing at the end.
func TestFetch(t *testing.T) {
	const k, n = 300, 840 // two steps, two chunks of columns
	p := parallel.New(1)
	defer p.Close()
	for _, transB := range []bool{false, true} {
		g := New(p, Spec{M: 12, N: n, K: k, TransB: transB})
		if g.chunks() != 3 || g.cols != 18 {
			t.Fatalf("%d chunks of %d panels", g.chunks(), g.cols)
		}
		b := make([]float32, n*k)
		g.run.b = b
		for _, c := range []struct {
			chunk, q, q1, k0 int
			col, row, steps  int // where the next panels begin, and how many steps of k they have
		}{
			{0, 4, 18, 0, 64, 0, 256}, {0, 18, 18, 0, 0, 256, 44}, {0, 16, 18, 256, 256, 256, 44},
			{0, 18, 18, 256, 288, 0, 256}, {1, 36, 36, 256, 576, 0, 256},
		} {
			var got ref.Tile
			g.fetch(&got, c.chunk, c.q, c.q1, c.k0)
			at, pieces, last, step := c.row*n+c.col, c.steps, 0, 4*n-256
			if transB {
				at, last = c.col*k+c.row, 3
				if c.steps < 64 {
					last = 0
				}
				panels := min(packedCols, (c.col/tile.NR/18+1)*18-c.col/tile.NR)
				pieces, step = panels*tile.NR*(last+1), 4*k-256*(last+1)
			}
			if got.Next != &b[at] || got.NextPieces != pieces || got.NextLast != last || got.NextStep != step {
				t.Errorf("after %+v: %d pieces, %d in a row, steps of %d; want %d, %d, %d at %d", c, got.NextPieces,
					got.NextLast+1, got.NextStep, pieces, last+1, step, at)
			}
		}
		var got ref.Tile
		if g.fetch(&got, 2, 53, 53, 256); got.Next != nil || got.NextPieces != 0 {
			t.Errorf("after the last chunk %d pieces are fetched", got.NextPieces)
		}
	}
}

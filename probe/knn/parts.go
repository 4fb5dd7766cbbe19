package knn

import (
	"context"
	"math"

	"memprobe/internal/parallel"
)

// searchParts is search in a bank of which a part is ready at a time: the nearest of each
// part are merged. A part has more rows than neighbours are wanted.
func (x *Index) searchParts(ctx context.Context, queries []float32, square []float64, k int,
	self int) (*Neighbors, error) {
	parts := max(1, min(parallel.Chunks(x.n, x.part), x.n/(k+1)))
	size := parallel.Chunks(x.n, parts)
	var all *Neighbors
	for lo := 0; lo < x.n; lo += size {
		hi := min(lo+size, x.n)
		if x.n-hi <= k {
			hi = x.n // no part of its own
		}
		p, err := build(ctx, x.pool, x.bank[lo*x.d:hi*x.d], hi-lo, x.d, x.metric, math.MaxInt64)
		if err != nil {
			return nil, err
		}
		of := self
		if self != noSelf {
			of = self - lo
		}
		found, err := p.search(ctx, queries, square, min(k, p.n), of)
		if err != nil {
			return nil, err
		}
		if all, err = all.Merge(found, lo, k); err != nil || hi == x.n {
			return all, err
		}
	}
	return all, nil
}

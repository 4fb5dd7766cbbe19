package probe

import (
	"context"
	"fmt"
	"slices"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
)

// gramRows is how many rows of the Gram matrices are made at a time.
const gramRows = 8

// Alignment is the debiased linear CKA, as CKA defines it, of each of xs [n,·] with each
// of ys [n,·], all of the same n ≥ 4 samples: [len(xs)][len(ys)]. NaN where one of the two
// is constant. The Gram matrices are made a few rows at a time, below their diagonals, so
// that a pair costs n² multiply-adds and memory does not grow with the square of n.
func Alignment(ctx context.Context, pool *parallel.Pool, xs, ys []Features) ([][]float64, error) {
	all := slices.Concat(xs, ys)
	for i, f := range all {
		if err := f.check("CKA", 4); err != nil {
			return nil, err
		}
		if f.N != all[0].N {
			return nil, fmt.Errorf("probe: CKA: %d and %d samples, want the same", all[0].N, f.N)
		}
		all[i] = f.centred()
	}
	if len(xs) == 0 || len(ys) == 0 {
		return nil, nil
	}
	traces, err := gramTraces(ctx, pool, all, len(xs))
	if err != nil {
		return nil, err
	}
	sums, own := make([][]float64, len(all)), make([]float64, len(all))
	pool.For(len(all), func(_, l int) {
		sums[l] = rowSums(all[l])
		own[l] = selfHSIC(all[l], sums[l], traces[len(xs)*len(ys)+l])
	})
	out := make([][]float64, len(xs))
	for x := range xs {
		for y := range ys {
			h := unbiasedHSIC(sums[x], sums[len(xs)+y], traces[x*len(ys)+y])
			out[x] = append(out[x], h/(own[x]*own[len(xs)+y]))
		}
	}
	return out, nil
}

// gramTraces are tr K̃L̃ of each of the first nx of all with each of the others, a row of
// pairs each, then of each of all with itself.
func gramTraces(ctx context.Context, pool *parallel.Pool, all []Features, nx int) ([]float64, error) {
	n, ny := all[0].N, len(all)-nx
	chunks := parallel.Chunks(n, gramRows)
	parts := make([][]float64, chunks)
	grams := make([][][]float64, pool.Threads()) // [worker][layer][gramRows·n]
	pool.For(chunks, func(worker, chunk int) {
		if ctx.Err() != nil {
			return
		}
		if grams[worker] == nil {
			for range all {
				grams[worker] = append(grams[worker], make([]float64, gramRows*n))
			}
		}
		g := grams[worker]
		lo, hi := parallel.Range(chunk, gramRows, n)
		for l, f := range all {
			clear(g[l])
			for j := range hi {
				for i := max(lo, j+1); i < hi; i++ {
					g[l][(i-lo)*n+j] = vec.Dot(f.Row(i), f.Row(j))
				}
			}
		}
		for x := range nx {
			for y := range ny {
				parts[chunk] = append(parts[chunk], 2*vec.Dot(g[x], g[nx+y]))
			}
		}
		for l := range all {
			parts[chunk] = append(parts[chunk], 2*vec.Dot(g[l], g[l]))
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	total := make([]float64, nx*ny+len(all))
	for _, part := range parts {
		for i, v := range part {
			total[i] += v
		}
	}
	return total, nil
}

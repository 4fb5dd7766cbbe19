package main

import (
	"context"

	"github.com/spf13/pflag"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/probe/knn"
)

type benchKNNOptions struct {
	benchOptions
	bank, queries, dim, k int
}

var benchKNNCommand = command{
	name: "bench knn", about: "times an exact k-NN search, its index included",
	example: "memprobe bench knn --bank 50000 --queries 10000 --dim 512 --k 20",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o benchKNNOptions
		f.IntVar(&o.bank, "bank", 50000, "vectors that are searched")
		f.IntVar(&o.queries, "queries", 10000, "vectors that are searched for")
		f.IntVar(&o.dim, "dim", 512, "elements of a vector, drawn from the normal distribution")
		f.IntVar(&o.k, "k", 20, "neighbours")
		o.flags(f, 3)
		return func(ctx context.Context, args []string, std streams) error {
			if err := o.check(args, 0); err != nil {
				return err
			}
			if min(o.bank, o.queries, o.dim, o.k) < 1 || o.k > o.bank {
				return usagef("--bank %d, --queries %d, --dim %d, --k %d: want positive numbers, and k within the bank", o.bank,
					o.queries, o.dim, o.k)
			}
			return benchKNN(ctx, o, std)
		}
	},
}

func benchKNN(ctx context.Context, o benchKNNOptions, std streams) error {
	for _, n := range []int{o.bank, o.queries} {
		if err := memory.Need("the vectors", memory.Product(4, n, o.dim)); err != nil {
			return err
		}
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	bank, queries := normals(o.bank*o.dim, 0), normals(o.queries*o.dim, 1)
	t, err := o.measure(ctx, pool, func() error {
		x, err := knn.New(ctx, pool, bank, o.bank, o.dim, knn.Cosine)
		if err != nil {
			return err
		}
		_, err = x.Search(ctx, queries, o.queries, o.k)
		return err
	})
	if err != nil {
		return err
	}
	return printLine(std, struct {
		What    string `json:"what"`
		Bank    int    `json:"bank"`
		Queries int    `json:"queries"`
		Dim     int    `json:"dim"`
		K       int    `json:"k"`
		timing
		Rate float64 `json:"queries_per_second"`
	}{"knn", o.bank, o.queries, o.dim, o.k, t, float64(o.queries) / t.Seconds})
}

// normals returns n draws from the normal distribution, the same for the same counter.
func normals(n int, counter uint64) []float32 {
	s := rng.New(0, rng.Bench, counter)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(s.Normal())
	}
	return x
}

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"memprobe/internal/mapped"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/probe/knn"
)

type benchKNNOptions struct {
	benchOptions
	bank, queries, dim, k int
	mapped                string
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
		f.StringVar(&o.mapped, "mapped", "", "folder in which the bank is a file, which is mapped and gone afterwards; else it is in memory")
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

func benchKNN(ctx context.Context, o benchKNNOptions, std streams) (err error) {
	held := []int{o.queries}
	if o.mapped == "" {
		held = append(held, o.bank)
	}
	for _, n := range held {
		if err := memory.Need("the vectors", memory.Product(4, n, o.dim)); err != nil {
			return err
		}
	}
	var bank []float32
	if o.mapped == "" {
		bank = normals(o.bank*o.dim, 0)
	} else {
		release := func() error { return nil }
		if bank, release, err = mappedNormals(ctx, o.mapped, o.bank*o.dim); err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, release()) }()
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	queries := normals(o.queries*o.dim, 1)
	peak := watchAnonymous()
	t, err := o.measure(ctx, pool, func() error {
		x, err := knn.New(ctx, pool, bank, o.bank, o.dim, knn.Cosine)
		if err != nil {
			return err
		}
		_, err = x.Search(ctx, queries, o.queries, o.k)
		return err
	})
	anonymous := peak()
	if err != nil {
		return err
	}
	return printLine(std, struct {
		What    string `json:"what"`
		Bank    int    `json:"bank"`
		Queries int    `json:"queries"`
		Dim     int    `json:"dim"`
		K       int    `json:"k"`
		Mapped  bool   `json:"mapped"`
		timing
		PeakAnonymous int64   `json:"peak_anonymous_bytes,omitempty"` // what is resident of no file
		Rate          float64 `json:"queries_per_second"`
	}{"knn", o.bank, o.queries, o.dim, o.k, o.mapped != "", t, anonymous, float64(o.queries) / t.Seconds})
}

// normals returns n draws from the normal distribution, the same for the same counter.
func normals(n int, counter uint64) []float32 {
	x := make([]float32, n)
	s := rng.New(0, rng.Bench, counter)
	fillNormal(x, &s)
	return x
}

func fillNormal(x []float32, s *rng.Stream) {
	for i := range x {
		x[i] = float32(s.Normal())
	}
}

// mappedNormals is normals(n, 0) in a file of a folder, which has no name any more.
func mappedNormals(ctx context.Context, folder string, n int) ([]float32, func() error, error) {
	f, err := os.CreateTemp(folder, "memprobe-bank-*")
	if err != nil {
		return nil, nil, fmt.Errorf("--mapped: %w", err)
	}
	defer f.Close()
	defer os.Remove(f.Name())
	s := rng.New(0, rng.Bench, 0)
	some := make([]float32, 1<<18)
	for left := n; left > 0; {
		x := some[:min(left, len(some))]
		fillNormal(x, &s)
		if _, err := f.Write(mapped.Bytes(x)); err != nil {
			return nil, nil, fmt.Errorf("--mapped: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		left -= len(x)
	}
	data, release, err := mapped.File(f, 4*int64(n), false)
	if err != nil {
		return nil, nil, fmt.Errorf("--mapped: %w", err)
	}
	return mapped.Floats(data), release, nil
}

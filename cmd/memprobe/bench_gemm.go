package main

import (
	"context"

	"github.com/spf13/pflag"

	"memprobe/internal/kernel/cpu"
	"memprobe/internal/kernel/gemm"
	"memprobe/internal/memory"
	"memprobe/internal/parallel"
)

var benchGemmCommand = command{
	name: "bench gemm", about: "times a matrix product, and the peak of the multiply-adds",
	example: "memprobe bench gemm --m 1024 --n 1024 --k 1024 --threads 2",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o benchOptions
		m := f.Int("m", 1024, "rows of A and C")
		n := f.Int("n", 1024, "columns of B and C")
		k := f.Int("k", 1024, "columns of A, rows of B")
		o.flags(f, 7)
		return func(ctx context.Context, args []string, std streams) error {
			if err := o.check(args, 0); err != nil {
				return err
			}
			if min(*m, *n, *k) < 1 {
				return usagef("--m %d, --n %d, --k %d: want positive numbers", *m, *n, *k)
			}
			return benchGemm(ctx, o, gemm.Spec{M: *m, N: *n, K: *k}, std)
		}
	},
}

func benchGemm(ctx context.Context, o benchOptions, s gemm.Spec, std streams) error {
	for _, sides := range [][2]int{{s.M, s.K}, {s.K, s.N}, {s.M, s.N}} {
		if err := memory.Need("a matrix", memory.Product(4, sides[0], sides[1])); err != nil {
			return err
		}
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	g := gemm.New(pool, s)
	a, b := noise(make([]float32, s.M*s.K), 0), noise(make([]float32, s.K*s.N), 1)
	c, scratch := make([]float32, s.M*s.N), make([]float32, g.Scratch())
	t, err := o.measure(ctx, pool, func() error {
		g.Run(c, a, b, nil, scratch)
		return nil
	})
	if err != nil {
		return err
	}
	return printLine(std, struct {
		What string `json:"what"`
		M    int    `json:"m"`
		N    int    `json:"n"`
		K    int    `json:"k"`
		timing
		GFLOPS float64 `json:"gflops"`
		Peak   float64 `json:"fma_peak_gflops"` // of all threads together
	}{"gemm", s.M, s.N, s.K, t, 2 * float64(s.M) * float64(s.N) * float64(s.K) / t.Seconds / 1e9, cpu.Peak(pool)})
}

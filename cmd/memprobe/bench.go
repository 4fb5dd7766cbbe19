package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/train/dataset"
)

// benchmarks are the subcommands of bench, one a kind of work. Each prints one
// JSON line: what was measured, the median seconds of a step, and a rate.
var benchmarks = []command{benchInferCommand, benchTrainCommand, benchKNNCommand, benchAugmentCommand, benchGemmCommand}

// benchOptions are the flags that every benchmark has.
type benchOptions struct{ threads, steps int }

func (o *benchOptions) flags(f *pflag.FlagSet, steps int) {
	f.IntVar(&o.threads, "threads", 0, "threads; 0 means one a CPU")
	f.IntVar(&o.steps, "steps", steps, "steps that are measured, after one that is not")
}

func (o *benchOptions) check(args []string, want int) error {
	switch {
	case len(args) != want:
		return usagef("want %d arguments, got %d: %q", want, len(args), args)
	case o.threads < 0 || o.steps < 1:
		return usagef("--threads %d, --steps %d: want positive numbers", o.threads, o.steps)
	}
	return nil
}

// timing is what every benchmark reports.
type timing struct {
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds"` // median of a step
	PeakRSS int64   `json:"peak_rss_bytes"`
}

// measure times steps of f, which run on the pool.
func (o *benchOptions) measure(ctx context.Context, pool *parallel.Pool, f func() error) (timing, error) {
	seconds := make([]float64, o.steps)
	for i := -1; i < o.steps; i++ {
		start := time.Now()
		if err := f(); err != nil {
			return timing{}, err
		}
		if err := ctx.Err(); err != nil {
			return timing{}, err
		}
		if i >= 0 {
			seconds[i] = time.Since(start).Seconds()
		}
	}
	slices.Sort(seconds)
	return timing{pool.Threads(), seconds[o.steps/2], peakRSS()}, nil
}

// noise fills x with numbers uniform on [-1,1), the same for the same counter.
func noise(x []float32, counter uint64) []float32 {
	s := rng.New(0, rng.Bench, counter)
	for i := range x {
		x[i] = float32(s.Uniform(-1, 1))
	}
	return x
}

// feedNoise fills an input of whatever type images can be fed to.
func feedNoise(in *tensor.Tensor) error {
	f, err := dataset.NewFeed(in, false)
	if err != nil {
		return err
	}
	noise(f.Floats(), 0)
	f.Convert()
	return nil
}

func printLine(std streams, line any) error { return json.NewEncoder(std.out).Encode(line) }

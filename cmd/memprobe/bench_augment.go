package main

import (
	"context"
	"slices"

	"github.com/spf13/pflag"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/train/augment"
	"memprobe/train/dataset"
)

type benchAugmentOptions struct {
	benchOptions
	augment string
	images  int
	shape   []int
}

var benchAugmentCommand = command{
	name: "bench augment", about: "times an augmentation, from bytes to float32",
	example: "memprobe bench augment --augment full --images 20000",
	setup: func(f *pflag.FlagSet) func(context.Context, []string, streams) error {
		var o benchAugmentOptions
		f.StringVar(&o.augment, "augment", "full", augmentHelp())
		f.IntVar(&o.images, "images", 20000, "images that are augmented")
		f.IntSliceVar(&o.shape, "shape", []int{3, 32, 32}, "C,H,W of an image")
		o.flags(f, 3)
		return func(ctx context.Context, args []string, std streams) error {
			if err := o.check(args, 0); err != nil {
				return err
			}
			if len(o.shape) != 3 || slices.Min(o.shape) < 1 || slices.Max(o.shape) > 1<<12 || o.images < 1 {
				return usagef("--shape %v, --images %d: want three sizes up to 4096, and a positive number", o.shape, o.images)
			}
			p, err := augment.Parse(o.augment)
			if err != nil {
				return usagef("--augment: %v", err)
			}
			return benchAugment(ctx, o, p, std)
		}
	},
}

// benchAugment augments random images, batch by batch, as a training run does.
func benchAugment(ctx context.Context, o benchAugmentOptions, p *augment.Pipeline, std streams) error {
	const distinct, batch = 64, 256
	if err := memory.Need("a batch of images",
		memory.Product(4, batch+distinct, o.shape[0], o.shape[1], o.shape[2])); err != nil {
		return err
	}
	pool := parallel.New(o.threads)
	defer pool.Close()
	c, h, w := o.shape[0], o.shape[1], o.shape[2]
	size := c * h * w
	images := make([][]uint8, distinct)
	s := rng.New(0, rng.Bench)
	for i := range images {
		images[i] = make([]uint8, size)
		for j := range images[i] {
			images[i][j] = uint8(s.Uint64())
		}
	}
	workers := make([]*augment.Worker, pool.Threads())
	sources := make([][]float32, len(workers))
	for i := range workers {
		var err error
		if workers[i], err = p.Worker(c, h, w); err != nil {
			return usagef("--augment: %v", err)
		}
		sources[i] = make([]float32, size)
	}
	out := make([]float32, batch*size)
	t, err := o.measure(ctx, pool, func() error {
		for first := 0; first < o.images && ctx.Err() == nil; first += batch {
			pool.For(min(batch, o.images-first), func(worker, i int) {
				image := first + i
				dataset.Float32(sources[worker], images[image%distinct])
				workers[worker].Apply(out[i*size:(i+1)*size], sources[worker], augment.KeyOf(0, 0, uint64(image), 0))
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return printLine(std, struct {
		What     string `json:"what"`
		Augment  string `json:"augment"`
		Pipeline string `json:"pipeline"`
		Images   int    `json:"images"`
		Shape    []int  `json:"shape"`
		timing
		Rate float64 `json:"images_per_second"`
	}{"augment", o.augment, p.String(), o.images, o.shape, t, float64(o.images) / t.Seconds})
}

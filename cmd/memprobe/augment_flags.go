package main

import (
	"strings"
	"sync"

	"memprobe/train/augment"
)

// augmentHelp is what --augment says of itself.
func augmentHelp() string {
	return strings.Join(augment.Presets(), ", ") + ", rand:S with a strength S from 0 to 1, or a pipeline as it is printed"
}

// viewer returns a function that writes view number view of an image [C,H,W] to
// dst, and that any number of goroutines may call.
func viewer(p *augment.Pipeline, shape []int, seed uint64) (func(dst, src []float32, image, view int), error) {
	c, h, w := shape[0], shape[1], shape[2]
	if _, err := p.Worker(c, h, w); err != nil {
		return nil, err
	}
	workers := sync.Pool{New: func() any {
		k, _ := p.Worker(c, h, w) // it did above
		return k
	}}
	return func(dst, src []float32, image, view int) {
		k := workers.Get().(*augment.Worker)
		k.Apply(dst, src, augment.Key{Seed: seed, Image: uint64(image), View: uint64(view)})
		workers.Put(k)
	}, nil
}

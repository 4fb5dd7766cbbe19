package probe

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"memprobe/internal/parallel"
)

// Threads that run batches of their own have the features that they have together, and report
// each image once.
func TestLanes(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	m := residual(t)
	r, err := newRunner(m, testData(), Options{K: []int{3}, Batch: 7, Workers: pool}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	var want []Features
	for _, images := range []int{1, 120} {
		s, err := newStream(m, pool, r.in, false, r.layers, r.pooling, images)
		if err != nil {
			t.Fatal(err)
		}
		if lanes := len(s.lanes); lanes != 0 && images == 1 || lanes != 3 && images > 1 {
			t.Fatalf("%d images: %d lanes", images, lanes)
		}
		reported := []int{}
		f, err := s.run(t.Context(), 5, 118, r.fill(r.images), func(n int) { reported = append(reported, n) })
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(reported) || reported[len(reported)-1] != 113 || len(reported) != 17 {
			t.Errorf("%d images: reported %v", images, reported)
		}
		if want == nil {
			want = f
		}
		for l := range f {
			if !slices.Equal(f[l].Data, want[l].Data) {
				t.Errorf("%d images: layer %d differs", images, l)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := s.run(ctx, 0, 120, r.fill(r.images), func(int) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("%d images: error %v", images, err)
		}
	}
}

// A batch that is computed a few images at a time has each image's features in its row, the last
// batch too, which is filled up with its last image.
func TestPieces(t *testing.T) {
	m := residual(t)
	features := func(batch, n int) []Features {
		r, err := newRunner(m, testData(), Options{K: []int{3}, Batch: batch}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		s, err := newStream(m, nil, r.in, false, r.layers, r.pooling, n)
		if err != nil {
			t.Fatal(err)
		}
		fill := r.fill(r.images)
		f, err := s.run(t.Context(), 0, n, func(dst []float32, i int) { fill(dst, i%120) }, nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	want := features(7, 120)
	for l, f := range features(1<<14, 20_000) {
		for i, v := range f.Data {
			w := float64(want[l].Data[i%len(want[l].Data)])
			if d := math.Abs(float64(v) - w); !(d <= 1e-5*(1+math.Abs(w))) {
				t.Fatalf("layer %d, element %d is %v, want %v", l, i, v, w)
			}
		}
	}
}

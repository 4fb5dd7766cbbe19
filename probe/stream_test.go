package probe

import (
	"context"
	"errors"
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

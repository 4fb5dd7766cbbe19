package knn

import (
	"context"
	"math"
	"slices"
	"testing"

	"memprobe/internal/kernel/nearest"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// joinedData are images of bytes, some of them twice, and features, n rows of each.
func joinedData(s *rng.Stream, n, d, e int) Joined {
	images, features := make([]float32, n*d), make([]float32, n*e)
	data["bytes"](s, images, n, d)
	for i := range n { // none is dark
		images[i*d], images[i*d+1] = 1, 1
	}
	data["normal"](s, features, n, e)
	for i := range n / 4 {
		j := n - 1 - i
		copy(images[j*d:(j+1)*d], images[i*d:])
		if i%2 == 0 {
			copy(features[j*e:(j+1)*e], features[i*e:])
		}
	}
	return Joined{Images: computed{matrix{images, d}}, Features: features, N: n, D: d, E: e}
}

// rows are what a Joined means.
func (j Joined) rows() []float32 {
	var all []float32
	scratch := make([]float32, j.D)
	for i := range j.N {
		for _, half := range [][]float32{j.Images.Row(scratch, i), j.Features[i*j.E : (i+1)*j.E]} {
			half = slices.Clone(half)
			Normalize(half)
			all = append(all, half...)
		}
	}
	return all
}

// Joined rows have the neighbours, and the distances, of the rows that they mean, whatever the number
// of elements, with the bank whole or in parts.
func TestJoined(t *testing.T) {
	const m = 210
	pool := parallel.New(2)
	defer pool.Close()
	s := rng.New(16, rng.Bench)
	for _, c := range []struct{ d, e, k, n int }{{12, 4, 1, 400}, {13, 3, 7, 400}, {50, 1, 30, 400}, {700, 33, 5, 400},
		{20, 5, 7, 2*sampleBlocks*blockRows + 1}} { // the last bank is sampled first
		n := c.n
		bank, queries := joinedData(&s, n, c.d, c.e), joinedData(&s, m, c.d, c.e)
		want := brute(bank.rows(), queries.rows(), c.d+c.e, c.k, Euclidean, false)
		for _, most := range []int64{math.MaxInt64, bytesOf(blockRows, c.d+c.e)} {
			got := searchJoined(t.Context(), pool, nil, bank, queries, c.k, most)
			if (got != nil) != nearest.FastI8() {
				t.Fatalf("%d and %d elements are searched by bytes: %v", c.d, c.e, got != nil)
			}
			if got != nil {
				same(t, got, want)
			}
			images, err := build(t.Context(), pool, bank.Images, n, c.d, Cosine, most)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // an index serves again
				if got = SearchJoined(t.Context(), pool, images, bank, queries, c.k); (got != nil) != nearest.FastI8() {
					t.Fatalf("%d and %d elements are searched by an index of the images: %v", c.d, c.e, got != nil)
				}
				if got != nil {
					same(t, got, want)
				}
			}
			images.OrderAlone()
			if got = SearchJoined(t.Context(), pool, images, bank, queries, c.k); got != nil && !slices.Equal(got.Index, want.Index) {
				t.Errorf("%d and %d elements: other neighbours without distances", c.d, c.e)
			}
		}
	}
}

// The brightest images of the most elements are held exactly.
func TestLongestJoined(t *testing.T) {
	const n, e, k = 3, 5, 3
	s := rng.New(17, rng.Bench)
	for _, d := range []int{mostJoined, mostJoined + 1} {
		j := joinedData(&s, n, d, e)
		images := slices.Repeat([]float32{1}, n*d)
		images[len(images)-1] = 0
		j.Images = matrix{images, d}
		got := SearchJoined(t.Context(), nil, nil, j, j, k)
		if (got != nil) != (nearest.FastI8() && d <= mostJoined) {
			t.Fatalf("%d elements are searched by bytes: %v", d, got != nil)
		}
		if got != nil {
			same(t, got, brute(j.rows(), j.rows(), d+e, k, Euclidean, false))
		}
	}
}

// What bytes do not hold, or not well, is left to others.
func TestNotJoined(t *testing.T) {
	const n, d, e = 20, 10, 4
	s := rng.New(18, rng.Bench)
	good := joinedData(&s, n, d, e)
	change := func(f func(images, features []float32)) Joined {
		images, features := slices.Clone(good.Images.(computed).data), slices.Clone(good.Features)
		f(images, features)
		return Joined{matrix{images, d}, features, n, d, e}
	}
	for name, bad := range map[string]Joined{
		"no byte":       change(func(images, _ []float32) { images[n*d-1] = 0.3 }),
		"black":         change(func(images, _ []float32) { clear(images[d : 2*d]) }),
		"zero features": change(func(_, features []float32) { clear(features[(n-1)*e:]) }),
	} {
		if SearchJoined(t.Context(), nil, nil, bad, good, 3) != nil || SearchJoined(t.Context(), nil, nil, good, bad, 3) != nil {
			t.Errorf("%s: found", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if SearchJoined(ctx, nil, nil, good, good, 3) != nil {
		t.Error("found after the end")
	}
}

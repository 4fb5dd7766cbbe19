package knn

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
)

// A bank of which a sample is looked at first, whose rows meet in several groups, at any number of
// threads.
func TestLeaveOneOutInGroups(t *testing.T) {
	const n, d, k = 2100, 5, 7
	kinds := []string{"normal", "near-duplicates in few clusters", "small integers, many ties and zero vectors"}
	if testing.Short() {
		kinds = kinds[2:]
	}
	for _, kind := range kinds {
		for _, metric := range []Metric{Cosine, Euclidean} {
			s := rng.New(12, rng.Bench)
			bank := make([]float32, n*d)
			data[kind](&s, bank, n, d)
			copy(bank[n/2*d:], bank[:n/8*d]) // duplicates
			want := brute(bank, bank, d, k, metric, true)
			asked := brute(bank, bank[:20*d], d, k, metric, false)
			for _, c := range []struct{ threads, blocks int }{{1, 17}, {4, 6}, {3, 1}} {
				pool := parallel.New(c.threads)
				x, err := New(t.Context(), pool, bank, n, d, metric)
				if err != nil {
					t.Fatal(err)
				}
				l, err := x.newLeaveOneOut(k)
				if err != nil {
					t.Fatal(err)
				}
				l.most = 2 * c.blocks * blockRows * candidateBytes * firstRoom(k)
				if _, size := l.groups(x.ready); size != c.blocks {
					t.Fatalf("groups of %d blocks, want %d", size, c.blocks)
				}
				if err := x.pass(t.Context(), nil, l); err != nil {
					t.Fatal(err)
				}
				same(t, l.found, want)
				of, err := x.Search(t.Context(), bank[:20*d], 20, k)
				if err != nil {
					t.Fatal(err)
				}
				same(t, of, asked)
				pool.Close()
			}
		}
	}
}

// A bar is reached by k values, and by few more where they differ.
func TestReached(t *testing.T) {
	s := rng.New(13, rng.Bench)
	for round := range 500 {
		k := 1 + s.IntN(40)
		values := make([]float32, 8*(1+s.IntN(20)))
		for i := range values {
			switch values[i] = float32(s.Normal()); {
			case round%5 == 1:
				values[i] = float32(s.IntN(3))
			case round%5 == 2:
				values[i] = float32(math.Ldexp(1, s.IntN(200)-100))
			case s.IntN(4) == 0:
				values[i] = lowest
			}
		}
		sorted := slices.Clone(values)
		slices.Sort(sorted)
		slices.Reverse(sorted)
		before := []float32{lowest, 0.5}[round%2]
		r := ranker{k: k}
		got := r.reached(values, before)
		most := before
		if k <= len(sorted) {
			most = max(before, sorted[k-1])
		}
		if got < before || got > most {
			t.Fatalf("round %d: %v, want from %v to the %d-th of %v", round, got, before, k, sorted)
		}
		reach := 0
		for _, v := range sorted {
			if v >= got && v > lowest {
				reach++
			}
		}
		if round%5 > 2 && most > before && reach > k+k/8 {
			t.Fatalf("round %d: %d values reach %v, want about %d of %v", round, reach, got, k, sorted)
		}
	}
}

func BenchmarkLeaveOneOut(b *testing.B) {
	const n, k = 10000, 30
	for _, c := range []struct {
		kind string
		d    int
	}{{"normal", 16}, {"normal", 64}, {"normal", 128}, {"normal", 3072}, {"bytes", 3072}} {
		b.Run(fmt.Sprintf("%s/d=%d", c.kind, c.d), func(b *testing.B) {
			s := rng.New(1, rng.Bench)
			bank := make([]float32, n*c.d)
			data[c.kind](&s, bank, n, c.d)
			for b.Loop() {
				x, err := New(context.Background(), nil, bank, n, c.d, Cosine)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := x.LeaveOneOut(context.Background(), k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What the memory of a part held before changes nothing.
func TestPartOverwrites(t *testing.T) {
	const n, k = 300, 7
	for _, d := range []int{1, 2, 5, 8, 33} {
		for _, metric := range []Metric{Cosine, Euclidean} {
			s := rng.New(13, rng.Bench)
			bank := make([]float32, n*d)
			data["small integers, many ties and zero vectors"](&s, bank, n, d)
			x, err := New(t.Context(), nil, bank, n, d, metric)
			if err != nil {
				t.Fatal(err)
			}
			x.ready = x.newPart(0, n)
			for i := range x.ready.packed {
				x.ready.packed[i] = int16(s.Uint64())
			}
			x.fill(x.ready)
			of, own, err := x.Both(t.Context(), bank[:20*d], 20, k, k)
			if err != nil {
				t.Fatal(err)
			}
			same(t, of, brute(bank, bank[:20*d], d, k, metric, false))
			same(t, own, brute(bank, bank, d, k, metric, true))
		}
	}
}

// computed are rows that no memory holds.
type computed struct{ matrix }

func (c computed) Row(dst []float32, i int) []float32 {
	copy(dst, c.matrix.Row(nil, i))
	return dst
}

// Rows that are read whenever they are wanted have the same neighbours.
func TestRowsThatAreRead(t *testing.T) {
	const n, d, k = 300, 5, 7
	pool := parallel.New(3)
	defer pool.Close()
	for kind, fill := range data {
		for _, metric := range []Metric{Cosine, Euclidean} {
			s := rng.New(14, rng.Bench)
			bank := make([]float32, n*d)
			fill(&s, bank, n, d)
			want := brute(bank, bank, d, k, metric, true)
			asked := brute(bank, bank[:20*d], d, k, metric, false)
			for _, most := range []int64{math.MaxInt64, bytesOf(blockRows, d)} {
				x, err := build(t.Context(), pool, computed{matrix{bank, d}}, n, d, metric, most)
				if err != nil {
					t.Fatal(kind, err)
				}
				of, own, err := x.Both(t.Context(), bank[:20*d], 20, k, k)
				if err != nil {
					t.Fatal(kind, err)
				}
				same(t, own, want)
				same(t, of, asked)
			}
		}
	}
	bank := []float32{1, 2, 3, float32(math.NaN())}
	_, want := New(t.Context(), nil, bank, 2, 2, Cosine)
	if _, err := NewOf(t.Context(), nil, computed{matrix{bank, 2}}, 2, 2, Cosine); err == nil || err.Error() != want.Error() {
		t.Errorf("error %v, want %v", err, want)
	}
}

// Neighbours without their distances are those with them, in the same order, whatever the data.
func TestOrderAlone(t *testing.T) {
	const n, m, k = 400, 70, 30
	pool := parallel.New(2)
	defer pool.Close()
	for kind, fill := range data {
		for _, metric := range []Metric{Cosine, Euclidean} {
			for _, d := range []int{3, 40} {
				s := rng.New(21, rng.Bench)
				bank, queries := make([]float32, n*d), make([]float32, m*d)
				fill(&s, bank, n, d)
				fill(&s, queries, m, d)
				for _, most := range []int64{math.MaxInt64, bytesOf(blockRows, d)} {
					x, err := build(t.Context(), pool, matrix{bank, d}, n, d, metric, most)
					if err != nil {
						t.Fatal(err)
					}
					of, own, err := x.Both(t.Context(), queries, m, k, k)
					if err != nil {
						t.Fatal(err)
					}
					x.OrderAlone()
					again, left, err := x.Both(t.Context(), queries, m, k, k)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(again.Index, of.Index) || !slices.Equal(left.Index, own.Index) {
						t.Errorf("%s, %v, %d elements, %d bytes: other neighbours", kind, metric, d, most)
					}
					if at, distance := left.Row(n - 1); len(at) != k || (distance == nil) != (x.bytes && x.ready != nil && !x.flat) {
						t.Errorf("%s: a row of %d neighbours with %d distances", kind, len(at), len(distance))
					}
				}
			}
		}
	}
}

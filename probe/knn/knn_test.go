package knn

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"testing"

	"memprobe/internal/kernel/ref"
	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

// brute ranks the whole bank by the distance that the package documents.
func brute(bank []float32, queries []float32, d, k int, metric Metric, self bool) *Neighbors {
	n, m := len(bank)/d, len(queries)/d
	nb := &Neighbors{Queries: m, K: k}
	squares := make([]float64, n)
	for j := range n {
		squares[j] = vec.Dot(bank[j*d:(j+1)*d], bank[j*d:(j+1)*d])
	}
	for i := range m {
		q := queries[i*d : (i+1)*d]
		square := vec.Dot(q, q)
		var nearest []ranked // of the rows so far, at most k
		for j := range n {
			if self && i == j {
				continue
			}
			b := bank[j*d : (j+1)*d]
			dist := math.Sqrt(ref.SquaredDistance(q, b))
			if metric == Cosine {
				dist = 1
				if s := square * squares[j]; s > 0 {
					dist = min(max(1-vec.Dot(q, b)/math.Sqrt(s), 0), 2)
				}
			}
			if len(nearest) == k && cmp.Compare(dist, nearest[k-1].distance) >= 0 {
				continue
			}
			at := sort.Search(len(nearest), func(i int) bool { return cmp.Compare(nearest[i].distance, dist) > 0 })
			nearest = slices.Insert(nearest, at, ranked{dist, int32(j)})
			nearest = nearest[:min(k, len(nearest))]
		}
		for _, r := range nearest[:k] {
			nb.Index = append(nb.Index, r.index)
			nb.Distance = append(nb.Distance, r.distance)
		}
	}
	return nb
}

func same(t *testing.T, got, want *Neighbors) {
	t.Helper()
	if got.Queries != want.Queries || got.K != want.K {
		t.Fatalf("%d queries with %d neighbours, want %d with %d", got.Queries, got.K, want.Queries, want.K)
	}
	if err := tol.Close(got.Distance, want.Distance, 0, 0); err != nil {
		t.Errorf("distances: %v", err)
	}
	if slices.Equal(got.Index, want.Index) {
		return
	}
	for i := range want.Index {
		if got.Index[i] != want.Index[i] {
			t.Fatalf("query %d, neighbour %d: row %d at %v, want row %d at %v", i/want.K, i%want.K,
				got.Index[i], got.Distance[i], want.Index[i], want.Distance[i])
		}
	}
}

// data makes n vectors of d elements; each kind is hard in its own way.
var data = map[string]func(s *rng.Stream, x []float32, n, d int){
	"normal": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = float32(s.Normal())
		}
	},
	"far from the origin": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = 1000 + float32(s.Normal())
		}
	},
	"near-duplicates in few clusters": func(s *rng.Stream, x []float32, n, d int) {
		centres := make([]float32, 3*d)
		for i := range centres {
			one := rng.New(uint64(i/d), rng.Bench, uint64(i%d))
			centres[i] = float32(one.Normal())
		}
		for i := range x {
			x[i] = centres[i%len(centres)] * (1 + 1e-6*float32(s.Normal()))
		}
	},
	"small integers, many ties and zero vectors": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = float32(s.IntN(3) - 1)
			if i/d%7 == 0 {
				x[i] = 0
			}
		}
	},
	"norms of all sizes": func(s *rng.Stream, x []float32, n, d int) {
		for i := range n {
			f := math.Ldexp(1, s.IntN(230)-140)
			for j := range d {
				x[i*d+j] = float32(f * s.Normal())
			}
		}
	},
	"largest and smallest float32": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = []float32{math.MaxFloat32, -math.MaxFloat32, 1e-45, 0, 1, 1e-20}[s.IntN(6)]
		}
	},
	"one row differs": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = 0.1
		}
		x[len(x)/2] = 0.2
	},
	"bytes": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = float32(s.IntN(256)) / 255
		}
	},
	"bytes of near-duplicates, dark and bright": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = []float32{0, float32(s.IntN(2)) / 255, 254. / 255, 1}[i/d%4]
			if s.IntN(9) == 0 {
				x[i] = float32(i%d%256) / 255
			}
		}
	},
	"equal rows": func(s *rng.Stream, x []float32, n, d int) {
		for i := range x {
			x[i] = 0.1 * float32(i%d+1)
		}
	},
	"parallel rows": func(s *rng.Stream, x []float32, n, d int) {
		for i := range n {
			for j := range d {
				x[i*d+j] = float32(i+1) * 0.1 * float32(j+1)
			}
		}
	},
}

func TestAgainstBruteForce(t *testing.T) {
	pool := parallel.New(3)
	defer pool.Close()
	for name, fill := range data {
		for _, c := range []struct{ n, m, d, k int }{
			{1, 1, 1, 1}, {5, 3, 2, 5}, {300, 50, 1, 20}, {129, 37, 7, 3}, {600, 200, 24, 20}, {257, 9, 1100, 200},
		} {
			for _, metric := range []Metric{Cosine, Euclidean} {
				t.Run(fmt.Sprintf("%s/%v/%dx%dx%d", name, metric, c.n, c.m, c.d), func(t *testing.T) {
					s := rng.New(7, rng.Bench)
					bank, queries := make([]float32, c.n*c.d), make([]float32, c.m*c.d)
					fill(&s, bank, c.n, c.d)
					fill(&s, queries, c.m, c.d)
					copy(queries, bank[:min(len(bank), len(queries)/2)]) // exact hits
					x, err := New(context.Background(), pool, bank, c.n, c.d, metric)
					if err != nil {
						t.Fatal(err)
					}
					got, err := x.Search(context.Background(), queries, c.m, c.k)
					if err != nil {
						t.Fatal(err)
					}
					same(t, got, brute(bank, queries, c.d, c.k, metric, false))
					if c.k >= c.n {
						return
					}
					got, err = x.LeaveOneOut(context.Background(), c.k)
					if err != nil {
						t.Fatal(err)
					}
					same(t, got, brute(bank, bank, c.d, c.k, metric, true))
				})
			}
		}
	}
}

// A bank that is made ready in parts gives the same neighbours, at the same distances.
func TestParts(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	for name, fill := range data {
		for _, c := range []struct{ n, m, d, k, rows int }{{300, 50, 3, 20, 256}, {129, 37, 7, 3, 10}, {390, 9, 40, 60, 1},
			{150, 7, 5, 148, 30}, {150, 7, 5, 150, 30}} {
			for _, metric := range []Metric{Cosine, Euclidean} {
				s := rng.New(11, rng.Bench)
				bank, queries := make([]float32, c.n*c.d), make([]float32, c.m*c.d)
				fill(&s, bank, c.n, c.d)
				fill(&s, queries, c.m, c.d)
				copy(queries, bank[:min(len(bank), len(queries)/2)])
				whole, err := New(t.Context(), pool, bank, c.n, c.d, metric)
				if err != nil {
					t.Fatal(err)
				}
				parts, err := build(t.Context(), pool, matrix{bank, c.d}, c.n, c.d, metric, bytesOf(c.rows, c.d))
				if err != nil || parts.ready != nil {
					t.Fatalf("%s: not in parts: %v", name, err)
				}
				of, own, err := parts.Both(t.Context(), queries, c.m, c.k, min(c.k, c.n-1))
				if err != nil {
					t.Fatal(err)
				}
				same(t, of, brute(bank, queries, c.d, c.k, metric, false))
				same(t, own, brute(bank, bank, c.d, min(c.k, c.n-1), metric, true))
				for _, search := range []func(x *Index) (*Neighbors, error){
					func(x *Index) (*Neighbors, error) { return x.Search(t.Context(), queries, c.m, c.k) },
					func(x *Index) (*Neighbors, error) { return x.LeaveOneOut(t.Context(), min(c.k, c.n-1)) },
				} {
					want, errWhole := search(whole)
					got, errParts := search(parts)
					if errWhole != nil || errParts != nil {
						t.Fatal(errWhole, errParts)
					}
					same(t, got, want)
				}
			}
		}
	}
}

// Progress goes from the first rows to all, in one piece and in parts, for queries, the bank's
// own rows and both.
func TestProgress(t *testing.T) {
	const n, m, d, k = 1000, 300, 6, 4
	pool := parallel.New(3)
	defer pool.Close()
	s := rng.New(4, rng.Bench)
	bank, queries := make([]float32, n*d), make([]float32, m*d)
	data["normal"](&s, bank, n, d)
	data["normal"](&s, queries, m, d)
	for _, rows := range []int{n, 300} {
		x, err := build(t.Context(), pool, matrix{bank, d}, n, d, Cosine, bytesOf(rows, d))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			total  int
			search func() error
		}{
			{"search", m, func() error { _, err := x.Search(t.Context(), queries, m, k); return err }},
			{"leave-one-out", n, func() error { _, err := x.LeaveOneOut(t.Context(), k); return err }},
			{"both", n + m, func() error { _, _, err := x.Both(t.Context(), queries, m, k, k); return err }},
		} {
			calls, last := 0, 0
			x.Progress = func(done, total int) {
				if calls++; done < last || total != c.total {
					t.Errorf("%s, parts of %d: %d of %d after %d", c.name, rows, done, total, last)
				}
				last = done
			}
			if err := c.search(); err != nil || calls < 2 || last != c.total {
				t.Errorf("%s, parts of %d: %d calls, the last of %d, want %d; %v", c.name, rows, calls, last, c.total, err)
			}
		}
	}
}

// More near-duplicates than a query may have candidates.
func TestManyCandidates(t *testing.T) {
	const n, d, k = 9000, 8, 5
	bank := make([]float32, n*d)
	s := rng.New(8, rng.Bench)
	for i := range bank {
		bank[i] = 1 + 1e-6*float32(s.Normal())
		if i < d {
			bank[i] = float32(i) // lets no shift make them spread
		}
	}
	x, err := New(context.Background(), nil, bank, n, d, Euclidean)
	if err != nil {
		t.Fatal(err)
	}
	got, err := x.Search(context.Background(), bank[:4*d], 4, k)
	if err != nil {
		t.Fatal(err)
	}
	same(t, got, brute(bank, bank[:4*d], d, k, Euclidean, false))
}

func TestThreadsAndPermutation(t *testing.T) {
	const n, m, d, k = 700, 90, 33, 9
	s := rng.New(9, rng.Bench)
	bank, queries := make([]float32, n*d), make([]float32, m*d)
	data["normal"](&s, bank, n, d)
	data["normal"](&s, queries, m, d)
	perm := make([]int, n)
	s.Perm(perm)
	shuffled := make([]float32, n*d)
	for i, p := range perm {
		copy(shuffled[i*d:(i+1)*d], bank[p*d:(p+1)*d])
	}
	for _, metric := range []Metric{Cosine, Euclidean} {
		var first *Neighbors
		for threads := 1; threads < 5; threads++ {
			pool := parallel.New(threads)
			x, err := New(context.Background(), pool, bank, n, d, metric)
			if err != nil {
				t.Fatal(err)
			}
			nb, err := x.Search(context.Background(), queries, m, k)
			if err != nil {
				t.Fatal(err)
			}
			pool.Close()
			if first == nil {
				first = nb
			}
			same(t, nb, first)
		}
		x, err := New(context.Background(), nil, shuffled, n, d, metric)
		if err != nil {
			t.Fatal(err)
		}
		nb, err := x.Search(context.Background(), queries, m, k)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range nb.Index {
			nb.Index[i] = int32(perm[j])
		}
		same(t, nb, first)
	}
}

func TestClosedForm(t *testing.T) {
	// Points on a line, and one on top of the query.
	x, err := New(context.Background(), nil, []float32{3, 0, -1, 10, 1}, 5, 1, Euclidean)
	if err != nil {
		t.Fatal(err)
	}
	nb, err := x.Search(context.Background(), []float32{0, 9}, 2, 4)
	if err != nil {
		t.Fatal(err)
	}
	// Rows 2 and 4 are both at distance 1 from 0: the smaller index comes first.
	same(t, nb, &Neighbors{2, 4, []int32{1, 2, 4, 0, 3, 0, 4, 1}, []float64{0, 1, 1, 3, 1, 6, 8, 9}})

	// Directions at 0°, 90°, 180° and 45°, and none.
	x, err = New(context.Background(), nil, []float32{-1, 0, 0, 5, 0, 0, 3, 0, 2, 2}, 5, 2, Cosine)
	if err != nil {
		t.Fatal(err)
	}
	nb, err = x.Search(context.Background(), []float32{7, 0}, 1, 5)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{3, 4, 1, 2, 0}; !slices.Equal(nb.Index, want) {
		t.Errorf("order %v, want %v", nb.Index, want)
	}
	if err := tol.Close(nb.Distance, []float64{0, 1 - math.Sqrt(0.5), 1, 1, 2}, 1e-15, 0); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	ctx := context.Background()
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	build := func(bank []float32, n, d int) error {
		_, err := New(ctx, nil, bank, n, d, Cosine)
		return err
	}
	x, err := New(ctx, nil, []float32{1, 2, 3, 4}, 2, 2, Euclidean)
	if err != nil {
		t.Fatal(err)
	}
	find := func(q []float32, m, k int) error {
		_, err := x.Search(ctx, q, m, k)
		return err
	}
	_, alone := x.LeaveOneOut(ctx, 2)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	_, stopped := x.Search(cancelled, []float32{1, 2}, 1, 1)
	for _, c := range []struct {
		err  error
		want string
	}{
		{build(nil, 0, 2), "at least one row"},
		{build(nil, 2, 0), "at least one row"},
		{build([]float32{1}, 1, 2), "1 elements, want 1 x 2"},
		{build([]float32{1, 2, 3, nan}, 2, 2), "bank row 1 has NaN in column 1"},
		{find([]float32{1, 2, inf, 3}, 2, 1), "query row 1 has -Inf in column 0"},
		{find(nil, 0, 1), "0 queries"},
		{find([]float32{1}, 1, 1), "1 elements, want 1 x 2"},
		{find([]float32{1, 2}, 1, 3), "k is 3, want between 1 and the bank's 2 rows"},
		{find([]float32{1, 2}, 1, 0), "k is 0"},
		{alone, "between 1 and 1"},
		{stopped, "canceled"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("error %v, want %q", c.err, c.want)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	const n, m, d, k = 50000, 10000, 512, 20
	s := rng.New(1, rng.Bench)
	bank, queries := make([]float32, n*d), make([]float32, m*d)
	data["normal"](&s, bank, n, d)
	data["normal"](&s, queries, m, d)
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			pool := parallel.New(threads)
			defer pool.Close()
			for b.Loop() {
				x, err := New(context.Background(), pool, bank, n, d, Cosine)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := x.Search(context.Background(), queries, m, k); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

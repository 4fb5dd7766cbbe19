package knn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/rng"
	"memprobe/internal/tol"
)

func TestClassify(t *testing.T) {
	// One query; neighbours' classes are 3 2 2 3 1, at these distances.
	labels := []int{1, 2, 3, 2, 3}
	order := []int32{2, 1, 3, 4, 0}
	ks := []int{5, 1, 2, 3, 4, 1}
	for _, c := range []struct {
		name     string
		vote     Vote
		distance []float64
		want     []int
	}{
		// 3; 3 and 2 tie: 2; 2; tie again: 2; 2.
		{"uniform", Uniform, []float64{1, 2, 3, 4, 5}, []int{2, 3, 2, 2, 2, 3}},
		// Weights 1, ½, ⅓, ¼, ⅕: class 3 has 1 then 1¼, class 2 ½ then ⅚.
		{"distance", Distance, []float64{1, 2, 3, 4, 5}, []int{3, 3, 3, 3, 3, 3}},
		// The neighbours at 0 vote alone, and tie from k = 2 on.
		{"distance, two hits", Distance, []float64{0, 0, 1e-9, 1e-9, 1e-9}, []int{2, 3, 2, 2, 2, 3}},
		// Weights 1, e⁻¹, e⁻¹·¹ …: class 2 has 0.70 at k = 3, and 3 has 1.
		{"softmax", Softmax, []float64{1, 2, 2.1, 9, 9}, []int{3, 3, 3, 3, 3, 3}},
		// All far: nothing underflows to a tie.
		{"softmax, far", Softmax, []float64{1e6, 1e6 + 0.1, 1e6 + 0.1, 2e6, 2e6}, []int{2, 3, 3, 2, 2, 3}},
	} {
		nb := &Neighbors{1, 5, order, c.distance}
		pred, err := Classify(nb, labels, 4, ks, c.vote, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := []int{}
		for _, p := range pred {
			got = append(got, p[0])
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: classes %v for k %v, want %v", c.name, got, ks, c.want)
		}
	}
}

func TestClassifyErrors(t *testing.T) {
	nb := &Neighbors{1, 2, []int32{0, 1}, []float64{1, 2}}
	for _, c := range []struct {
		labels      []int
		ks          []int
		vote        Vote
		temperature float64
		want        string
	}{
		{[]int{0, 1}, []int{3}, Uniform, 1, "k is 3, want between 1 and the 2 neighbours found"},
		{[]int{0, 1}, []int{0}, Uniform, 1, "k is 0"},
		{[]int{0, 2}, []int{1}, Uniform, 1, "label 2 of row 1"},
		{[]int{0, -1}, []int{1}, Uniform, 1, "label -1 of row 1"},
		{[]int{0}, []int{2}, Uniform, 1, "1 labels"},
		{[]int{0, 1}, []int{1}, Softmax, 0, "temperature 0"},
		{[]int{0, 1}, []int{1}, Softmax, math.NaN(), "temperature NaN"},
	} {
		_, err := Classify(nb, c.labels, 2, c.ks, c.vote, c.temperature)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

func TestAccuracy(t *testing.T) {
	got := []float64{Accuracy([]int{1, 2, 3, 4}, []int{1, 0, 3, 0}), Accuracy(nil, nil)}
	if err := tol.Close(got, []float64{0.5, math.NaN()}, 0, 0); err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	for _, m := range []Metric{Cosine, Euclidean} {
		if p, err := ParseMetric(m.String()); err != nil || p != m {
			t.Errorf("%v is read as %v, %v", m, p, err)
		}
	}
	for _, v := range []Vote{Uniform, Distance, Softmax} {
		if p, err := ParseVote(v.String()); err != nil || p != v {
			t.Errorf("%v is read as %v, %v", v, p, err)
		}
	}
	if _, err := ParseMetric("manhattan"); err == nil {
		t.Error("manhattan is a metric")
	}
	if _, err := ParseVote("nearest"); err == nil {
		t.Error("nearest is a vote")
	}
}

// Votes are counted as an independent count says: the most frequent class, of equals the
// smallest, for every k at once and whatever the classes.
func TestVotesAreCounted(t *testing.T) {
	s := rng.New(9, rng.Bench)
	for _, classes := range []int{1, 2, 10, 1000} {
		labels := make([]int, 50)
		for i := range labels {
			labels[i] = s.IntN(classes)
		}
		nb := &Neighbors{Queries: 40, K: 12, Distance: make([]float64, 40*12)}
		for range nb.Queries * nb.K {
			nb.Index = append(nb.Index, int32(s.IntN(len(labels))))
		}
		ks := []int{7, 1, 12, 3, 7}
		got, err := Classify(nb, labels, classes, ks, Uniform, 0)
		if err != nil {
			t.Fatal(err)
		}
		for a, k := range ks {
			for i := range nb.Queries {
				index, _ := nb.Row(i)
				votes := map[int]int{}
				for _, row := range index[:k] {
					votes[labels[row]]++
				}
				want := -1
				for y := range classes {
					if want < 0 && votes[y] > 0 || want >= 0 && votes[y] > votes[want] {
						want = y
					}
				}
				if got[a][i] != want {
					t.Fatalf("%d classes, k %d, query %d: class %d, want %d of %v", classes, k, i, got[a][i], want, votes)
				}
			}
		}
	}
}

func BenchmarkClassify(b *testing.B) {
	s := rng.New(1, rng.Bench)
	const n, k = 2000, 20
	labels := make([]int, n)
	for i := range labels {
		labels[i] = s.IntN(10)
	}
	nb := &Neighbors{Queries: n, K: k, Distance: make([]float64, n*k)}
	for range n * k {
		nb.Index = append(nb.Index, int32(s.IntN(n)))
	}
	for b.Loop() {
		if _, err := Classify(nb, labels, 10, []int{k}, Uniform, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N)/n/k, "ns/neighbour")
}

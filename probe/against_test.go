package probe

import (
	"context"
	"math"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// turned is f by a rotation of each pair of columns and a scale.
func turned(f Features, angle float64, scale float32) Features {
	sin, cos := math.Sincos(angle)
	return mapped(f, func(row []float32) []float32 {
		out := make([]float32, len(row))
		for j := 0; j+1 < len(row); j += 2 {
			x, y := float64(row[j]), float64(row[j+1])
			out[j], out[j+1] = scale*float32(cos*x-sin*y), scale*float32(sin*x+cos*y)
		}
		return out
	})
}

// A representation agrees wholly with itself and with what is turned and scaled, not at
// all with an independent one, and to a degree that is known with a part of itself: of n
// independent columns of variance 1, c of them have ‖Σ_xy‖² = c, so CKA is c/√(c·n).
func TestAlignmentClosedForm(t *testing.T) {
	x := gaussian(1, 400, 64)
	part := mapped(x, func(row []float32) []float32 { return row[:16] })
	constant := mapped(x, func(row []float32) []float32 { return []float32{1, 2} })
	got, err := Alignment(context.Background(), nil, []Features{x, part},
		[]Features{x, turned(x, 0.7, 1e-20), gaussian(2, 400, 64), part, constant})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{1, 1, 0, 0.5}, {0.5, 0.5, 0, 1}} {
		for j, v := range want {
			bound := 0.03 // sampling: of order 1/n^½ beside the closed form
			if v == 1 {
				bound = 1e-6
			}
			if !(math.Abs(got[i][j]-v) <= bound) {
				t.Errorf("CKA of %d and %d is %v, want %v", i, j, got[i][j], v)
			}
		}
		if !math.IsNaN(got[i][4]) {
			t.Errorf("CKA of %d and a constant is %v", i, got[i][4])
		}
	}
}

// Five samples on two lines. As a U-statistic, the mean over all orders of four of them of
// k_ij(l_ij + l_qr − 2 l_iq), HSIC is in fractions 139/30, with themselves 29/2 and 1907/30.
func TestAlignmentByHand(t *testing.T) {
	x, y := Features{5, 1, []float32{0, 1, 3, 6, 2}}, Features{5, 1, []float32{0, 2, 1, 5, 7}}
	got, err := Alignment(context.Background(), nil, []Features{x}, []Features{y})
	if want := 139.0 / 30 / math.Sqrt(29.0/2*1907/30); err != nil || !(math.Abs(got[0][0]-want) <= 1e-6) {
		t.Errorf("CKA %v, want %v (%v)", got, want, err)
	}
}

// Each pair is what CKA makes of it, and what the definition makes of it in float64, for
// any number of threads.
func TestAlignmentByDefinition(t *testing.T) {
	xs := []Features{gaussian(1, 37, 5), gaussian(2, 37, 90)}
	ys := []Features{turned(xs[0], 0.3, 7), gaussian(4, 37, 3), xs[1]}
	pool := parallel.New(3)
	defer pool.Close()
	got, err := Alignment(context.Background(), pool, xs, ys)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Alignment(context.Background(), nil, xs, ys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range xs {
		same(t, "with three threads and one", got[i], alone[i])
		for j := range ys {
			_, debiased, err := CKA(nil, xs[i], ys[j])
			if err != nil {
				t.Fatal(err)
			}
			want := ckaByDefinition(xs[i], ys[j])
			if !(math.Abs(got[i][j]-want) <= 1e-6) || !(math.Abs(debiased-want) <= 1e-6) {
				t.Errorf("pair %d, %d: %v, alone %v, by definition %v", i, j, got[i][j], debiased, want)
			}
		}
	}
}

// ckaByDefinition forms both Gram matrices, sets their diagonals to zero and applies Song
// et al.'s formula to them as it stands.
func ckaByDefinition(x, y Features) float64 {
	gram := func(f Features) [][]float64 {
		k := make([][]float64, f.N)
		for i := range k {
			k[i] = make([]float64, f.N)
			for j := range k[i] {
				for c := range f.D {
					if i != j {
						k[i][j] += float64(f.Row(i)[c]) * float64(f.Row(j)[c])
					}
				}
			}
		}
		return k
	}
	hsic := func(k, l [][]float64) float64 {
		n := float64(len(k))
		trace, sumK, sumL, product := 0.0, 0.0, 0.0, 0.0
		for i := range k {
			for j := range k {
				trace += k[i][j] * l[j][i]
				sumK += k[i][j]
				sumL += l[i][j]
				for m := range k {
					product += k[i][m] * l[m][j]
				}
			}
		}
		return (trace + sumK*sumL/((n-1)*(n-2)) - 2*product/(n-2)) / (n * (n - 3))
	}
	k, l := gram(x), gram(y)
	return hsic(k, l) / math.Sqrt(hsic(k, k)*hsic(l, l))
}

func TestAlignmentErrors(t *testing.T) {
	x := gaussian(1, 10, 3)
	for what, ys := range map[string][]Features{"other samples": {gaussian(2, 9, 3)},
		"NaN": {mapped(x, func(r []float32) []float32 { return []float32{float32(math.NaN())} })}} {
		if _, err := Alignment(context.Background(), nil, []Features{x}, ys); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := Alignment(context.Background(), nil, []Features{gaussian(1, 3, 3)},
		[]Features{gaussian(1, 3, 3)}); err == nil {
		t.Error("three samples: no error")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Alignment(ctx, nil, []Features{x}, []Features{x}); err != context.Canceled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCommon(t *testing.T) {
	a := &knn.Neighbors{Queries: 3, K: 3, Index: []int32{5, 1, 2, 7, 8, 9, 3, 4, 6}, Distance: make([]float64, 9)}
	b := &knn.Neighbors{Queries: 3, K: 4, Index: []int32{2, 5, 9, 1, 1, 2, 3, 7, 6, 4, 3, 0},
		Distance: make([]float64, 12)}
	for k, want := range map[int][]int{1: {0, 0, 0}, 2: {1, 0, 1}, 3: {2, 0, 3}} {
		got := Common(a, b, k)
		for q := range want {
			if got[q] != want[q] {
				t.Errorf("k = %d, query %d: %d in common, want %d", k, q, got[q], want[q])
			}
		}
	}
	shared, jaccard := shareOf([]int{0, 2, 4}, 4)
	for i, want := range [][2]float64{{0, 0}, {0.5, 1.0 / 3}, {1, 1}} {
		if shared[i] != want[0] || jaccard[i] != want[1] {
			t.Errorf("%d: %v and %v, want %v", i, shared[i], jaccard[i], want)
		}
	}
}

// 1 to 5 have mean 3 and variance 5/2, and t of four degrees is 2.776445105 in tables: 3 ± 2.776445105·√(1/2).
func TestMeanInterval(t *testing.T) {
	got := meanInterval([]float64{1, 2, 3, 4, 5})
	if math.Abs(got.Low()-1.036756838522439) > 1e-9 || math.Abs(got.High()-4.963243161477561) > 1e-9 {
		t.Errorf("interval %v", got)
	}
	if got := meanInterval([]float64{1}); !math.IsNaN(got.Low()) {
		t.Errorf("of one number %v", got)
	}
}

func TestMatches(t *testing.T) {
	ours := []result.Other{{Name: "x", Role: Input}, {Name: "a", Role: Block}, {Name: "b", Role: Block},
		{Name: "c", Role: Block}, {Name: "e", Role: Embedding}}
	theirs := []result.Other{{Name: "in", Role: Input}, {Name: "b", Role: Block}, {Name: "d", Role: Block},
		{Name: "f", Role: Embedding}}
	nan := math.NaN()
	cka := [][]float64{{0, 1, 1, 1}, {0.1, 0.2, 0.9, 0.3}, {0, 0, 1, 1}, {nan, nan, nan, nan}, {1, 1, 1, 0}}
	same(t, "matches", matches(ours, theirs, cka),
		[]pair{{0, 0, result.ByRole}, {1, 2, result.ByCKA}, {2, 1, result.ByName}, {4, 3, result.ByRole}})
}

// Against itself a network agrees wholly and differs on no query; the matches' numbers
// are the layers'.
func TestAgainstItself(t *testing.T) {
	m, d := residual(t), testData()
	p := run(t, m, d, Options{NoUntrained: true, K: []int{3}, Against: &Against{Model: m, Data: d}})
	a := p.Against
	if len(a.Matches) != len(p.Layers) || a.Predictions == nil || *a.Predictions != 0 || len(a.Differ) > 0 ||
		len(a.Rows) != a.Queries {
		t.Fatalf("%d matches of %d layers, predictions differ on %v, answers on %d of %d", len(a.Matches), len(p.Layers),
			a.Predictions, len(a.Differ), len(a.Rows))
	}
	for i, match := range a.Matches {
		l := layer(t, p, match.Layer)
		if match.By != result.ByName || match.Other != match.Layer || match.Shared != 1 || match.Jaccard != 1 ||
			match.Differ != 0 || match.True != match.OtherTrue ||
			a.Shared[i][i] != 1 || math.Abs(float64(match.CKA)-1) > 1e-6 || l.At("against.cka", 3) != float64(match.CKA) {
			t.Errorf("%+v, %v", match, l.Values)
		}
	}
}

// Another network of other layers and another input: matches, overlap and differences by
// brute force over what each of the two analyses finds alone.
func TestAgainstAnother(t *testing.T) {
	m, d := residual(t), testData()
	b := newBuilder(1, 8, 8)
	b.conv("first", "x", 4, 1)
	b.node("Relu", "relu", "first")
	b.node("GlobalAveragePool", "gap", "relu")
	b.node("Flatten", "features", "gap")
	b.gemm("scores", "features", 3, 4)
	other, larger := b.model(t, "scores"), d
	train, test := synthetic(120, 3), synthetic(45, 3)
	train.shape, test.shape = []int{1, 8, 8}, []int{1, 8, 8}
	larger.Train, larger.Test, larger.Shape = train, test, train.shape
	o := Options{NoUntrained: true, K: []int{1, 3}, Headline: 3, Against: &Against{Model: other, Data: larger}}
	p := run(t, m, d, o)
	o.Against = nil
	plain, alone := run(t, m, d, o), run(t, other, larger, o)
	a := p.Against
	if len(a.Layers) != len(alone.Layers) || len(a.CKA) != len(p.Layers) || len(a.Shared[0]) != len(a.Layers) {
		t.Fatalf("%d x %d of %d x %d layers", len(a.CKA), len(a.Shared[0]), len(p.Layers), len(alone.Layers))
	}
	for _, match := range a.Matches {
		if got, want := float64(match.True), layer(t, plain, match.Layer).KNN.True.At(3); got != want {
			t.Errorf("%s: %v, alone %v", match.Layer, got, want)
		}
		if got, want := float64(match.OtherTrue), layer(t, alone, match.Other).KNN.True.At(3); got != want {
			t.Errorf("%s: %v, alone %v", match.Other, got, want)
		}
		differ := 0
		at := index(p, match.Layer)
		for _, row := range a.Rows {
			if row.ByMatch[at].Neighbours != row.ByMatch[at].OtherNeighbours {
				differ++
			}
		}
		if match.Differ != differ {
			t.Errorf("%s: %d differ, by their rows %d", match.Layer, match.Differ, differ)
		}
	}
}

func index(p *result.Probe, name string) int {
	for i, m := range p.Against.Matches {
		if m.Layer == name {
			return i
		}
	}
	return -1
}

func TestAgainstRefused(t *testing.T) {
	m, d := residual(t), testData()
	fewer := d
	fewer.Test = synthetic(d.Test.N()-1, len(d.Classes))
	if _, err := Run(context.Background(), m, d,
		Options{NoUntrained: true, K: []int{3}, Against: &Against{Model: m, Data: fewer}}); err == nil {
		t.Error("fewer test images: no error")
	}
}

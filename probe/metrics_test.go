package probe

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/probe/knn"
)

// reference is testdata/metrics.json: random features, and what numpy and
// scikit-learn 1.2 make of them by the formulas of the doc comments.
type reference struct {
	N, D, DY, Classes, M int
	X, Y, Q              []float32
	Labels               []int
	CKA                  float64
	CKADebiased          float64 `json:"cka_debiased"`
	RankMe, TwoNN, NC1   float64
	MASCFraction         float64 `json:"masc_fraction"`
	MASC                 []int
	Lam                  float64
	Weight, Bias         []float64
	Linear               []int
}

func load(t *testing.T) (r reference, x, y, q Features) {
	t.Helper()
	b, err := os.ReadFile("testdata/metrics.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r, Features{r.N, r.D, r.X}, Features{r.N, r.DY, r.Y}, Features{r.M, r.D, r.Q}
}

func twoNN(t *testing.T, f Features) float64 {
	t.Helper()
	index, err := knn.New(context.Background(), nil, f.Data, f.N, f.D, knn.Euclidean)
	if err != nil {
		t.Fatal(err)
	}
	nb, err := index.LeaveOneOut(context.Background(), 2)
	if err != nil {
		t.Fatal(err)
	}
	d, err := TwoNN(nb)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestAgainstNumpy(t *testing.T) {
	r, x, y, q := load(t)
	biased, debiased, err := CKA(nil, x, y)
	if err != nil {
		t.Fatal(err)
	}
	rank, err := RankMe(nil, x)
	if err != nil {
		t.Fatal(err)
	}
	nc1, err := NC1(x, r.Labels, r.Classes)
	if err != nil {
		t.Fatal(err)
	}
	// Centred columns are rounded to float32 in CKA; the rest is float64.
	if err := tol.Close([]float64{biased, debiased}, []float64{r.CKA, r.CKADebiased}, 1e-6, 0); err != nil {
		t.Errorf("CKA: %v", err)
	}
	if err := tol.Close([]float64{rank, twoNN(t, x), nc1}, []float64{r.RankMe, r.TwoNN, r.NC1}, 0, 1e-10); err != nil {
		t.Errorf("RankMe, TwoNN, NC1: %v", err)
	}
	masc, err := MASC(nil, x, r.Labels, r.Classes, q, r.MASCFraction)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(masc, r.MASC) {
		t.Errorf("MASC calls the queries %v, want %v", masc, r.MASC)
	}
}

func TestLinearAgainstScikitLearn(t *testing.T) {
	r, x, _, q := load(t)
	l, err := FitLinear(context.Background(), nil, x, r.Labels, r.Classes, r.Lam, 1000)
	if err != nil {
		t.Fatal(err)
	}
	// The bias is determined up to a constant.
	mean := float32(0)
	for _, b := range l.Bias {
		mean += b / float32(r.Classes)
	}
	for i := range l.Bias {
		l.Bias[i] -= mean
	}
	// A gradient below 1e-5 over a curvature of at least λ bounds the distance
	// from the minimiser by 1e-3; it is closer in practice.
	if err := tol.Close(slices.Concat(l.Weight, l.Bias), slices.Concat(r.Weight, r.Bias), 1e-3, 0); err != nil {
		t.Errorf("coefficients: %v", err)
	}
	pred, err := l.Predict(nil, q)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(pred, r.Linear) {
		t.Errorf("queries are called %v, want %v", pred, r.Linear)
	}
}

func TestInvarianceClosedForm(t *testing.T) {
	// Images at 0, 2 and 7; the pairs are 2, 5 and 7 apart: mean square 26.
	clean := Features{3, 1, []float32{0, 2, 7}}
	var v Invariance
	v.Add(Features{2, 1, []float32{0, 1}})    // 1
	v.Add(Features{3, 1, []float32{1, 2, 4}}) // 1, 4, 9: 14/3
	v.Add(Features{2, 1, []float32{7, 7}})    // 0
	v.Add(Features{1, 1, []float32{1000}})    // a single view says nothing
	got := []float64{v.Value(clean)}
	if err := tol.Close(got, []float64{(1 + 14.0/3) / 3 / 26}, 0, 1e-14); err != nil {
		t.Error(err)
	}
	var none Invariance
	got = []float64{none.Value(clean), v.Value(Features{3, 1, []float32{1, 1, 1}})}
	if err := tol.Close(got, []float64{math.NaN(), math.NaN()}, 0, 0); err != nil {
		t.Error(err)
	}
}

func TestDepth(t *testing.T) {
	// Four layers; sample 0 is right from the start, 1 from layer 2 on, 2 is
	// right early but not at layer 3, 3 is contradicted at the end.
	layers := [][]int{{5, 0, 5, 5}, {5, 1, 5, 5}, {5, 5, 1, 5}, {5, 5, 5, 2}}
	got, err := Depth(layers, []int{5, 5, 5, 5})
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 2, 3, 4}; !slices.Equal(got, want) {
		t.Errorf("depths %v, want %v", got, want)
	}
	if h := Histogram(got, 5); !slices.Equal(h, []int{1, 0, 1, 1, 1}) {
		t.Errorf("histogram %v", h)
	}
	mean, median := MeanMedian(got)
	if err := tol.Close([]float64{mean, median}, []float64{2.25, 2.5}, 0, 0); err != nil {
		t.Error(err)
	}
	if _, err := Depth(layers, []int{1}); err == nil {
		t.Error("layers of another length are accepted")
	}
}

func TestMemorizationScore(t *testing.T) {
	member := [][]bool{{true, true, true}, {true, false, true}, {false, true, true}, {false, false, true}}
	right := [][]bool{{true, true, true}, {true, true, true}, {false, true, false}, {false, false, true}}
	got, err := MemorizationScore(member, right)
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close(got, []float64{1, 0.5, math.NaN()}, 0, 0); err != nil {
		t.Error(err)
	}
	if _, err := MemorizationScore(member, right[:2]); err == nil {
		t.Error("fewer answers than runs are accepted")
	}
}

// gaussian returns n standard normal samples of d elements.
func gaussian(seed uint64, n, d int) Features {
	s := rng.New(seed, rng.Metric)
	f := Features{n, d, make([]float32, n*d)}
	for i := range f.Data {
		f.Data[i] = float32(s.Normal())
	}
	return f
}

func TestCKAClosedForm(t *testing.T) {
	x := gaussian(1, 50, 4)
	// y is x rotated by 30° in two columns, mirrored, scaled and shifted.
	y := Features{50, 4, make([]float32, 200)}
	c, s := math.Cos(math.Pi/6), math.Sin(math.Pi/6)
	for i := range 50 {
		a, b := x.Row(i), y.Row(i)
		b[0] = float32(3*(c*float64(a[1])-s*float64(a[3]))) + 5
		b[1] = float32(3 * (s*float64(a[1]) + c*float64(a[3])))
		b[2], b[3] = -3*a[0], 3*a[2]-100
	}
	wide := gaussian(2, 50, 300) // independent of x, more columns than samples
	narrow, few := gaussian(3, 50, 200), func(f Features) (a, b float64) {
		a, b, err := CKA(nil, f, wide)
		if err != nil {
			t.Fatal(err)
		}
		return a, b
	}
	biased, debiased, err := CKA(nil, x, y)
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close([]float64{biased, debiased}, []float64{1, 1}, 1e-5, 0); err != nil {
		t.Error(err)
	}
	if biased, debiased := few(narrow); !(biased > 0.7) || !(math.Abs(debiased) < 0.1) {
		t.Errorf("independent wide features: %v biased, %v debiased; want near 1 and near 0", biased, debiased)
	}
	if biased, _, err := CKA(nil, x, Features{50, 1, make([]float32, 50)}); err != nil || !math.IsNaN(biased) {
		t.Errorf("a constant layer: %v, %v; want NaN", biased, err)
	}
}

func TestRankMeClosedForm(t *testing.T) {
	// Orthogonal rows of norms 1, 1 and 2: p = ¼, ¼, ½, entropy 3/2 log 2.
	f := Features{3, 5, make([]float32, 15)}
	f.Data[0], f.Data[6], f.Data[14] = 1, -1, 2
	got, err := RankMe(nil, f)
	if err != nil {
		t.Fatal(err)
	}
	same, err := RankMe(nil, Features{9, 1, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}})
	if err != nil {
		t.Fatal(err)
	}
	zero, err := RankMe(nil, Features{3, 2, make([]float32, 6)})
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close([]float64{got, same, zero}, []float64{math.Pow(2, 1.5), 1, math.NaN()}, 0, 1e-12); err != nil {
		t.Error(err)
	}
}

func TestTwoNNFindsTheDimension(t *testing.T) {
	// A plane, bent nowhere, in 6 dimensions. The estimate's standard error is
	// about d/√n = 0.045.
	plane := gaussian(4, 2000, 2)
	f := Features{2000, 6, make([]float32, 12000)}
	for i := range f.N {
		a := plane.Row(i)
		for j := range f.D {
			f.Row(i)[j] = float32(j)*a[0] + float32(j*j-7)*a[1] + 3
		}
	}
	copy(f.Row(1), f.Row(0)) // a duplicate has no ratio
	if err := tol.Close([]float64{twoNN(t, f)}, []float64{2}, 0.15, 0); err != nil {
		t.Error(err)
	}
	same := &knn.Neighbors{Queries: 2, K: 2, Index: make([]int32, 4), Distance: make([]float64, 4)}
	if d, err := TwoNN(same); err != nil || !math.IsNaN(d) {
		t.Errorf("only duplicates: %v, %v; want NaN", d, err)
	}
	if _, err := TwoNN(&knn.Neighbors{Queries: 4, K: 1, Index: make([]int32, 4),
		Distance: make([]float64, 4)}); err == nil {
		t.Error("one neighbour is enough")
	}
}

func TestNC1ClosedForm(t *testing.T) {
	// Two classes at ±2 on one axis, each spread ±1 along it and ±5 across:
	// Σ_W = diag(1,25), Σ_B = diag(4,0), tr(Σ_W Σ_B⁺)/2 = 1/8.
	f := Features{8, 2, []float32{-3, -5, -3, 5, -1, -5, -1, 5, 1, -5, 1, 5, 3, -5, 3, 5}}
	labels := []int{0, 0, 0, 0, 2, 2, 2, 2}
	got, err := NC1(f, labels, 3)
	if err != nil {
		t.Fatal(err)
	}
	collapsed, err := NC1(Features{4, 1, []float32{1, 1, 2, 2}}, []int{0, 0, 1, 1}, 2)
	if err != nil {
		t.Fatal(err)
	}
	alone, err := NC1(f, make([]int, 8), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close([]float64{got, collapsed, alone}, []float64{0.125, 0, math.NaN()}, 1e-14, 0); err != nil {
		t.Error(err)
	}
}

func TestMASCClosedForm(t *testing.T) {
	// Class 0 lies on the x axis, class 2 in the y-z plane; class 1 is empty.
	train := Features{4, 3, []float32{1, 0, 0, -2, 0, 0, 0, 1, 0, 0, 0, 3}}
	queries := Features{4, 3, []float32{5, 1, 1, -1, 3, 0, 1, 1, 0.1, 0, 0, 0}}
	pred, err := MASC(nil, train, []int{0, 0, 2, 2}, 3, queries, 0.99)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{0, 2, 2, 0}; !slices.Equal(pred, want) {
		t.Errorf("classes %v, want %v", pred, want)
	}
}

func TestLinearProbe(t *testing.T) {
	ctx := context.Background()
	// Three separable classes, more samples than a block, a constant column.
	f, labels := gaussian(5, 3000, 4), make([]int, 3000)
	for i := range f.N {
		labels[i] = i % 3
		f.Row(i)[0] += 20 * float32(labels[i])
		f.Row(i)[3] = 1e6
	}
	var first *Linear
	for threads := 1; threads < 4; threads++ {
		pool := parallel.New(threads)
		l, err := FitLinear(ctx, pool, f, labels, 3, 1e-3, 100)
		if err != nil {
			t.Fatal(err)
		}
		pred, err := l.Predict(pool, f)
		if err != nil {
			t.Fatal(err)
		}
		pool.Close()
		if a := knn.Accuracy(pred, labels); a != 1 {
			t.Errorf("accuracy %v on separable classes, want 1", a)
		}
		if first == nil {
			first = l
		}
		if !slices.Equal(l.Weight, first.Weight) || !slices.Equal(l.Bias, first.Bias) {
			t.Errorf("%d threads find other bits than one", threads)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := FitLinear(cancelled, nil, f, labels, 3, 1e-3, 100); err == nil {
		t.Error("a cancelled fit succeeded")
	}
	if _, err := FitLinear(ctx, nil, f, labels, 3, 0, 100); err == nil {
		t.Error("λ = 0 is accepted")
	}
}

func TestMetricErrors(t *testing.T) {
	bad := Features{2, 2, []float32{1, 2, 3, float32(math.NaN())}}
	good := Features{4, 1, []float32{1, 2, 3, 4}}
	_, _, few := CKA(nil, Features{3, 1, []float32{1, 2, 3}}, good)
	_, nan := RankMe(nil, bad)
	_, short := NC1(good, []int{0, 1}, 2)
	_, label := NC1(good, []int{0, 1, 2, 0}, 2)
	_, wide := MASC(nil, good, []int{0, 1, 0, 1}, 2, Features{1, 2, []float32{1, 2}}, 0.99)
	for want, err := range map[string]error{
		"at least 4 samples":           few,
		"sample 1 has NaN in column 1": nan,
		"2 labels for 4 samples":       short,
		"label 2 of sample 2":          label,
		"queries of 2 elements for 1":  wide,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

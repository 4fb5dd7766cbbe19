package probe

import (
	"context"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/probe/knn"
)

// clusters returns samples of classes whose means are apart by about twice their
// spread, and their labels.
func clusters(seed uint64, n, d, classes int) (Features, []int) {
	centre, f := gaussian(seed+1000, classes, d), gaussian(seed, n, d)
	labels := make([]int, n)
	for i := range n {
		labels[i] = i % classes
		for j := range d {
			f.Row(i)[j] += 2 * centre.Row(labels[i])[j]
		}
	}
	return f, labels
}

// spread returns f with each row replaced by x·R, R [f.D,d] of orthonormal rows in
// float64: the same geometry in more dimensions, rounded to float32.
func spread(f Features, d int) Features {
	g := gaussian(77, d, f.D)
	m := mat.NewDense(d, f.D, nil)
	for i := range d {
		for j, v := range g.Row(i) {
			m.Set(i, j, float64(v))
		}
	}
	var qr mat.QR
	qr.Factorize(m)
	var q mat.Dense
	qr.QTo(&q)
	out := Features{f.N, d, make([]float32, f.N*d)}
	for i := range f.N {
		for j := range d {
			s := 0.0
			for l, v := range f.Row(i) {
				s += float64(v) * q.At(j, l)
			}
			out.Row(i)[j] = float32(s)
		}
	}
	return out
}

// mapped applies change to every row, given as float64.
func mapped(f Features, change func(row []float32) []float32) Features {
	out := Features{N: f.N}
	for i := range f.N {
		row := change(f.Row(i))
		out.D, out.Data = len(row), append(out.Data, row...)
	}
	return out
}

// nc1ByDefinition forms the covariances and inverts the leading min(C−1,d)
// eigenvalues of Σ_B.
func nc1ByDefinition(f Features, labels []int, classes int) float64 {
	count, mean, all := Histogram(labels, classes), make([][]float64, classes), make([]float64, f.D)
	for c := range mean {
		mean[c] = make([]float64, f.D)
	}
	for i, y := range labels {
		for j, v := range f.Row(i) {
			mean[y][j] += float64(v) / float64(count[y])
			all[j] += float64(v) / float64(f.N)
		}
	}
	within, between := mat.NewSymDense(f.D, nil), mat.NewSymDense(f.D, nil)
	for i, y := range labels {
		d := make([]float64, f.D)
		for j, v := range f.Row(i) {
			d[j] = float64(v) - mean[y][j]
		}
		within.SymRankOne(within, 1/float64(f.N), mat.NewVecDense(f.D, d))
	}
	for c := range mean {
		d := make([]float64, f.D)
		for j := range d {
			d[j] = mean[c][j] - all[j]
		}
		between.SymRankOne(between, 1/float64(classes), mat.NewVecDense(f.D, d))
	}
	var e mat.EigenSym
	e.Factorize(between, true)
	var v mat.Dense
	e.VectorsTo(&v)
	sum := 0.0
	for r := f.D - 1; r >= max(0, f.D-classes+1); r-- {
		u := v.ColView(r)
		sum += mat.Inner(u, within, u) / e.Values(nil)[r]
	}
	return sum / float64(classes)
}

func TestNC1Rank(t *testing.T) {
	for _, classes := range []int{2, 3, 10, 40} {
		for _, d := range []int{1, 2, 3, 9, 10, 11, 64} {
			f, labels := clusters(uint64(classes*100+d), 37*classes, d, classes)
			labels[0] = classes - 1 // classes of different sizes
			got, err := NC1(f, labels, classes)
			if err != nil {
				t.Fatal(err)
			}
			// The eigenvalues of Σ_B are the squares of what NC1 inverts: their
			// relative precision is that of the smallest to the greatest.
			if err := tol.Close([]float64{got}, []float64{nc1ByDefinition(f, labels, classes)}, 0, 1e-8); err != nil {
				t.Errorf("%d classes in %d dimensions: %v", classes, d, err)
			}
		}
	}
}

// metrics are all that invert or divide.
type metrics struct {
	nc1, biased, debiased, rank, twoNN, invariance float64
	masc, linear                                   []int
}

func measure(t *testing.T, f Features, labels []int, classes int) metrics {
	t.Helper()
	ctx := context.Background()
	var m metrics
	var errs [5]error
	m.nc1, errs[0] = NC1(f, labels, classes)
	other := mapped(f, func(row []float32) []float32 { return row[:1] })
	m.biased, m.debiased, errs[1] = CKA(nil, f, other)
	m.rank, errs[2] = RankMe(nil, f)
	m.masc, errs[3] = MASC(nil, f, labels, classes, f, 0.9)
	l, err := FitLinear(ctx, nil, f, labels, classes, 1e-2, 200)
	if err == nil {
		m.linear, err = l.Predict(nil, f)
	}
	errs[4] = err
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	m.twoNN = twoNN(t, f)
	var v Invariance
	for i := 0; i+1 < f.N; i += 2 {
		v.Add(Features{2, f.D, f.Data[i*f.D : (i+2)*f.D]})
	}
	m.invariance = v.Value(f)
	return m
}

func (m metrics) numbers() []float64 {
	return []float64{m.nc1, m.biased, m.debiased, m.rank, m.twoNN, m.invariance}
}

// Scaling, doubled columns and more dimensions than the data fill change no metric.
func TestMetricsOfEqualGeometry(t *testing.T) {
	f, labels := clusters(3, 120, 4, 3)
	want := measure(t, f, labels, 3)
	scaled := func(s float32) Features {
		return mapped(f, func(row []float32) []float32 {
			out := slices.Clone(row)
			for j := range out {
				out[j] *= s
			}
			return out
		})
	}
	for name, c := range map[string]struct {
		f         Features
		precision float64
	}{
		"1e-20":           {scaled(1e-20), 1e-5}, // the product is rounded
		"1e15":            {scaled(1e15), 1e-5},
		"2^-100":          {scaled(0x1p-100), 1e-12},
		"2^120":           {scaled(0x1p120), 1e-12},
		"columns doubled": {mapped(f, func(row []float32) []float32 { return slices.Concat(row, row) }), 1e-6},
		"zero columns":    {mapped(f, func(row []float32) []float32 { return append(slices.Clone(row), 0, 0) }), 1e-12},
	} {
		got := measure(t, c.f, labels, 3)
		if err := tol.Close(got.numbers(), want.numbers(), 0, c.precision); err != nil {
			t.Errorf("%s: NC1, CKA, debiased CKA, RankMe, TwoNN, invariance: %v", name, err)
		}
		if !slices.Equal(got.masc, want.masc) {
			t.Errorf("%s: MASC calls %v, want %v", name, got.masc, want.masc)
		}
		if name != "columns doubled" && !slices.Equal(got.linear, want.linear) { // λ counts them twice
			t.Errorf("%s: the linear probe calls %v, want %v", name, got.linear, want.linear)
		}
	}
	// In 64 dimensions the rounding of float32 fills the others: it must not count.
	wide := spread(f, 64)
	nc1, err := NC1(wide, labels, 3)
	if err != nil {
		t.Fatal(err)
	}
	rank, err := RankMe(nil, wide)
	if err != nil {
		t.Fatal(err)
	}
	// The rounding's own singular values are about 1e-8 of the greatest, 60 of them.
	if err := tol.Close([]float64{nc1, rank, twoNN(t, wide)}, []float64{want.nc1, want.rank, want.twoNN}, 0,
		1e-4); err != nil {
		t.Errorf("NC1, RankMe, TwoNN in 64 dimensions: %v", err)
	}
}

// Two dimensions that 10 classes fill, in 64: the leading 9 directions of Σ_B are
// two and seven of rounding.
func TestNC1OfFewDimensions(t *testing.T) {
	f, labels := clusters(5, 500, 2, 10)
	for i := range f.Data {
		f.Data[i] += 30
	}
	want := nc1ByDefinition(f, labels, 10)
	got, err := NC1(spread(f, 64), labels, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close([]float64{got}, []float64{want}, 0, 1e-4); err != nil {
		t.Error(err)
	}
	// The same samples in every class, in another order: the means are the same.
	same, labels := gaussian(6, 30, 5), make([]int, 60)
	twice := mapped(same, slices.Clone[[]float32])
	for i := 29; i >= 0; i-- {
		twice.Data, twice.N = append(twice.Data, same.Row(i)...), twice.N+1
		labels[30+i] = 1
	}
	if got, err := NC1(twice, labels, 2); err != nil || !math.IsNaN(got) {
		t.Errorf("classes of the same samples: %v, %v; want NaN", got, err)
	}
}

// Each sample twice, side by side: what is a ratio of variances is the same, views that are
// equal are invariant, and the nearest neighbours at distance 0 tell of no dimension.
func TestMetricsOfDuplicates(t *testing.T) {
	f, labels := clusters(4, 90, 5, 3)
	twice, both := Features{2 * f.N, f.D, nil}, make([]int, 0, 2*f.N)
	for i := range f.N {
		twice.Data = append(append(twice.Data, f.Row(i)...), f.Row(i)...)
		both = append(both, labels[i], labels[i])
	}
	want, got := measure(t, f, labels, 3), measure(t, twice, both, 3)
	if err := tol.Close([]float64{got.nc1, got.biased, got.rank, got.twoNN, got.invariance},
		[]float64{want.nc1, want.biased, want.rank, math.NaN(), 0}, 1e-12, 1e-6); err != nil {
		t.Errorf("NC1, CKA, RankMe, TwoNN, invariance: %v", err)
	}
	for i := range f.N {
		if got.masc[2*i] != want.masc[i] || got.masc[2*i+1] != want.masc[i] || got.linear[2*i] != got.linear[2*i+1] {
			t.Fatalf("sample %d is called %v and %v, alone %d", i, got.masc[2*i:2*i+2], got.linear[2*i:2*i+2], want.masc[i])
		}
	}
	if err := tol.Close([]float64{got.debiased},
		[]float64{ckaByDefinition(twice, mapped(twice, func(row []float32) []float32 { return row[:1] }))}, 0,
		1e-6); err != nil {
		t.Errorf("debiased CKA: %v", err)
	}
}

func TestMetricsOfConstants(t *testing.T) {
	for _, c := range []float32{0, 0.1, 1e15, 1e-20, math.MaxFloat32} {
		f, labels := Features{30, 7, make([]float32, 210)}, make([]int, 30)
		for i := range f.Data {
			f.Data[i] = c
		}
		for i := range labels {
			labels[i] = i % 3
		}
		labels[29] = 1 // the most frequent
		got, nan, rank := measure(t, f, labels, 3), math.NaN(), 1.0
		if c == 0 {
			rank = nan
		}
		if err := tol.Close(got.numbers(), []float64{nan, nan, nan, rank, nan, nan}, 0, 1e-9); err != nil {
			t.Errorf("all %v: NC1, CKA, debiased CKA, RankMe, TwoNN, invariance: %v", c, err)
		}
		for i := range 30 {
			if got.masc[i] != 0 || got.linear[i] != 1 {
				t.Fatalf("all %v: MASC and the linear probe call sample %d %d and %d, want 0 and 1", c, i,
					got.masc[i], got.linear[i])
			}
		}
	}
}

// Where every class fills the plane, all angles are zero: the smallest class wins.
func TestMASCTies(t *testing.T) {
	f, labels := clusters(8, 60, 3, 4)
	pred, err := MASC(nil, f, labels, 4, f, 1)
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(pred, func(c int) bool { return c != 0 }); i >= 0 {
		t.Errorf("sample %d, in the subspace of every class, is of class %d, want 0", i, pred[i])
	}
}

func TestCKAOfEquidistantSamples(t *testing.T) {
	unit := Features{9, 9, make([]float32, 81)}
	for i := range 9 {
		unit.Row(i)[i] = 3
	}
	biased, debiased, err := CKA(nil, unit, unit)
	if err != nil {
		t.Fatal(err)
	}
	if err := tol.Close([]float64{biased, debiased}, []float64{1, math.NaN()}, 1e-6, 0); err != nil {
		t.Error(err)
	}
}

func TestLinearProbeOfFarQueries(t *testing.T) {
	train := Features{4, 2, []float32{-1e-20, 0, -2e-20, 0, 1e-20, 0, 2e-20, 0}}
	l, err := FitLinear(context.Background(), nil, train, []int{1, 1, 0, 0}, 2, 1e-2, 100)
	if err != nil {
		t.Fatal(err)
	}
	pred, err := l.Predict(nil, Features{2, 2, []float32{-1e38, 1, 1e38, 1}})
	if err != nil || !slices.Equal(pred, []int{1, 0}) {
		t.Errorf("queries far out are called %v, %v; want 1 and 0", pred, err)
	}
}

// Neighbours among zero vectors and vectors of extreme norms, by brute force.
func TestNeighboursOfExtremeVectors(t *testing.T) {
	const n, d, k = 40, 5, 7
	s := rng.New(9, rng.Metric)
	bank := make([]float32, n*d)
	for i := range n {
		scale := []float64{0, 1e-40, 1e-20, 1, 1e15, 1e37}[i%6]
		for j := range d {
			bank[i*d+j] = float32(s.Normal() * scale)
		}
	}
	for _, metric := range []knn.Metric{knn.Cosine, knn.Euclidean} {
		index, err := knn.New(context.Background(), nil, bank, n, d, metric)
		if err != nil {
			t.Fatal(err)
		}
		nb, err := index.LeaveOneOut(context.Background(), k)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			var want []float64
			for o := range n {
				if o != i {
					want = append(want, distance(metric, bank[i*d:(i+1)*d], bank[o*d:(o+1)*d]))
				}
			}
			slices.Sort(want)
			_, got := nb.Row(i)
			if err := tol.Close(got, want[:k], 1e-15, 1e-12); err != nil {
				t.Errorf("%v, vector %d: %v", metric, i, err)
			}
		}
	}
}

func distance(m knn.Metric, a, b []float32) float64 {
	var aa, bb, ab, diff float64
	for j := range a {
		x, y := float64(a[j]), float64(b[j])
		aa, bb, ab, diff = aa+x*x, bb+y*y, ab+x*y, diff+(x-y)*(x-y)
	}
	switch {
	case m == knn.Euclidean:
		return math.Sqrt(diff)
	case aa == 0 || bb == 0:
		return 1
	}
	return 1 - ab/(math.Sqrt(aa)*math.Sqrt(bb))
}

package probe

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/probe/result"
)

// The least loss of a wrong answer, by a search over predictions that are wrong by a
// hair.
func TestWrongLoss(t *testing.T) {
	for _, c := range []struct {
		classes   int
		smoothing float64
	}{{2, 0}, {10, 0}, {2, 0.1}, {5, 0.3}} {
		target := make([]float64, c.classes)
		for j := range target {
			target[j] = c.smoothing / float64(c.classes)
		}
		target[0] += 1 - c.smoothing
		// p and x share a value m at the label and class 1; the rest is free, best at a
		// multiple of the targets and at the targets.
		ce, mse := math.Inf(1), math.Inf(1)
		for i := 1; i < 100_000; i++ {
			m := float64(i) / 100_000
			v, rest, others := 0.0, 1-2*m, float64(c.classes-2)*target[1]
			if rest < 0 || rest == 0 && others > 0 || rest > 0 && others == 0 && c.classes == 2 {
				continue
			}
			v -= (target[0] + target[1]) * math.Log(m)
			if others > 0 {
				v -= others * math.Log(rest/float64(c.classes-2))
			}
			ce = min(ce, v)
			mse = min(mse, ((m-target[0])*(m-target[0])+(m-target[1])*(m-target[1]))/float64(c.classes))
		}
		got := []float64{WrongLoss(false, c.classes, c.smoothing), WrongLoss(true, c.classes, c.smoothing)}
		if err := tol.Close(got, []float64{ce, mse}, 2e-5, 0); err != nil { // the search's grid
			t.Errorf("%d classes, smoothing %v: %v", c.classes, c.smoothing, err)
		}
	}
}

func TestTrace(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		losses                    []float64
		learned, forgotten        int // 0: never learned
		cumulative, final, spread float64
	}{
		{[]float64{3, 2, 0.5, 0.9, 0.2, 0.1}, 3, 1, 6.7, 0.1, 1.45}, // quartiles 0.275 and 1.725
		{[]float64{nan, 0.5, nan, 0.8, nan}, 2, 1, 1.3, 0.8, 0.15},
		{[]float64{2, 2, 2}, 0, 0, 6, 2, 0},
		{[]float64{0.1}, 1, 0, 0.1, 0.1, 0},
		{[]float64{nan, nan}, 0, 0, 0, nan, nan},
		{nil, 0, 0, 0, nan, nan},
	} {
		got := trace(c.losses, 0.7)
		learned := 0
		if got.Learned != nil {
			learned = *got.Learned
		}
		if learned != c.learned || got.Forgotten != c.forgotten {
			t.Errorf("%v: learned in epoch %d, forgotten %d times; want %d and %d", c.losses, learned, got.Forgotten, c.learned,
				c.forgotten)
		}
		for _, v := range [][2]float64{{float64(got.Cumulative), c.cumulative}, {float64(got.Final), c.final},
			{float64(got.Spread), c.spread}} {
			if math.Abs(v[0]-v[1]) > 1e-12 || math.IsNaN(v[0]) != math.IsNaN(v[1]) {
				t.Errorf("%v: %v, want %v", c.losses, v[0], v[1])
			}
		}
	}
}

func TestFlipDepth(t *testing.T) {
	for _, c := range []struct {
		shares []float32
		want   int
	}{
		{[]float32{0.1, 0.2, 0.6, 0.9}, 2}, {[]float32{0.9, 0.2, 0.6, 0.9}, 2}, {[]float32{1, 1}, 0},
		{[]float32{0.9, 0.5}, 2}, {[]float32{0, 0}, 2}, {nil, 0},
	} {
		if got := FlipDepth(c.shares); got != c.want {
			t.Errorf("shares %v: depth %d, want %d", c.shares, got, c.want)
		}
	}
}

// Without ties Spearman's correlation is 1 − 6Σd²/(n(n²−1)).
func TestSpearman(t *testing.T) {
	s := rng.New(1, 2)
	const n = 50
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i] = s.Normal()
		y[i] = x[i] + s.Normal()
	}
	rank := func(v []float64, i int) float64 {
		r := 1.0
		for _, w := range v {
			if w < v[i] {
				r++
			}
		}
		return r
	}
	square := 0.0
	for i := range x {
		d := rank(x, i) - rank(y, i)
		square += d * d
	}
	if err := tol.Close([]float64{pearson(ranks(x), ranks(y))}, []float64{1 - 6*square/(n*(n*n-1))}, 1e-12,
		0); err != nil {
		t.Error(err)
	}
	if got := ranks([]float64{2, 1, 2, math.Inf(1), 2}); !slices.Equal(got, []float64{3, 1, 3, 5, 3}) {
		t.Errorf("ranks of ties %v", got)
	}
	if v := pearson(ranks([]float64{1, 1}), ranks([]float64{1, 2})); !math.IsNaN(v) {
		t.Errorf("a constant correlates by %v", v)
	}
}

// Each image's shares are those that a search over all pairs of images gives, and add
// up to what is known of the layer.
func TestSamplesByBruteForce(t *testing.T) {
	data := testData()
	p := run(t, residual(t), data, Options{K: []int{3}, NoUntrained: true, PerImage: true, Pooling: Flatten})
	s := p.Samples
	if s.Images != data.Train.N() || len(s.Rows) != s.Images || len(s.Layers) != len(p.Layers) || s.K != 3 {
		t.Fatalf("samples %+v", s)
	}
	x := make([][]float32, s.Images)
	for i := range x {
		x[i] = make([]float32, tensor.Len(data.Shape))
		data.Train.Float32(x[i], i)
	}
	for i, row := range s.Rows {
		type other struct {
			cosine float64
			j      int
		}
		var all []other
		for j := range x {
			if j != i {
				all = append(all, other{-cosine(x[i], x[j]), j})
			}
		}
		slices.SortFunc(all, func(a, b other) int {
			if math.Abs(a.cosine-b.cosine) > 1e-12 {
				return int(math.Copysign(1, a.cosine-b.cosine))
			}
			return a.j - b.j
		})
		same := [2]float32{}
		for _, o := range all[:3] {
			if data.Train.Label(o.j) == row.True {
				same[0]++
			}
			if data.Assigned[o.j] == row.Assigned {
				same[1]++
			}
		}
		if row.TrueShare[0] != same[0]/3 || row.AssignedShare[0] != same[1]/3 {
			t.Errorf("image %d: shares %v and %v at the input, want %v of 3", i, row.TrueShare[0], row.AssignedShare[0], same)
		}
		if row.Index != i || row.True != data.Train.Label(i) || row.Assigned != data.Assigned[i] {
			t.Errorf("image %d is %+v", i, row)
		}
	}
	total := 0
	for _, n := range s.FlipCounts {
		total += n
	}
	if total != s.Mislabelled || s.Mislabelled == 0 || len(s.Memorized) != min(listed, s.Mislabelled) {
		t.Errorf("%d flips of %d, %d listed", total, s.Mislabelled, len(s.Memorized))
	}
	at := slices.Index(s.Layers, p.Model.Embedding)
	if !slices.IsSortedFunc(s.Memorized,
		func(a, b result.Sample) int { return cmp.Compare(b.AssignedShare[at], a.AssignedShare[at]) }) {
		t.Error("the most memorized are not in order")
	}
	last := s.Memorized[len(s.Memorized)-1].AssignedShare[at]
	for _, row := range s.Rows {
		listedToo := slices.ContainsFunc(s.Memorized, func(m result.Sample) bool { return m.Index == row.Index })
		if row.True != row.Assigned && row.AssignedShare[at] > last && !listedToo {
			t.Errorf("image %d is not among the most memorized", row.Index)
		}
	}
}

func cosine(a, b []float32) float64 {
	var aa, bb, ab float64
	for i := range a {
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
		ab += float64(a[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func TestSamplesRefused(t *testing.T) {
	m, data := residual(t), testData()
	if _, err := Run(t.Context(), m, data, Options{K: []int{3}, NoUntrained: true, PerImage: true,
		Losses: &Losses{Epochs: 2, Values: make([]float32, 7)}}); err == nil {
		t.Error("losses of another number of images were taken")
	}
	data.Assigned = nil
	if _, err := Run(t.Context(), m, data, Options{K: []int{3}, NoUntrained: true, PerImage: true}); err == nil {
		t.Error("images without assigned labels were described")
	}
}

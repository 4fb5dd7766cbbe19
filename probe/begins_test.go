package probe

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/rng"
	"memprobe/internal/tol"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// lookedUp is a layer of n images in which image i has the k neighbours that of gives.
func lookedUp(n, k int, of func(i, j int) int) *knn.Neighbors {
	nb := &knn.Neighbors{Queries: n, K: k}
	for i := range n {
		for j := range k {
			nb.Index, nb.Distance = append(nb.Index, int32(of(i, j))), append(nb.Distance, float64(j+1))
		}
	}
	return nb
}

// Half of the labels are drawn anew. A layer whose neighbours are of the true class
// knows half of the assigned labels and has memorized none: it is within its band. One
// whose neighbours carry the assigned label is above it.
func TestMemorizationBegins(t *testing.T) {
	const n, classes, k = 300, 3, 5
	d := Data{Train: synthetic(n, classes), Classes: []string{"a", "b", "c"}, Assigned: make([]int, n)}
	s := rng.New(1, rng.Bench)
	carriers := make([][]int, classes)
	for i := range n {
		d.Assigned[i] = i % classes
		if s.IntN(2) == 0 {
			d.Assigned[i] = s.IntN(classes)
		}
		carriers[d.Assigned[i]] = append(carriers[d.Assigned[i]], i)
	}
	r := &runner{Options: Options{K: []int{k}, Headline: k}, data: d, trainLabels: labelsOf(d.Train)}
	unaware := lookedUp(n, k, func(i, j int) int { return (i + classes*(j*j*7+j+1)) % n })
	aware := lookedUp(n, k, func(i, j int) int { c := carriers[d.Assigned[i]]; return c[(i+j*11)%len(c)] })
	p, trained := &result.Probe{}, &network{}
	for _, l := range []struct {
		name, role string
		nb         *knn.Neighbors
	}{{"x", Input, aware}, {"early", Block, unaware}, {"late", Embedding, aware}, {"logits", Logits, aware}} {
		m := measured{Layer: result.Layer{Name: l.name, Role: l.role}}
		if err := r.leaveOneOut(&m, l.nb); err != nil {
			t.Fatal(err)
		}
		trained.layers = append(trained.layers, m)
		p.Layers = append(p.Layers, m.Layer)
	}
	r.bandOfPermutations(p, trained)
	early, late := &p.Layers[1], &p.Layers[2]
	if a, b := early.LeaveOneOut.Assigned.At(k), early.AssignedBand; !(a > 0.55 && b.Low() <= a && a <= b.High() &&
		b.High()-b.Low() < 0.3) {
		t.Errorf("of true neighbours %v have the assigned label, the band is %v", a, b)
	}
	if a, b := late.LeaveOneOut.Assigned.At(k), late.AssignedBand; a != 1 || b.High() > 0.6 {
		t.Errorf("of assigned neighbours %v have the assigned label, the band is %v", a, b)
	}
	// Bests of 0.5 and 0.49, which cannot be told apart; then 0.3.
	accuracy := &resampled{margin: []float64{0.9, 0.5, 0.49, 0.3}, again: make([][]float64, 4)}
	for l, m := range accuracy.margin {
		for i := range 100 {
			accuracy.again[l] = append(accuracy.again[l], m+0.0004*float64(i-50))
		}
	}
	r.depths(p, accuracy)
	want := result.Depth{Layers: 3, Begins: "late", BeginsAt: 2, Peak: "late", PeakAt: 2,
		Sentence: "memorization begins at late, 2 of 3; features peak at late"}
	if *p.Depth != want {
		t.Errorf("%+v, want %+v", *p.Depth, want)
	}
	for _, l := range p.Layers {
		l.LeaveOneOut.Assigned[k] = 0
	}
	if r.depths(p, accuracy); !strings.HasPrefix(p.Depth.Sentence, "no layer knows more") {
		t.Errorf("%q", p.Depth.Sentence)
	}
}

// Pixels that say nothing and an embedding that says it all, joined with equal weight,
// are asked together; layers that the embedding is not are not.
func TestJoinedPixels(t *testing.T) {
	d := testData()
	p := run(t, residual(t), d, Options{K: []int{3}, Augmentation: mirror, Views: 2})
	for _, l := range p.Layers {
		m, ok := l.Margins[joinedPixels]
		if ok != (l.Name == "embedding" && l.KNN.True.At(3) <= p.Baselines.Pixels.Value()) {
			t.Errorf("layer %s: margin of joined pixels %+v, accuracy %v, pixels %v", l.Name, m,
				l.KNN.True.At(3), p.Baselines.Pixels.Value())
		}
		for name, of := range map[string]float64{overPixels: p.Baselines.Pixels.Value(), overAugmentedPixels: p.Baselines.AugmentedPixels.Value(), overUntrained: l.Untrained.True.At(3)} {
			if err := tol.Close([]float64{float64(l.Margins[name].Margin)}, []float64{l.KNN.True.At(3) - of}, 1e-12, 0); err != nil {
				t.Errorf("layer %s over %s: %v", l.Name, name, err)
			}
		}
	}
	r := &runner{data: d, raw: &raw{size: 36}}
	rows := Features{2, 38, make([]float32, 2*38)}
	r.join(joint{d.Test, Features{2, 2, []float32{3, 4, 0, 0}}}).read(rows, 0)
	a, b := 0.0, 0.0
	for j := range 36 {
		a += float64(rows.Row(0)[j]) * float64(rows.Row(0)[j])
		b += float64(rows.Row(1)[j]) * float64(rows.Row(1)[j])
	}
	got := []float64{a, b, float64(rows.Row(0)[36]), float64(rows.Row(0)[37]), float64(rows.Row(1)[36])}
	if err := tol.Close(got, []float64{1, 1, 0.6, 0.8, 0}, 1e-6, 0); err != nil {
		t.Error(err)
	}
}

// A view of an image is one of its class, beside it in the bank.
func TestBankOfViews(t *testing.T) {
	s := withViews{synthetic(4, 3), func(dst, src []float32, image, view int) {
		copy(dst, src)
		dst[0] = float32(100*image + view)
	}, 2, 36}
	if s.N() != 12 {
		t.Fatalf("%d images, want 12", s.N())
	}
	same(t, "labels", labelsOf(s), []int{0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0})
	clean, image := make([]float32, 36), make([]float32, 36)
	synthetic(4, 3).Float32(clean, 3)
	for view, first := range []float32{clean[0], 300, 301} {
		s.Float32(image, 9+view)
		if image[0] != first || image[1] != clean[1] {
			t.Errorf("view %d begins with %v, want %v and %v", view, image[:2], first, clean[1])
		}
	}
}

// Without test images each image of the bank is asked for with itself and all of its views
// left out, by brute force, whether the bank is searched whole or in parts.
func TestBankOfViewsWithoutTestImages(t *testing.T) {
	d := testData()
	d.Test = nil
	view := func(dst, src []float32, image, view int) {
		for j := range dst {
			dst[j] = 0.5*src[j] + 0.1*float32((image*7+view*3+j)%5)
		}
	}
	o := Options{NoUntrained: true, K: []int{3}, Metric: knn.Euclidean, Views: 2, Augmentation: view}
	all := withViews{d.Train, view, 2, 36}
	row := func(i int) []float32 { x := make([]float32, 36); all.Float32(x, i); return x }
	right := 0
	for q := range d.Train.N() {
		type near struct {
			distance float64
			label    int
		}
		var others []near
		for i := range all.N() {
			if i/3 != q {
				others = append(others, near{distance(knn.Euclidean, row(3*q), row(i)), all.Label(i)})
			}
		}
		slices.SortStableFunc(others, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
		votes := make([]int, 3)
		for _, n := range others[:3] {
			votes[n.label]++
		}
		if slices.Index(votes, slices.Max(votes)) == d.Train.Label(q) {
			right++
		}
	}
	want := float64(right) / float64(d.Train.N())
	for _, memory := range []int64{0, 40000} { // bytes: all, and some 100 rows at a time
		o.MaxMemory = memory
		p := run(t, residual(t), d, o)
		if got := p.Baselines.AugmentedPixels; got == nil || float64(*got) != want || want < 0.4 {
			t.Errorf("%d bytes: pixels with views %v, want %v", memory, got, want)
		}
	}
}

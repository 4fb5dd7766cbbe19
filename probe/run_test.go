package probe

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/parallel"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

func testData() Data {
	train, test := synthetic(120, 3), synthetic(45, 3)
	assigned := make([]int, 120)
	for i := range assigned {
		assigned[i] = (i * i / 7) % 3
	}
	return Data{Train: train, Test: test, Assigned: assigned, Classes: []string{"a", "b", "c"}, Shape: train.shape}
}

func mirror(dst, src []float32, image, view int) {
	copy(dst, src)
	if view%2 == 1 {
		slices.Reverse(dst)
	}
}

func run(t *testing.T, m *onnx.Model, d Data, o Options) *result.Probe {
	t.Helper()
	p, err := Run(context.Background(), m, d, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t *testing.T, p *result.Probe) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func layer(t *testing.T, p *result.Probe, name string) result.Layer {
	t.Helper()
	for _, l := range p.Layers {
		if l.Name == name {
			return l
		}
	}
	t.Fatalf("no layer %q", name)
	return result.Layer{}
}

// The number of threads and of passes over the data change nothing.
func TestRunIsReproducible(t *testing.T) {
	m, first := residual(t), ""
	for _, c := range []struct {
		threads int
		memory  int64
	}{{1, 0}, {2, 0}, {3, 80000}} { // of which the input may have half
		pool := parallel.New(c.threads)
		p := run(t, m, testData(), Options{Layers: []string{"all"}, K: []int{5, 1}, Batch: 16, Workers: pool,
			MaxMemory: c.memory,
			Augment:   mirror, Images: 20, Views: 2, Metrics: MetricNames(), Samples: 60, Pooling: Max, PerImage: true})
		pool.Close()
		if first == "" {
			first = encode(t, p)
		}
		if got := encode(t, p); got != first {
			t.Errorf("%d threads, %d bytes: another result", c.threads, c.memory)
		}
	}
}

func TestRunMeasuresWhatItSays(t *testing.T) {
	d := testData()
	p := run(t, residual(t), d, Options{K: []int{1, 7}, Augment: mirror, Images: 10, Views: 2, Seed: 3})
	var names []string
	for _, l := range p.Layers {
		names = append(names, l.Name)
	}
	same(t, "layers", names, []string{"x", "stem", "block", "embedding", "hidden", "logits"})
	if p.Settings.Headline != 7 || p.Settings.Batch != 64 || p.Model.Embedding != "embedding" ||
		p.Model.Logits != "logits" {
		t.Errorf("settings %+v, model %+v", p.Settings, p.Model)
	}
	if err := tol.Close([]float64{float64(p.Baselines.Chance)}, []float64{1.0 / 3}, 0, 1e-15); err != nil {
		t.Error(err)
	}

	// The input layer is the pixels, so its accuracies are the baseline's; the
	// assigned labels are those of leave-one-out on the bank.
	pixels := readPixels(nil, d.Train, span(0, 120), 36)
	index, err := knn.New(context.Background(), nil, pixels.Data, 120, 36, knn.Cosine)
	if err != nil {
		t.Fatal(err)
	}
	asked := readPixels(nil, d.Test, span(0, 45), 36)
	nb, err := index.Search(context.Background(), asked.Data, 45, 7)
	if err != nil {
		t.Fatal(err)
	}
	loo, err := index.LeaveOneOut(context.Background(), 7)
	if err != nil {
		t.Fatal(err)
	}
	accuracy := func(nb *knn.Neighbors, bank, truth []int) float64 {
		pred, err := knn.Classify(nb, bank, 3, []int{7}, knn.Uniform, 0)
		if err != nil {
			t.Fatal(err)
		}
		return knn.Accuracy(pred[0], truth)
	}
	labels, testLabels := labelsOf(d.Train), labelsOf(d.Test)
	x := layer(t, p, "x")
	if err := tol.Close(
		[]float64{x.KNN.True.At(7), p.Baselines.Pixels.Value(), x.KNN.Assigned.At(7), x.LeaveOneOut.True.At(7), x.Untrained.True.At(7)},
		[]float64{accuracy(nb, labels, testLabels), accuracy(nb, labels, testLabels), accuracy(loo, d.Assigned, d.Assigned),
			accuracy(loo, labels, labels), accuracy(nb, labels, testLabels)},
		0, 0); err != nil {
		t.Error(err)
	}

	total, diagonal := 0, 0
	for i, row := range p.Confusion.Counts {
		for j, n := range row {
			total += n
			if i == j {
				diagonal += n
			}
		}
	}
	e := layer(t, p, "embedding")
	if got := float64(diagonal) / float64(total); total != 45 || got != e.KNN.True.At(7) {
		t.Errorf("confusion of %d queries with accuracy %v, want 45 and %v", total, got, e.KNN.True.At(7))
	}
	if v := p.Verdict; v == nil || v.Word != result.NotMemorized || float64(v.Probe) != e.KNN.True.At(7) ||
		float64(v.Untrained) != e.Untrained.True.At(7) || v.Untrained != *p.Baselines.Untrained {
		t.Errorf("verdict %+v", p.Verdict)
	}
	if n := p.PredictionDepth; len(n.Counts) != 7 || n.K != 30 {
		t.Errorf("prediction depth %+v", n)
	}
	// Averages over space do not see a mirrored image in the pooled stem as they
	// do in the pixels.
	if a, b := float64(layer(t, p, "x").Values["invariance"]), float64(e.Values["invariance"]); !(a > 0) || !(b < a) {
		t.Errorf("invariance %v of the pixels and %v of the embedding", a, b)
	}
}

func TestRunWithoutTestImages(t *testing.T) {
	d := testData()
	d.Test, d.Assigned = synthetic(0, 3), nil
	p := run(t, residual(t), d, Options{K: []int{3}})
	e := layer(t, p, "embedding")
	if e.KNN.True.At(3) != e.LeaveOneOut.True.At(3) || p.Settings.Queries["true"] != "train, leave-one-out" {
		t.Errorf("accuracies %v and %v of %v", e.KNN.True, e.LeaveOneOut.True, p.Settings.Queries)
	}
	if p.Fit.Test != nil || p.Fit.AssignedClean != nil || p.Verdict != nil || p.PredictionDepth != nil {
		t.Error("something was measured that cannot be")
	}
	q := run(t, residual(t), d, Options{K: []int{3}, FitAugmented: result.Some(0.4)})
	if v := q.Verdict; v == nil || v.Word != result.NotMemorized || v.Fit != 0.4 || q.Fit.AssignedClean != nil {
		t.Errorf("with a fit to augmented batches alone: verdict %+v", v)
	}
	d.Assigned = labelsOf(d.Train)
	for given, want := range map[result.Number]result.Number{0: *p.Fit.TrueClean, 1: 1} {
		if v := run(t, residual(t), d, Options{K: []int{3}, FitAugmented: &given}).Verdict; v == nil || v.Fit != want {
			t.Errorf("with a fit of %v to augmented batches and %v to images: verdict %+v, want the better", given,
				*p.Fit.TrueClean, v)
		}
	}
	// The part-wise search of the pixels leaves each image out once, too.
	parts := run(t, residual(t), d, Options{K: []int{3}, MaxMemory: 36 * 10 * 50, Pooling: Avg,
		Layers: []string{"logits"}, NoUntrained: true})
	if parts.Baselines.Pixels.Value() != p.Baselines.Pixels.Value() {
		t.Errorf("pixels in parts %v, at once %v", parts.Baselines.Pixels.Value(), p.Baselines.Pixels.Value())
	}
}

func TestRunErrors(t *testing.T) {
	m := residual(t)
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(cancelled, m, testData(), Options{K: []int{3}}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	wrong := testData()
	wrong.Assigned = wrong.Assigned[1:]
	classes := testData()
	classes.Classes = classes.Classes[:2]
	channels := testData()
	channels.Shape = []int{2, 6, 6}
	for _, c := range []struct {
		data    Data
		options Options
		want    string
	}{
		{testData(), Options{K: []int{120}}, "between 1 and 119"},
		{testData(), Options{K: []int{0, 3}}, "between 1 and 119"},
		{testData(), Options{K: []int{3}, Headline: 4}, "not among"},
		{testData(), Options{Layers: []string{"nothing"}}, `layers "nothing", want names of layers`},
		{testData(), Options{Mean: []float32{0.5}}, "1 means and 0 standard deviations"},
		{testData(), Options{Mean: []float32{0.5}, Std: []float32{0}}, "want positive"},
		{testData(), Options{Metrics: []string{"entropy"}}, `metrics "entropy"`},
		{testData(), Options{Vote: knn.Softmax, Temperature: -1}, "temperature -1"},
		{testData(), Options{Pooling: Flatten, Layers: []string{"stem"}, MaxMemory: 20000}, `layer "stem": 144 features`},
		{wrong, Options{}, "119 assigned labels for 120"},
		{classes, Options{}, "label 2"},
		{channels, Options{}, "x"},
	} {
		_, err := Run(context.Background(), m, c.data, c.options)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

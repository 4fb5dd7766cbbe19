package probe

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"memprobe/internal/parallel"
	"memprobe/internal/rng"
	"memprobe/internal/tensor"
	"memprobe/internal/tol"
	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// withRest is testData of a network that was trained on a third of the images.
func withRest() Data {
	d := testData()
	d.Train, d.Rest = part{synthetic(120, 3), 0, 40}, part{synthetic(120, 3), 40, 80}
	d.Assigned = d.Assigned[:40]
	return d
}

// Neighbours are found among the images of each bank, and the assigned labels among
// those that have any.
func TestBanks(t *testing.T) {
	d := withRest()
	p := run(t, residual(t), d, Options{K: []int{3}, Bank: []string{AllImages, TrainImages, HeldOut}})
	x := layer(t, p, "x")
	pixels, labels := readPixels(nil, synthetic(120, 3), span(0, 120), 36), labelsOf(synthetic(120, 3))
	asked, truth := readPixels(nil, d.Test, span(0, 45), 36), labelsOf(d.Test)
	accuracy := func(lo, hi int) float64 {
		index, err := knn.New(context.Background(), nil, pixels.Data[36*lo:36*hi], hi-lo, 36, knn.Cosine)
		if err != nil {
			t.Fatal(err)
		}
		nb, err := index.Search(context.Background(), asked.Data, 45, 3)
		if err != nil {
			t.Fatal(err)
		}
		pred, err := knn.Classify(nb, labels[lo:hi], 3, []int{3}, knn.Uniform, 0)
		if err != nil {
			t.Fatal(err)
		}
		return knn.Accuracy(pred[0], truth)
	}
	want := []float64{accuracy(0, 120), accuracy(0, 40), accuracy(40, 120)}
	got := []float64{x.KNN.True.At(3), x.At("knn_train.true", 0), x.At("knn_held_out.true", 0)}
	if err := tol.Close(got, want, 0, 0); err != nil {
		t.Error(err)
	}
	for i, b := range []result.Bank{{Name: AllImages, Images: 120, Seen: 40}, {Name: TrainImages, Images: 40, Seen: 40},
		{Name: HeldOut, Images: 80}} {
		b.Pixels = result.Some(want[i])
		if g := p.Data.Banks[i]; g.Name != b.Name || g.Images != b.Images || g.Seen != b.Seen || *g.Pixels != *b.Pixels {
			t.Errorf("bank %+v, want %+v", g, b)
		}
	}
	// What is asked of the memorized images does not depend on the bank.
	q := run(t, residual(t), d, Options{K: []int{3}, Bank: []string{TrainImages}})
	for i, l := range q.Layers {
		other := p.Layers[i]
		if l.LeaveOneOut.Assigned.At(3) != other.LeaveOneOut.Assigned.At(3) ||
			l.KNN.True.At(3) != other.At("knn_train.true", 0) ||
			l.Untrained.True.At(3) != other.At("knn_train.untrained", 0) {
			t.Errorf("layer %s: bank train alone differs from it beside others", l.Name)
		}
	}
}

// Each draw is measured as a network of its own.
func TestDraws(t *testing.T) {
	d, m := testData(), residual(t)
	o := Options{K: []int{3}, Seed: 4, Draws: 3}
	p := run(t, m, d, o)
	for draw := range 3 {
		fresh, err := Untrained(m, DrawSeed(4, draw), nil)
		if err != nil {
			t.Fatal(err)
		}
		alone := run(t, fresh, d, Options{K: []int{3}, NoUntrained: true})
		for i, l := range p.Layers {
			if got, want := float64(l.Draws.Accuracies[draw]), alone.Layers[i].KNN.True.At(3); got != want {
				t.Errorf("draw %d, layer %s: %v, want %v", draw, l.Name, got, want)
			}
		}
	}
	e := layer(t, p, "embedding")
	var a []float64
	rank := 1
	for _, v := range e.Draws.Accuracies {
		a = append(a, float64(v))
		if float64(v) > e.KNN.True.At(3) {
			rank++
		}
	}
	if err := tol.Close([]float64{float64(e.Draws.Mean), float64(e.Draws.SD), float64(p.Verdict.Margin)},
		[]float64{meanOf(a), deviation(a), e.KNN.True.At(3) - meanOf(a)}, 1e-12, 0); err != nil {
		t.Error(err)
	}
	if e.Draws.Rank != rank || p.Baselines.Untrained.Value() != float64(e.Draws.Mean) {
		t.Errorf("rank %d, want %d; baseline %v, want %v", e.Draws.Rank, rank, p.Baselines.Untrained.Value(), e.Draws.Mean)
	}
	if a[0] == a[1] && a[1] == a[2] {
		t.Errorf("draws do not differ: %v", a)
	}
}

// What is kept is not drawn again, also for more draws, and gives the same result; a
// file that is damaged or of other settings is none.
func TestDrawsAreKept(t *testing.T) {
	d, m, dir := testData(), residual(t), filepath.Join(t.TempDir(), "probe")
	probed := func(o Options) (string, int) {
		drawnAnew := 0
		o.K, o.Keep, o.Augmentation, o.Views = []int{3}, dir, mirror, 2
		o.Cost = func(draws, _ int, _ time.Duration) { drawnAnew = draws }
		return encode(t, run(t, m, d, o)), drawnAnew
	}
	first, n := probed(Options{Draws: 3})
	if n != 3 {
		t.Fatalf("%d networks were drawn, want 3", n)
	}
	if again, n := probed(Options{Draws: 3}); n != 0 || again != first {
		t.Errorf("again: %d networks were drawn, the same result: %v", n, again == first)
	}
	if _, n := probed(Options{Draws: 5}); n != 2 {
		t.Errorf("of five, three of them kept, %d were drawn", n)
	}
	if again, n := probed(Options{Draws: 3}); n != 0 || again != first {
		t.Errorf("three of five: %d networks were drawn, the same result: %v", n, again == first)
	}
	if _, n := probed(Options{Draws: 2, Seed: 1}); n != 2 {
		t.Errorf("with another seed %d networks were drawn, want 2", n)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) != 2 {
		t.Fatalf("files %v", files)
	}
	for _, damage := range []func(string) string{
		func(string) string { return "{" },
		func(s string) string { return strings.Replace(s, `"accuracy"`, `"other"`, 1) },
		func(s string) string { return strings.Replace(s, `:0.`, `:0.0`, 1) },
	} {
		for _, f := range files {
			whole, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			damaged := damage(string(whole))
			if damaged == string(whole) {
				t.Fatal("no damage")
			}
			if err := os.WriteFile(f, []byte(damaged), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if again, n := probed(Options{Draws: 3}); n != 3 || again != first {
			t.Errorf("damaged: %d networks were drawn, the same result: %v", n, again == first)
		}
		probed(Options{Draws: 2, Seed: 1}) // writes the other file again
	}
}

// What another run keeps is taken over, whatever augmentation that was trained with, and
// is the run's own from then on.
func TestDrawsOfKin(t *testing.T) {
	d, m, root := testData(), residual(t), t.TempDir()
	probed := func(run string, o Options, kin ...string) (string, int) {
		drawnAnew := 0
		o.K, o.Draws, o.Keep = []int{3}, 3, filepath.Join(root, run)
		for _, k := range kin {
			o.Kin = append(o.Kin, filepath.Join(root, k))
		}
		o.Cost = func(draws, _ int, _ time.Duration) { drawnAnew = draws }
		p, err := Run(t.Context(), m, d, o)
		if err != nil {
			t.Fatal(err)
		}
		return encode(t, p), drawnAnew
	}
	views := Options{Augmentation: mirror, AugmentationName: "hflip", Views: 2}
	plain, _ := probed("plain", Options{})
	viewed, _ := probed("viewed", views)
	if got, n := probed("a", views, "absent", "plain"); n != 0 || got != viewed {
		t.Errorf("with those of a run without augmentation %d networks were drawn, the same result: %v", n, got == viewed)
	}
	if got, n := probed("a", Options{}); n != 0 || got != plain {
		t.Errorf("with those taken over %d networks were drawn, the same result: %v", n, got == plain)
	}
	if _, n := probed("b", Options{Seed: 1}, "plain"); n != 3 {
		t.Errorf("with those of another seed %d networks were drawn, want 3", n)
	}
}

// normalised is a network that normalises its input twice, the second time by the
// statistics of the first.
func normalised(t *testing.T) *onnx.Model {
	b := newBuilder(1, 6, 6)
	for name, v := range map[string]float32{"scale": 1, "bias": 0, "mean": 0.3, "var": 2, "scale2": 1, "bias2": 0,
		"mean2": 0.4, "var2": 3} {
		b.graph.Initializer = append(b.graph.Initializer, onnx.EncodeTensor(name, tensor.From([]float32{v}, 1)))
	}
	b.node("BatchNormalization", "bn", "x", "scale", "bias", "mean", "var")
	b.node("BatchNormalization", "bn2", "bn", "scale2", "bias2", "mean2", "var2")
	b.node("Relu", "act", b.conv("conv", "bn2", 4, 1))
	b.node("GlobalAveragePool", "pooled", "act")
	integer(b.node("Flatten", "embedding", "pooled"), "axis", 1)
	b.gemm("logits", "embedding", 3, 4)
	return b.model(t, "logits")
}

// The statistics of the first normalisation are those of the pixels in batches, in the
// order of the seed; the second sees what the first makes of a batch: mean 0, variance
// v/(v+ε).
func TestEstimatedStatistics(t *testing.T) {
	d, m := testData(), normalised(t)
	fresh, err := Untrained(m, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for _, threads := range []int{1, 3} {
		pool := parallel.New(threads)
		r, err := newRunner(m, d, Options{K: []int{3}, Batch: 32, Seed: 3, Workers: pool}.withDefaults())
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.estimateStatistics(context.Background(), fresh, r.images, "")
		pool.Close()
		if err != nil {
			t.Fatal(err)
		}
		order := make([]int, 120)
		s := rng.New(3, rng.Metric, 2)
		s.Perm(order)
		var mean, variance, rest float64
		for b := range 3 { // the last 24 images fill no batch
			sum, squares := 0.0, 0.0
			f := readPixels(nil, d.Train, order[32*b:32*(b+1)], 36)
			for _, v := range f.Data {
				sum, squares = sum+float64(v), squares+float64(v)*float64(v)
			}
			mu := sum / (32 * 36)
			v := squares/(32*36) - mu*mu
			mean, variance, rest = mean+mu/3, variance+v/3, rest+v/(v+1e-5)/3
		}
		var values []float32
		for _, name := range []string{"mean", "var", "mean2", "var2"} {
			x, err := got.Initializer(name)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, x.F32()[0])
		}
		if err := tol.Close(values, []float32{float32(mean), float32(variance), 0, float32(rest)}, 1e-5, 0); err != nil {
			t.Error(err)
		}
		if first == nil {
			first = values
		}
		same(t, "statistics", values, first)
	}
	if before, _ := fresh.Initializer("mean"); before.F32()[0] != 0 {
		t.Error("the network itself has changed")
	}
	// Initial ones make other networks.
	a := run(t, m, d, Options{K: []int{3}, Draws: 1, Statistics: EstimatedStatistics})
	b := run(t, m, d, Options{K: []int{3}, Draws: 1})
	if encode(t, a) == encode(t, b) || a.Settings.Statistics != "estimated" || b.Settings.Statistics != "initial" {
		t.Errorf("settings %q and %q", a.Settings.Statistics, b.Settings.Statistics)
	}
}

func TestBankErrors(t *testing.T) {
	for _, c := range []struct {
		data Data
		o    Options
		want string
	}{
		{testData(), Options{K: []int{3}, Bank: []string{HeldOut}}, `bank "held-out" has 0 images`},
		{withRest(), Options{K: []int{3}, Bank: []string{"most"}}, `bank "most", want one of all, train, held-out`},
		{withRest(), Options{K: []int{3}, Bank: []string{"all", "all"}}, "each once"},
		{withRest(), Options{K: []int{3}, Draws: -1}, "draws -1, want 0 or more"},
		{withRest(), Options{K: []int{3}, Statistics: "guessed"}, `untrained-statistics "guessed", want one of`},
		{withRest(), Options{K: []int{3}, Margin: -1}, "margin -1"},
	} {
		_, err := Run(context.Background(), residual(t), c.data, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

package probe

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"memprobe/internal/tol"
	"memprobe/probe/result"
)

// Every row of the table says all that its readers need.
func TestMetricsTable(t *testing.T) {
	seen := map[string]bool{}
	once := func(what, s string) {
		if s == "" || seen[what+s] {
			t.Errorf("%s %q is empty or there twice", what, s)
		}
		seen[what+s] = true
	}
	for _, m := range Metrics() {
		once("name", m.Name)
		once("title", m.Title)
		if m.Definition == "" || m.Source == "" || m.Unit == "" || m.Scale == "" || len(m.Parts) == 0 {
			t.Errorf("%s: the row is %+v", m.Name, m.Metric)
		}
		for _, p := range m.Parts {
			once("column", p.Column)
			once("key", p.Key)
			if p.Label == "" {
				t.Errorf("%s: %s has no label", m.Name, p.Key)
			}
		}
	}
	for _, ok := range [][]string{nil, {"all"}, {"cka", "linear"}, {"cka_pixels"}} {
		if err := CheckMetrics(ok); err != nil {
			t.Error(err)
		}
	}
	for _, wrong := range []string{"entropy", "", "knn", "cka_"} {
		if err := CheckMetrics([]string{"all", wrong}); err == nil || !strings.Contains(err.Error(), "rankme") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// What is asked for is described and measured, a row of one's own too.
func TestMetricOfOnesOwn(t *testing.T) {
	own := Metric{
		Metric: result.Metric{Name: "norm", Title: "Mean norm", Definition: "the mean of |x|", Unit: "1",
			Scale: result.Linear},
		Measure: func(_ context.Context, l *LayerData) (result.Values, error) {
			sum := 0.0
			for i := range l.Train.N {
				s := 0.0
				for _, v := range l.Train.Row(i) {
					s += float64(v) * float64(v)
				}
				sum += math.Sqrt(s)
			}
			return result.Values{"norm": result.Number(sum / float64(l.Train.N))}, nil
		}}
	d := testData()
	p := run(t, residual(t), d, Options{K: []int{3}, Metrics: []string{"cka"}, Own: []Metric{own}})
	var names []string
	for _, m := range p.Metrics {
		names = append(names, m.Name)
	}
	same(t, "metrics", names, []string{"knn", "cka_pixels", "cka_logits", "prediction_depth", "norm"})
	pixels, want := readPixels(nil, d.Train, span(0, 120), 36), 0.0
	for i := range 120 {
		x := make([]float64, 36)
		for j, v := range pixels.Row(i) {
			x[j] = float64(v)
		}
		want += norm(x) / 120
	}
	x := layer(t, p, "x")
	if err := tol.Close([]float64{x.At("norm", 0), x.At("cka_pixels.biased", 0)}, []float64{want, 1}, 1e-12,
		0); err != nil {
		t.Error(err)
	}
	if parts := p.Metrics[4].Parts; !slices.Equal(parts, []result.Part{{Column: "norm", Key: "norm",
		Label: "Mean norm"}}) {
		t.Errorf("parts %v", parts)
	}
	own.Measure = func(context.Context, *LayerData) (result.Values, error) { return nil, errors.New("no") }
	if _, err := Run(context.Background(), residual(t), d, Options{K: []int{3}, Own: []Metric{own}}); err == nil ||
		!strings.Contains(err.Error(), `": norm: no`) {
		t.Errorf("error %v", err)
	}
}

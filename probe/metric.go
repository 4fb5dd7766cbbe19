package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/parallel"
	"memprobe/internal/suggest"
	"memprobe/probe/result"
)

// Metric is a row of the table of metrics: a description, and how to measure it. All
// outputs are made from the description, so a metric of one's own needs no more than a
// row in Options.Own.
type Metric struct {
	result.Metric
	// Measure returns the numbers of a layer by their Part.Key, the metric's name if no
	// parts are described. It is nil for what Run itself measures.
	Measure func(ctx context.Context, l *LayerData) (result.Values, error)
	// OnUntrained: the untrained network is measured too, under keys that begin with
	// "untrained_".
	OnUntrained bool
	// With says in words with what it is measured; nil if there is nothing to say. It
	// is given what is known before there are features.
	With func(l *LayerData) string
	// When tells whether it is measured, for what is not asked for by name; nil for
	// what is.
	When func(l *LayerData) bool
}

// LayerData is what a metric is given of a layer. Nothing of it may be changed or kept.
type LayerData struct {
	Workers *parallel.Pool

	Train       Features // of the training images
	TrainLabels []int
	Assigned    []int    // labels that the network was trained on; nil if not known
	Test        Features // N = 0 without test images
	TestLabels  []int
	Classes     int
	// AssignedClasses is how many classes the assigned labels have.
	AssignedClasses int

	Sample []int    // rows of Train for metrics that look at a sample
	Pixels Features // of the sample
	Logits Features // of the sample

	Views  Features // Views rows for each of Viewed, one image after the other
	Viewed []int    // rows of Train

	Options *Options
	Pooling string // in words
}

// Sampled are the features of the sample.
func (l *LayerData) Sampled() Features { return l.Train.rows(l.Sample) }

// Queries are the test images, or the training images where there are none.
func (l *LayerData) Queries() (Features, []int) {
	if l.Test.N == 0 {
		return l.Train, l.TrainLabels
	}
	return l.Test, l.TestLabels
}

// queried says what Queries are asked for.
func (l *LayerData) queried() string {
	if l.TestLabels == nil {
		return "training accuracy"
	}
	return "test accuracy"
}

// byLabels measures with the true labels of the training images and, where they are
// known, the assigned ones.
func (l *LayerData) byLabels(name string,
	measure func(labels []int, classes int) (float64, error)) (result.Values, error) {
	v, err := measure(l.TrainLabels, l.Classes)
	if err != nil {
		return nil, err
	}
	values := result.Values{name + ".true": result.Number(v)}
	if l.Assigned != nil {
		v, err = measure(l.Assigned, l.AssignedClasses)
		values[name+".assigned"] = result.Number(v)
	}
	return values, err
}

// single is the only part of a metric.
func single(name, label string) []result.Part {
	return []result.Part{{Column: name, Key: name, Label: label}}
}

// parts are several of a metric, as pairs of key and label.
func parts(name string, of ...[2]string) []result.Part {
	var out []result.Part
	for _, p := range of {
		out = append(out, result.Part{Column: name + "." + p[0], Key: name + "." + p[0], Label: p[1]})
	}
	return out
}

// Metrics is the table of metrics. A row stands beside what computes it.
func Metrics() []Metric {
	return []Metric{
		{Metric: result.Neighbours(), When: func(*LayerData) bool { return true },
			With: func(l *LayerData) string {
				o := l.Options
				return fmt.Sprintf("k = %d, %s, %s vote, pool %s", o.Headline, o.Metric, o.Vote, l.Pooling)
			}},
		invarianceRow(),
		linearRow(),
		ckaRow("cka_pixels", "pixels", func(l *LayerData) Features { return l.Pixels }),
		ckaRow("cka_logits", "logits", func(l *LayerData) Features { return l.Logits }),
		rankMeRow(),
		twoNNRow(),
		nc1Row(),
		mascRow(),
		depthRow(),
		againstRow(),
	}
}

func sampled(l *LayerData) string { return fmt.Sprintf("on %d training images", len(l.Sample)) }

// MetricNames are the names of the metrics that have to be asked for.
func MetricNames() []string {
	var names []string
	for _, m := range Metrics() {
		if m.When == nil {
			names = append(names, m.Name)
		}
	}
	return names
}

// matches reports whether a name asks for the metric: its own, the beginning of it
// up to an underscore ("cka" is both cka_pixels and cka_logits), or "all".
func (m Metric) matches(name string) bool {
	return m.When == nil && (name == "all" || name == m.Name || strings.HasPrefix(m.Name, name+"_"))
}

// CheckMetrics returns an error that names the first of names which asks for nothing.
func CheckMetrics(names []string) error {
	for _, name := range names {
		if !slices.ContainsFunc(Metrics(), func(m Metric) bool { return m.matches(name) }) {
			return fmt.Errorf("%q, want all or some of %s%s", name, strings.Join(MetricNames(), ", "),
				suggest.DidYouMean(name, MetricNames()))
		}
	}
	return nil
}

// CheckColumns returns an error that names the first of columns which is no metric's.
func CheckColumns(columns []string) error {
	var all []string
	for _, m := range Metrics() {
		for _, part := range m.Parts {
			all = append(all, part.Column)
		}
	}
	for _, name := range columns {
		if !slices.Contains(all, name) {
			return fmt.Errorf("%q, want some of %s%s", name, strings.Join(all, ", "), suggest.DidYouMean(name, all))
		}
	}
	return nil
}

// choose returns the rows that are measured, in the order of the table, one's own last.
func choose(known *LayerData) []Metric {
	o := known.Options
	var out []Metric
	for i, m := range slices.Concat(Metrics(), o.Own) {
		own := i >= len(Metrics())
		if m.When != nil && !m.When(known) || m.When == nil && !own && !slices.ContainsFunc(o.Metrics, m.matches) {
			continue
		}
		if len(m.Parts) == 0 {
			m.Parts = single(m.Name, m.Title)
		}
		if m.With != nil {
			m.Settings = m.With(known)
		}
		out = append(out, m)
	}
	return out
}

// further measures a layer by the metrics that are chosen.
func further(ctx context.Context, out *measured, metrics []Metric, l *LayerData, untrained bool) error {
	for _, m := range metrics {
		if m.Measure == nil || untrained && !m.OnUntrained {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		values, err := m.Measure(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		for key, v := range values {
			if out.Values == nil {
				out.Values = result.Values{}
			}
			out.Values[key] = v
		}
	}
	return nil
}

// value is a single number as values.
func value(key string) func(v float64, err error) (result.Values, error) {
	return func(v float64, err error) (result.Values, error) {
		return result.Values{key: result.Number(v)}, err
	}
}

func pick(labels, index []int) []int {
	out := make([]int, len(index))
	for i, j := range index {
		out[i] = labels[j]
	}
	return out
}

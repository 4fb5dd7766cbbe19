package report

import (
	"math"
	"slices"

	"memprobe/probe/result"
)

// Outcome is what came of an entry: the last of every number that was measured,
// NaN where it never was. Probe, Assigned, Untrained and Pixels are k-NN accuracies
// at the headline k, the first three at the embedding.
type Outcome struct {
	Epoch        int // of the last probe; −1 without one
	Fit          float64
	FitAugmented float64
	Test         float64
	Probe        float64
	Assigned     float64 // leave-one-out, assigned labels
	Untrained    float64
	Pixels       float64
	Chance       float64
	Margin       float64 // Probe − Untrained, as the verdict has it
	Verdict      *result.Verdict
	Embedding    *result.Layer // of the last probe
}

// Outcome returns what came of e.
func (e *Entry) Outcome() Outcome {
	nan := math.NaN()
	o := Outcome{-1, nan, nan, nan, nan, nan, nan, nan, nan, nan, nil, new(result.Layer)}
	if p := e.last(); p != nil {
		if p.Epoch != nil {
			o.Epoch = *p.Epoch
		}
		o.Fit, o.FitAugmented, o.Test = p.Fit.AssignedClean.Value(), p.Fit.Augmented.Value(), p.Fit.Test.Value()
		o.Embedding = p.AtEmbedding()
		o.Probe, o.Assigned = embedding(p)
		o.Untrained, o.Pixels, o.Chance = p.Baselines.Untrained.Value(), p.Baselines.Pixels.Value(),
			float64(p.Baselines.Chance)
		o.Margin = o.Probe - o.Untrained
		if o.Verdict = p.Verdict; o.Verdict != nil {
			o.Margin = float64(o.Verdict.Margin)
		}
	}
	if e.perView() { // images as they are have no label of their own
		o.Fit = nan
	}
	for i := range e.Epochs { // newer than the last probe, or as new
		r := &e.Epochs[i]
		for _, v := range []struct {
			to   *float64
			from float64
		}{{&o.Fit, r.FitClean}, {&o.FitAugmented, r.FitAugmented}, {&o.Test, r.Test}} {
			if !math.IsNaN(v.from) {
				*v.to = v.from
			}
		}
	}
	return o
}

// BestFit is the fit by which the verdict and the figures go.
func (o Outcome) BestFit() float64 { return result.BestFit(o.Fit, o.FitAugmented) }

// fitPoints are BestFit after the epochs at whose end the network was evaluated, or
// after all where it never was: in between, only augmented batches are measured.
func (e *Entry) fitPoints() []point {
	evaluated := func(r result.Epoch) bool { return !math.IsNaN(r.FitClean) || !math.IsNaN(r.Test) }
	never := !slices.ContainsFunc(e.Epochs, evaluated)
	var out []point
	for _, r := range e.Epochs {
		if never || evaluated(r) {
			out = append(out, point{x: float64(r.Epoch), y: result.BestFit(r.FitClean, r.FitAugmented)})
		}
	}
	return out
}

// fitName says what the fit in a figure of entries is.
func fitName(entries []*Entry) string {
	has := func(of func(o Outcome) float64) bool {
		return slices.ContainsFunc(entries, func(e *Entry) bool { return !math.IsNaN(of(e.Outcome())) })
	}
	switch {
	case !has(func(o Outcome) float64 { return o.FitAugmented }):
		return "fit (clean images)"
	case !has(func(o Outcome) float64 { return o.Fit }):
		return "fit (augmented batches)"
	}
	return "fit (better of clean and augmented)"
}

// perView tells that each view of an image has a label of its own.
func (e *Entry) perView() bool { return e.Config["labels"] == "per-view" }

// embedding returns the k-NN accuracies at the embedding with true labels, and
// with assigned labels by leave-one-out.
func embedding(p *result.Probe) (truth, assignedLabels float64) {
	l, k := p.AtEmbedding(), p.Settings.Headline
	return l.At("knn.true", k), l.At("leave_one_out.assigned", k)
}

package report

import (
	"math"

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
	Verdict      *result.Verdict
}

// Outcome returns what came of e.
func (e *Entry) Outcome() Outcome {
	nan := math.NaN()
	o := Outcome{-1, nan, nan, nan, nan, nan, nan, nan, nan, nil}
	if p := e.last(); p != nil {
		if p.Epoch != nil {
			o.Epoch = *p.Epoch
		}
		o.Fit, o.FitAugmented, o.Test = p.Fit.AssignedClean.Value(), p.Fit.Augmented.Value(), p.Fit.Test.Value()
		o.Probe, o.Assigned = embedding(p)
		o.Untrained, o.Pixels, o.Chance = p.Baselines.Untrained.Value(), p.Baselines.Pixels.Value(), float64(p.Baselines.Chance)
		o.Verdict = p.Verdict
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

// perView tells that each view of an image has a label of its own.
func (e *Entry) perView() bool { return e.Config["labels"] == "per-view" }

// embedding returns the k-NN accuracies at the embedding with true labels, and
// with assigned labels by leave-one-out.
func embedding(p *result.Probe) (truth, assignedLabels float64) {
	k := p.Settings.Headline
	for i := range p.Layers {
		if l := &p.Layers[i]; l.Role == "embedding" || l.Role == "" && l.Name == p.Model.Embedding {
			return l.KNN.True.At(k), assigned(k)(l)
		}
	}
	return math.NaN(), math.NaN()
}

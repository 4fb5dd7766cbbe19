package probe

import (
	"fmt"
	"strings"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

func span(lo, hi int) []int {
	s := make([]int, hi-lo)
	for i := range s {
		s[i] = lo + i
	}
	return s
}

// report fills in what was measured.
func (r *runner) report(p *result.Probe, trained *network, draws []drawn) error {
	r.fit(p, trained)
	for i := range trained.layers {
		l := trained.layers[i].Layer
		r.bankValues(&l, trained.layers[i].banks[1:], draws, i)
		if len(draws) > 0 {
			r.drawnOf(&l, draws, i)
		}
		p.Layers = append(p.Layers, l)
	}
	againstValues(p)
	for _, b := range r.banks[1:] {
		p.Metrics = append(p.Metrics, bankMetric(b, r.Draws, len(draws) > 0))
	}
	p.Confusion = confusion(&trained.layers[r.embedding], r.banks[0].truth, r.data.Classes, r.Headline)
	if e := &p.Layers[r.embedding]; e.Untrained != nil {
		p.Baselines.UntrainedKNN = e.Untrained.True
		p.Baselines.Untrained = result.Some(p.Baselines.UntrainedKNN.At(r.Headline))
	}
	r.bandOfPermutations(p, trained)
	r.judge(p, trained, draws)
	if r.PerImage {
		var err error
		if p.Samples, err = r.samples(trained); err != nil {
			return err
		}
	}
	if len(r.onMap) > 0 {
		p.Map = r.drawMap(trained)
	}
	return r.depth(p, trained)
}

// drawnOf sets what the untrained networks are at a layer: means over the draws.
func (r *runner) drawnOf(l *result.Layer, draws []drawn, at int) {
	l.Untrained = &result.KNN{True: result.Accuracy{}}
	for _, k := range r.K {
		l.Untrained.True[k] = result.Number(meanOf(accuracies(draws, at, 0, k)))
	}
	headline := accuracies(draws, at, 0, r.Headline)
	l.Draws = &result.Draws{Mean: l.Untrained.True[r.Headline], SD: result.Number(deviation(headline)), Rank: 1}
	for _, a := range headline {
		l.Draws.Accuracies = append(l.Draws.Accuracies, result.Number(a))
		if a > l.KNN.True.At(r.Headline) {
			l.Draws.Rank++
		}
	}
	for key, v := range draws[0].Layers[at].Values {
		l.Values["untrained_"+key] = v
	}
}

// accuracies are those of the draws at a layer and a bank.
func accuracies(draws []drawn, at, bank, k int) []float64 {
	var out []float64
	for _, d := range draws {
		out = append(out, d.Layers[at].Accuracy[bank].At(k))
	}
	return out
}

// bankValues sets the accuracies at the banks after the first.
func (r *runner) bankValues(l *result.Layer, banks []answers, draws []drawn, at int) {
	for i, a := range banks {
		if l.Values == nil {
			l.Values = result.Values{}
		}
		name := bankKey(r.banks[i+1])
		l.Values[name+".true"] = result.Number(a.accuracy.At(r.Headline))
		if len(draws) > 0 {
			l.Values[name+".untrained"] = result.Number(meanOf(accuracies(draws, at, i+1, r.Headline)))
		}
	}
}

func bankKey(b bank) string { return "knn_" + strings.ReplaceAll(b.name, "-", "_") }

// bankMetric describes the accuracies at a bank.
func bankMetric(b bank, draws int, untrained bool) result.Metric {
	m := result.Neighbours()
	m.Name = bankKey(b)
	m.Title += ", bank " + b.name
	m.Settings = fmt.Sprintf("neighbours among %d images, of which the network has seen %d", b.hi-b.lo, b.seen)
	m.Parts = []result.Part{{Column: "true." + b.name, Key: m.Name + ".true", Label: "true labels"}}
	if untrained {
		m.Parts = append(m.Parts, result.Part{Column: "untrained." + b.name, Key: m.Name + ".untrained",
			Label: fmt.Sprintf("true labels, untrained network, mean of %d", draws)})
	}
	return m
}

// fit compares the network's own predictions with the labels.
func (r *runner) fit(p *result.Probe, n *network) {
	p.Fit.Augmented = r.FitAugmented
	if n.train != nil {
		if !r.data.foreign() {
			p.Fit.TrueClean = result.Some(knn.Accuracy(n.train, r.trainLabels))
		}
		if r.data.Assigned != nil {
			p.Fit.AssignedClean = result.Some(knn.Accuracy(n.train, r.data.Assigned))
		}
	}
	if n.test != nil && !r.data.foreign() {
		p.Fit.Test = result.Some(knn.Accuracy(n.test, r.testLabels))
	}
}

// maxConfusion is the classes beyond which there is no confusion matrix: it has the
// square of them, whatever the number of images.
const maxConfusion = 2048

// confusion counts the answers of a layer by true class; nil where there are too many.
func confusion(e *measured, truth []int, classes []string, k int) *result.Confusion {
	if len(classes) > maxConfusion {
		return nil
	}
	c := &result.Confusion{Layer: e.Name, K: k, Classes: classes, Counts: make([][]int, len(classes))}
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(classes))
	}
	for i, y := range truth {
		c.Counts[y][e.banks[0].called[i]]++
	}
	return c
}

func hits(called, truth []int) []bool {
	h := make([]bool, len(truth))
	for i, y := range truth {
		h[i] = called[i] == y
	}
	return h
}

// depth summarises the prediction depth over the test images.
func (r *runner) depth(p *result.Probe, n *network) error {
	if n.test == nil {
		return nil
	}
	d := &result.PredictionDepth{K: min(depthK, r.data.Train.N())}
	var predictions [][]int
	for _, l := range n.layers {
		d.Layers = append(d.Layers, l.Name)
		predictions = append(predictions, l.deep)
	}
	depths, err := Depth(predictions, n.test)
	if err != nil {
		return err
	}
	d.Counts = Histogram(depths, len(d.Layers)+1)
	for i := range p.Layers {
		l := &p.Layers[i]
		if l.Values == nil {
			l.Values = result.Values{}
		}
		l.Values["prediction_depth"] = result.Number(float64(d.Counts[i]) / float64(len(depths)))
	}
	mean, median := MeanMedian(depths)
	d.Mean, d.Median = result.Number(mean), result.Number(median)
	p.PredictionDepth = d
	return nil
}

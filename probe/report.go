package probe

import (
	"context"
	"fmt"
	"math"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// pixelBaseline classifies by the pixels as they are, in [0,1]. Banks that
// Options.MaxMemory does not hold are searched part by part.
func (r *runner) pixelBaseline(ctx context.Context, p *result.Probe) error {
	queries, truth := r.data.Test, r.testLabels
	if queries == nil {
		queries, truth = r.data.Train, r.trainLabels
	}
	d := 1
	for _, s := range r.data.Shape {
		d *= s
	}
	nb, err := r.pixelNeighbours(ctx, queries, d)
	if err != nil {
		return err
	}
	pred, err := r.classify(nb, r.trainLabels, r.K)
	if err != nil {
		return err
	}
	p.Baselines.PixelsKNN = r.accuracy(pred, truth)
	p.Baselines.Pixels = result.Some(p.Baselines.PixelsKNN.At(r.Headline))
	r.pixels = readPixels(r.data.Train, r.sample, d)
	return nil
}

// pixelNeighbours finds the nearest images of the bank, as many as the greatest
// k, and one more where an image may be its own.
func (r *runner) pixelNeighbours(ctx context.Context, queries Split, d int) (*knn.Neighbors, error) {
	k := r.K[len(r.K)-1]
	part := max(int(r.MaxMemory/int64(10*d)), k+1)
	all := &knn.Neighbors{Queries: 0, K: k}
	for q := 0; q < queries.N(); q += part {
		asked := readPixels(queries, span(q, min(q+part, queries.N())), d)
		var found *knn.Neighbors
		for b := 0; b < r.data.Train.N(); b += part {
			bank := readPixels(r.data.Train, span(b, min(b+part, r.data.Train.N())), d)
			nb, err := r.partNeighbours(ctx, bank, asked, k, r.testLabels == nil && q == b)
			if err != nil {
				return nil, err
			}
			if found, err = found.Merge(nb, b, k); err != nil {
				return nil, err
			}
		}
		all.Queries += found.Queries
		all.Index = append(all.Index, found.Index...)
		all.Distance = append(all.Distance, found.Distance...)
	}
	return all, nil
}

func (r *runner) partNeighbours(ctx context.Context, bank, asked Features, k int, self bool) (*knn.Neighbors, error) {
	if self && bank.N == 1 {
		return &knn.Neighbors{Queries: 1}, nil
	}
	index, err := knn.New(ctx, r.Workers, bank.Data, bank.N, bank.D, r.Metric)
	switch {
	case err != nil:
		return nil, fmt.Errorf("probe: pixels: %w", err)
	case self:
		return index.LeaveOneOut(ctx, min(k, bank.N-1))
	}
	return index.Search(ctx, asked.Data, asked.N, min(k, bank.N))
}

func readPixels(s Split, images []int, d int) Features {
	f := Features{len(images), d, make([]float32, len(images)*d)}
	for i, image := range images {
		s.Float32(f.Row(i), image)
	}
	return f
}

func span(lo, hi int) []int {
	s := make([]int, hi-lo)
	for i := range s {
		s[i] = lo + i
	}
	return s
}

// report fills in what was measured.
func (r *runner) report(p *result.Probe, trained, untrained *network) error {
	r.fit(p, trained)
	for i, l := range trained.layers {
		if untrained != nil {
			u := untrained.layers[i]
			l.Untrained = &u.KNN
			for key, v := range u.Values {
				l.Values["untrained_"+key] = v
			}
		}
		p.Layers = append(p.Layers, l.Layer)
	}
	e := trained.layers[r.embedding]
	truth := r.testLabels
	if truth == nil {
		truth = r.trainLabels
	}
	p.Confusion = confusion(e, truth, r.data.Classes, r.Headline)
	if untrained != nil {
		p.Baselines.UntrainedKNN = untrained.layers[r.embedding].KNN.True
		p.Baselines.Untrained = result.Some(p.Baselines.UntrainedKNN.At(r.Headline))
		if u, fit := untrained.layers[r.embedding], result.BestFit(p.Fit.AssignedClean.Value(), p.Fit.Augmented.Value()); u.called != nil && !math.IsNaN(fit) {
			p.Verdict = verdict(e.Name, fit, p.Data.AssignedTrue.Value(), hits(e.called, truth), hits(u.called, truth), r.Seed)
		}
	}
	return r.depth(p, trained)
}

// fit compares the network's own predictions with the labels.
func (r *runner) fit(p *result.Probe, n *network) {
	p.Fit.Augmented = r.FitAugmented
	if n.train != nil {
		p.Fit.TrueClean = result.Some(knn.Accuracy(n.train, r.trainLabels))
		if r.data.Assigned != nil {
			p.Fit.AssignedClean = result.Some(knn.Accuracy(n.train, r.data.Assigned))
		}
	}
	if n.test != nil {
		p.Fit.Test = result.Some(knn.Accuracy(n.test, r.testLabels))
	}
}

func confusion(e measured, truth []int, classes []string, k int) *result.Confusion {
	c := &result.Confusion{Layer: e.Name, K: k, Classes: classes, Counts: make([][]int, len(classes))}
	for i := range c.Counts {
		c.Counts[i] = make([]int, len(classes))
	}
	for i, y := range truth {
		c.Counts[y][e.called[i]]++
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

package probe

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"memprobe/internal/memory"
	"memprobe/internal/parallel"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// pixelBaseline classifies by the pixels as they are, in [0,1], at every bank and, at
// the first, with views beside the images.
func (r *runner) pixelBaseline(ctx context.Context, p *result.Probe) error {
	d := r.raw.size
	if len(r.kept.Pixels) != len(r.banks) {
		r.kept.Pixels, r.kept.changed = make([]drawnLayer, len(r.banks)), true
		for i := range r.banks {
			b := &r.banks[i]
			a, err := r.pixelAnswers(ctx, part{r.raw.of(r.images), b.lo, b.hi - b.lo}, b, d, 1)
			if err != nil {
				return err
			}
			r.kept.Pixels[i].answer(a)
		}
	}
	augmented, known := r.kept.Augmented[r.viewsName()]
	if b := r.banks[0]; r.Augmentation != nil && !known {
		views := withViews{part{r.images, b.lo, b.hi - b.lo}, r.Augmentation, r.Views, d}
		b.labels = labelsOf(views)
		a, err := r.pixelAnswers(ctx, views, &b, d, r.Views+1)
		if err != nil {
			return err
		}
		augmented.answer(a)
		if r.kept.Augmented == nil {
			r.kept.Augmented = map[string]drawnLayer{}
		}
		r.kept.Augmented[r.viewsName()], r.kept.changed = augmented, true
	}
	n := len(r.banks[0].truth)
	for i, a := range r.kept.Pixels {
		p.Data.Banks[i].Pixels = result.Some(a.Accuracy[0].At(r.Headline))
	}
	first := r.kept.Pixels[0]
	r.pixelRight = unpack(first.Right[0], n)
	p.Baselines.PixelsKNN, p.Baselines.Pixels = first.Accuracy[0], p.Data.Banks[0].Pixels
	if r.Augmentation != nil {
		r.augmentedRight = unpack(augmented.Right[0], n)
		p.Baselines.AugmentedPixels = result.Some(augmented.Accuracy[0].At(r.Headline))
	}
	if slices.ContainsFunc(r.metrics, func(m Metric) bool { return m.Measure != nil }) {
		r.pixels = readPixels(r.Workers, r.raw.of(r.data.Train), r.sample, d)
	}
	r.joinedRight = make([][]bool, len(r.layers))
	return nil
}

// withViews are images, each followed by views of it.
type withViews struct {
	images  Split
	augment func(dst, src []float32, image, view int)
	views   int
	size    int // elements of an image
}

func (s withViews) N() int          { return s.images.N() * (s.views + 1) }
func (s withViews) Label(i int) int { return s.images.Label(i / (s.views + 1)) }

func (s withViews) Float32(dst []float32, i int) {
	image, view := i/(s.views+1), i%(s.views+1)
	if view == 0 {
		s.images.Float32(dst, image)
		return
	}
	src := make([]float32, s.size)
	s.images.Float32(src, image)
	s.augment(dst, src, image, view-1)
}

// pixelAnswers has the nearest images of a bank vote, which has so many of each of its
// own: that image and views of it.
func (r *runner) pixelAnswers(ctx context.Context, images Split, b *bank, d, each int) (answers, error) {
	read := func(s Split) rows {
		return rows{s.N(), d, func(dst Features, lo int) {
			r.Workers.For(dst.N, func(_, i int) { s.Float32(dst.Row(i), lo+i) })
		}}
	}
	queries := read(part{r.raw.of(r.images), b.lo, b.hi - b.lo})
	if r.testLabels != nil {
		queries, each = read(r.raw.of(r.data.Test)), 0
	}
	nb, err := r.inParts(ctx, r.Options.Metric, read(images), queries, each)
	if err != nil {
		return answers{}, fmt.Errorf("probe: pixels: %w", err)
	}
	return r.answersOf(nb, b)
}

// rows are features that are read a stretch at a time: read writes those from lo on.
type rows struct {
	n, d int
	read func(dst Features, lo int)
}

// stretches calls do with so many rows at a time, and where they begin; the next ones take
// their memory.
func (r rows) stretches(most int, do func(f Features, lo int) error) error {
	memory := make([]float32, min(most, r.n)*r.d)
	for lo := 0; lo < r.n; lo += most {
		n := min(most, r.n-lo)
		f := Features{n, r.d, memory[:n*r.d]}
		r.read(f, lo)
		if err := do(f, lo); err != nil {
			return err
		}
	}
	return nil
}

const (
	partBytes     = 32 << 20  // of pixels: to have pages from the system takes longer than to fill them
	partNeighbors = 64        // rows of a part for each neighbour: a part ranks the nearest of its own
	heldBytes     = 128 << 20 // of the pixels of a part and of the queries that it is compared with, each
)

// inParts finds the nearest rows of a bank, as many as the greatest k, by parts of heldBytes, or of
// what half of Options.MaxMemory holds, or of what the process may take. The bank has so many rows of each
// query's own, those of query i from i·own on, which are not among its neighbours.
func (r *runner) inParts(ctx context.Context, metric knn.Metric, bank, queries rows, own int) (*knn.Neighbors, error) {
	k := r.K[len(r.K)-1]
	most := max(int(min(r.MaxMemory/20, memory.Left()/20, heldBytes/4)/int64(bank.d)), k+own)
	part := min(most, max(partBytes/(4*bank.d), partNeighbors*(k+own)))
	all := &knn.Neighbors{Queries: queries.n, K: k}
	err := queries.stretches(most, func(asked Features, q int) error {
		var found *knn.Neighbors
		err := bank.stretches(part, func(some Features, b int) error {
			index, err := knn.New(ctx, r.Workers, some.Data, some.N, some.D, metric)
			if err != nil {
				return err
			}
			nb, err := index.Search(ctx, asked.Data, asked.N, min(k+own, some.N))
			if err == nil {
				found, err = found.Merge(nb, b, k+own)
			}
			runtime.GC() // an index is half of a part, and of many the collector would leave as much again as is held
			return err
		})
		if err != nil {
			return err
		}
		for i := range asked.N {
			at, distance := found.Row(i)
			for j, left := 0, k; left > 0; j++ {
				if own == 0 || int(at[j])/own != q+i {
					all.Index, all.Distance = append(all.Index, at[j]), append(all.Distance, distance[j])
					left--
				}
			}
		}
		return nil
	})
	return all, err
}

func readPixels(pool *parallel.Pool, s Split, images []int, d int) Features {
	f := Features{len(images), d, make([]float32, len(images)*d)}
	pool.For(len(images), func(_, i int) { s.Float32(f.Row(i), images[i]) })
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

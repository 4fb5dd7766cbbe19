package probe

import (
	"context"
	"math"
	"slices"

	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// minFit is the fit that counts as memorized.
const minFit = 0.9

// The baselines of margins, as result.Layer.Margins names them.
const (
	overNothing         = "" // the accuracy itself
	overUntrained       = "untrained"
	overPixels          = "pixels"
	overAugmentedPixels = "augmented_pixels"
	joinedPixels        = "joined_pixels" // of the pixels joined with the layer, over the pixels
)

// word says what an interval of the margin over the untrained network means, given
// those over pixels.
//
//	malign                wholly below −δ
//	preserved             within ±δ
//	benign                wholly above δ
//	benign beyond pixels  and so are the margins over all pixels
//	unclear               none of these
func word(margin result.Interval, pixels []result.Interval, delta float64) string {
	above := func(i result.Interval) bool { return i.Low() > delta }
	switch {
	case margin.High() < -delta:
		return result.Malign
	case above(margin) && len(pixels) > 0 &&
		!slices.ContainsFunc(pixels, func(i result.Interval) bool { return !above(i) }):
		return result.BenignBeyondPixels
	case above(margin):
		return result.Benign
	case margin.Low() >= -delta && margin.High() <= delta:
		return result.Preserved
	}
	return result.Unclear
}

// judge fills in draws, margins, bands and verdicts.
func (r *runner) judge(p *result.Probe, trained *network, draws []drawn) {
	o := r.outcomes(trained, draws)
	names := []string{overNothing, overPixels}
	comparisons := []comparison{o.over(make([]bool, len(r.banks[0].truth))), o.over(r.pixelRight)}
	if r.augmentedRight != nil {
		names, comparisons = append(names, overAugmentedPixels), append(comparisons, o.over(r.augmentedRight))
	}
	if slices.ContainsFunc(r.joinedRight, func(b []bool) bool { return b != nil }) {
		joined := outcomes{trained: r.joinedRight}
		names, comparisons = append(names, joinedPixels), append(comparisons, joined.over(r.pixelRight))
	}
	if len(draws) > 0 {
		names, comparisons = append(names, overUntrained), append(comparisons, o.overUntrained())
	}
	again := resample(r.Workers, len(r.banks[0].truth), resamples, r.Seed, comparisons...)
	r.depths(p, &again[0])
	for c, name := range names[1:] {
		c++
		own, bands := again[c].intervals()
		for l := range p.Layers {
			if math.IsNaN(again[c].margin[l]) {
				continue
			}
			m := result.Margin{Margin: result.Number(again[c].margin[l]), CI: own[l], Band: bands[l]}
			switch name {
			case overPixels:
				m.McNemar = mcNemar(o.trained[l], r.pixelRight)
			case overAugmentedPixels:
				m.McNemar = mcNemar(o.trained[l], r.augmentedRight)
			case joinedPixels:
				m.McNemar = mcNemar(r.joinedRight[l], r.pixelRight)
			case overUntrained:
				m.McNemar = mcNemar(o.trained[l], o.untrained[0][l])
			}
			if p.Layers[l].Margins == nil {
				p.Layers[l].Margins = map[string]result.Margin{}
			}
			p.Layers[l].Margins[name] = m
		}
	}
	r.decide(p)
}

// outcomes are the right answers at the first bank.
func (r *runner) outcomes(trained *network, draws []drawn) *outcomes {
	o := new(outcomes)
	for _, l := range trained.layers {
		o.trained = append(o.trained, l.banks[0].right)
	}
	for _, d := range draws {
		layers := make([][]bool, len(d.Layers))
		for l := range d.Layers {
			layers[l] = unpack(d.Layers[l].Right[0], len(r.banks[0].truth))
		}
		o.untrained = append(o.untrained, layers)
	}
	return o
}

// decide gives the verdicts: at the embedding by the intervals of its own margins, at
// each layer by the bands.
func (r *runner) decide(p *result.Probe) {
	fit := result.BestFit(p.Fit.AssignedClean.Value(), p.Fit.Augmented.Value())
	e := &p.Layers[r.embedding]
	margin, ok := e.Margins[overUntrained]
	if !ok || math.IsNaN(fit) {
		return
	}
	v := &result.Verdict{Layer: e.Name, Fit: result.Number(fit), Probe: result.Number(e.KNN.True.At(r.Headline)),
		Untrained: result.Number(e.Untrained.True.At(r.Headline)), Margin: margin.Margin, CI: margin.CI,
		Draws: len(e.Draws.Accuracies), Resamples: resamples, MinFit: minFit, MinMargin: result.Number(r.Margin)}
	over := func(l *result.Layer, of func(m result.Margin) result.Interval) (untrained result.Interval,
		pixels []result.Interval) {
		for _, name := range []string{overPixels, overAugmentedPixels} {
			if m, ok := l.Margins[name]; ok {
				pixels = append(pixels, of(m))
			}
		}
		return of(l.Margins[overUntrained]), pixels
	}
	switch {
	case !(fit >= minFit):
		v.Word = result.NotMemorized
	case p.Data.AssignedTrue.Value() == 1:
		v.Word = result.TrueLabels
	default:
		untrained, pixels := over(e, func(m result.Margin) result.Interval { return m.CI })
		v.Word = word(untrained, pixels, r.Margin)
		for i := range p.Layers {
			if l := &p.Layers[i]; l.Role != Input && len(l.Margins) > 0 {
				untrained, pixels := over(l, func(m result.Margin) result.Interval { return m.Band })
				l.Verdict = word(untrained, pixels, r.Margin)
			}
		}
	}
	if m, ok := e.Margins[overPixels]; ok {
		v.OverPixels = &m
		if r.raw.counts() {
			v.Raw = p.RawName()
		}
	}
	v.Reason = v.Why()
	p.Verdict = v
}

// joined has the nearest neighbours by the pixels joined with the embedding vote, each
// of the two scaled to norm 1, where the pixels alone are better than the embedding:
// what it adds to them (conditional probing: Hewitt et al. 2021). It is nil where the
// embedding is better, and of other layers.
func (r *runner) joined(ctx context.Context, at int, f layerFeatures, a answers) ([]bool, error) {
	if at != r.embedding {
		return nil, nil
	}
	images := r.takePixelIndex()
	if count(a.right) > count(r.pixelRight) {
		return nil, nil
	}
	b := &r.banks[0]
	n, d := b.hi-b.lo, f.images.D
	bank := joint{part{r.raw.of(r.images), b.lo, n}, Features{n, d, f.images.Data[b.lo*d : b.hi*d]}}
	queries, each := bank, 1
	if r.testLabels != nil {
		queries, each = joint{r.raw.of(r.data.Test), f.test}, 0
	}
	nb, err := r.besides(ctx, images, bank, queries, each)
	if err != nil {
		return nil, err
	}
	answered, err := r.answersOf(nb, b)
	return answered.right, err
}

// joint are images and their features.
type joint struct {
	images   Split
	features Features
}

// besides finds the nearest rows of a bank by pixels with features beside them, which has so many of
// each query's own: by bytes, or in parts where that cannot be. images is an index of the bank's, or nil.
func (r *runner) besides(ctx context.Context, images *knn.Index, bank, queries joint, own int) (*knn.Neighbors, error) {
	k := r.K[len(r.K)-1]
	as := func(j joint) knn.Joined {
		return knn.Joined{Images: splitRows{j.images}, Features: j.features.Data, N: j.features.N, D: r.raw.size, E: j.features.D}
	}
	if found := knn.SearchJoined(ctx, r.Workers, images, as(bank), as(queries), k+own); found != nil {
		all := &knn.Neighbors{Queries: found.Queries, K: k}
		withoutOwn(all, found, 0, own)
		return all, nil
	}
	return r.inParts(ctx, knn.Euclidean, r.join(bank), r.join(queries), own)
}

// join puts the pixels of images before their features, each scaled to norm 1; zeros
// stay.
func (r *runner) join(j joint) rows {
	s, f, pixels := j.images, j.features, r.raw.size
	d := pixels + f.D
	return rows{f.N, d, func(dst Features, lo int) {
		r.Workers.For(dst.N, func(_, i int) {
			row := dst.Row(i)
			s.Float32(row[:pixels], lo+i)
			copy(row[pixels:], f.Row(lo+i))
			knn.Normalize(row[:pixels])
			knn.Normalize(row[pixels:])
		})
	}}
}

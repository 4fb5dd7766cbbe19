package probe

import (
	"context"
	"fmt"
	"runtime"
	"slices"

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
		if r.inputAsIs() >= 0 {
			if err := r.measureInput(ctx); err != nil {
				return fmt.Errorf("probe: pixels: %w", err)
			}
			for i, a := range r.input.banks {
				r.kept.Pixels[i].answer(a)
			}
		} else {
			for i := range r.banks {
				b := &r.banks[i]
				a, err := r.pixelAnswers(ctx, part{r.raw.of(r.images), b.lo, b.hi - b.lo}, b, d, 1)
				if err != nil {
					return err
				}
				r.kept.Pixels[i].answer(a)
			}
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

// inputAsIs is the layer that has the pixels as they are, bit for bit; -1: none.
func (r *runner) inputAsIs() int {
	if !r.in.exact || r.Mean != nil {
		return -1
	}
	return slices.IndexFunc(r.layers, func(l Layer) bool { return l.Role == Input && l.Op == "" })
}

// inputLayer is the layer that has the pixels as they are, before any network runs.
type inputLayer struct {
	*found
	features layerFeatures
}

// measureInput finds the neighbours of the input layer. Its images are read again rather than
// held: they are many times as large as the features of the layers of most networks.
func (r *runner) measureInput(ctx context.Context) error {
	d := r.raw.size
	f := layerFeatures{images: Features{N: r.images.N(), D: d}, from: r.images, stage: "raw pixels, neighbours"}
	if n := len(r.testLabels); n > 0 {
		f.test, f.fromTest = Features{N: n, D: d}, r.data.Test
	}
	near, err := r.find(ctx, f)
	if err == nil && r.images.N()*d > keptPixels {
		near.index = nil
	}
	r.input = &inputLayer{near, f}
	return err
}

// takePixelIndex returns the index in which the pixels' neighbours were found, which is kept no longer;
// nil if there is none or it is not of the first bank.
func (r *runner) takePixelIndex() *knn.Index {
	if r.input == nil {
		return nil
	}
	index := r.input.index
	r.input.index = nil
	if b := r.banks[0]; b.lo > 0 || b.hi != r.data.Train.N() {
		return nil
	}
	return index
}

// readsInput tells whether a layer is the input that measureInput measured, of which no more is
// asked than images can be read for.
func (r *runner) readsInput(layer int) bool {
	return r.input != nil && layer == r.inputAsIs() && layer != r.embedding && r.Against == nil &&
		!slices.ContainsFunc(r.metrics, func(m Metric) bool { return m.Measure != nil })
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
// their place in held, which has room for as many.
func (r rows) stretches(held []float32, most int, do func(f Features, lo int) error) error {
	for lo := 0; lo < r.n; lo += most {
		n := min(most, r.n-lo)
		f := Features{n, r.d, held[:n*r.d]}
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
	keptPixels    = 128 << 20 // of images whose index is kept while the network runs
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
	asking := min(most, queries.n) * queries.d
	held := r.spare.borrow(asking + min(part, bank.n)*bank.d)
	defer r.spare.give(held)
	err := queries.stretches(held[:asking], most, func(asked Features, q int) error {
		var found *knn.Neighbors
		err := bank.stretches(held[asking:], part, func(some Features, b int) error {
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
		withoutOwn(all, found, q, own)
		return nil
	})
	return all, err
}

// withoutOwn adds to all the nearest of the neighbours that were found of the queries from q on which
// are none of a query's own.
func withoutOwn(all, found *knn.Neighbors, q, own int) {
	for i := range found.Queries {
		at, distance := found.Row(i)
		for j, left := 0, all.K; left > 0; j++ {
			if own == 0 || int(at[j])/own != q+i {
				if all.Index = append(all.Index, at[j]); distance != nil {
					all.Distance = append(all.Distance, distance[j])
				}
				left--
			}
		}
	}
}

func readPixels(pool *parallel.Pool, s Split, images []int, d int) Features {
	f := Features{len(images), d, make([]float32, len(images)*d)}
	pool.For(len(images), func(_, i int) { s.Float32(f.Row(i), images[i]) })
	return f
}

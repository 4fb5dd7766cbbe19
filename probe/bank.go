package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"memprobe/internal/suggest"
	"memprobe/probe/knn"
	"memprobe/probe/result"
)

// The banks: which images the nearest neighbours are looked for among.
const (
	AllImages   = "all"      // all training images of the set, whatever the network was trained on
	TrainImages = "train"    // those that the network was trained on
	HeldOut     = "held-out" // those that it was not
)

// Banks returns the names of the banks.
func Banks() []string { return []string{AllImages, TrainImages, HeldOut} }

// CheckBanks returns an error that names the first of banks that there is not, or that
// is there twice.
func CheckBanks(banks []string) error {
	for i, b := range banks {
		if err := suggest.OneOf(b, Banks()); err != nil {
			return err
		}
		if slices.Contains(banks[:i], b) {
			return fmt.Errorf("%q is there twice, want some of %s, each once", b, strings.Join(Banks(), ", "))
		}
	}
	return nil
}

// bank is a stretch of the training images: those that the network was trained on come
// first, then the rest.
type bank struct {
	name   string
	lo, hi int
	seen   int // of its images, by the network
	labels []int
	truth  []int // of the queries: the test images, or its own, each left out once
}

// both are the training images of a set, those that a network was trained on first.
type both struct{ train, rest Split }

func (b both) Fetch(i int) {
	if n := b.train.N(); i >= n {
		fetch(b.rest, i-n)
		return
	}
	fetch(b.train, i)
}

func (b both) Pixels(i int) []uint8 {
	if n := b.train.N(); i >= n {
		return bytesOf(b.rest, i-n)
	}
	return bytesOf(b.train, i)
}

func (b both) N() int { return b.train.N() + b.rest.N() }

func (b both) Label(i int) int {
	if n := b.train.N(); i >= n {
		return b.rest.Label(i - n)
	}
	return b.train.Label(i)
}

func (b both) Float32(dst []float32, i int) {
	if n := b.train.N(); i >= n {
		b.rest.Float32(dst, i-n)
		return
	}
	b.train.Float32(dst, i)
}

// part is a stretch of a split.
type part struct {
	Split
	lo, n int
}

func (p part) Fetch(i int)                  { fetch(p.Split, p.lo+i) }
func (p part) Pixels(i int) []uint8         { return bytesOf(p.Split, p.lo+i) }
func (p part) N() int                       { return p.n }
func (p part) Label(i int) int              { return p.Split.Label(p.lo + i) }
func (p part) Float32(dst []float32, i int) { p.Split.Float32(dst, p.lo+i) }

// chooseBanks finds the stretches that the options ask for. Without images that the
// network was not trained on, all and train are one bank.
func (r *runner) chooseBanks() error {
	if err := CheckBanks(r.Bank); err != nil {
		return fmt.Errorf("probe: bank %w", err)
	}
	n := r.data.Train.N()
	r.images = r.data.Train
	if r.data.Rest != nil && r.data.Rest.N() > 0 && !slices.Equal(r.Bank, []string{TrainImages}) {
		r.images = both{r.data.Train, r.data.Rest}
	}
	labels := labelsOf(r.images)
	for _, name := range r.Bank {
		b := bank{name: name, lo: 0, hi: len(labels), seen: n}
		switch name {
		case TrainImages:
			b.hi = n
		case HeldOut:
			b.lo, b.seen = n, 0
		}
		if b.hi-b.lo < 2 {
			return fmt.Errorf("probe: bank %q has %d images, want at least 2: the network was trained on %d of %d", name,
				b.hi-b.lo, n, len(labels))
		}
		b.labels = labels[b.lo:b.hi]
		if b.truth = r.testLabels; b.truth == nil {
			b.truth = b.labels
		}
		if most := r.K[len(r.K)-1]; most > b.hi-b.lo-1 {
			return fmt.Errorf("probe: k is %v, want between 1 and %d, one less than bank %q has images", r.K, b.hi-b.lo-1, name)
		}
		r.banks = append(r.banks, b)
	}
	return checkLabels("training labels", labels, len(labels), len(r.data.Classes))
}

// answers are what a bank's neighbours say of the queries.
type answers struct {
	accuracy result.Accuracy
	called   []int          // by the vote at the headline k
	right    []bool         // called is the truth
	near     *knn.Neighbors // nil unless another network is compared with
}

func (r *runner) answersOf(nb *knn.Neighbors, b *bank) (answers, error) {
	pred, err := r.classify(nb, b.labels, r.K)
	if err != nil {
		return answers{}, err
	}
	called := pred[slices.Index(r.K, r.Headline)]
	return answers{accuracy: r.accuracy(pred, b.truth), called: called, right: hits(called, b.truth)}, nil
}

// ask has the neighbours of the queries in each bank vote. seen, if not nil, finds them
// among the images that the network was trained on.
func (r *runner) ask(ctx context.Context, f layerFeatures, seen *neighbourhood) ([]answers, error) {
	var out []answers
	for i := range r.banks {
		b := &r.banks[i]
		near := seen
		if near == nil || b.lo > 0 || b.hi != near.n {
			var err error
			if near, err = r.neighbourhood(ctx, f, b.lo, b.hi, r.K[len(r.K)-1]); err != nil {
				return nil, err
			}
		}
		nb, err := near.ofQueries(ctx)
		if err != nil {
			return nil, err
		}
		a, err := r.answersOf(nb, b)
		if err != nil {
			return nil, err
		}
		if r.Against != nil && i == 0 {
			a.near = nb
		}
		out = append(out, a)
	}
	return out, nil
}

// neighbourhood finds neighbours among some images, each kind once: as many as anything
// that asks for them wants, since the nearest of more are the nearest.
type neighbourhood struct {
	*knn.Index
	n       int      // images
	k, left int      // neighbours of the queries and of the images, each left out once, if there are as many
	test    knn.Rows // the queries; nil: the images are
	tests   int      // queries
	both    bool     // both kinds are asked for, so one pass over the images finds them
	queries *knn.Neighbors
	own     *knn.Neighbors
}

// neighbourhood is that of the images from lo to hi, of k neighbours of either kind.
func (r *runner) neighbourhood(ctx context.Context, f layerFeatures, lo, hi, k int) (*neighbourhood, error) {
	d := f.images.D
	var index *knn.Index
	var err error
	if f.from != nil {
		index, err = knn.NewOf(ctx, r.Workers, splitRows{part{f.from, lo, hi - lo}}, hi-lo, d, r.Metric)
	} else {
		index, err = knn.New(ctx, r.Workers, f.images.Data[lo*d:hi*d], hi-lo, d, r.Metric)
	}
	if err != nil {
		return nil, err
	}
	if r.Vote == knn.Uniform {
		index.OrderAlone() // no vote weighs by distance
	}
	if r.Progress != nil {
		index.Progress = func(done, total int) { r.Progress(f.stage, done, total) }
	}
	x := &neighbourhood{Index: index, n: hi - lo, k: k, left: k, tests: f.test.N}
	switch {
	case f.fromTest != nil:
		x.test = splitRows{f.fromTest}
	case f.test.N > 0:
		x.test = featureRows{f.test}
	}
	return x, nil
}

// ofQueries are the neighbours of the test images, or of the images themselves, each left
// out once, where there are none.
func (x *neighbourhood) ofQueries(ctx context.Context) (_ *knn.Neighbors, err error) {
	switch {
	case x.test == nil:
		return x.leftOut(ctx)
	case x.queries != nil:
	case x.both && x.own == nil:
		x.queries, x.own, err = x.BothOf(ctx, x.test, x.tests, min(x.k, x.n), min(x.left, x.n-1))
	default:
		x.queries, err = x.SearchOf(ctx, x.test, x.tests, min(x.k, x.n))
	}
	return x.queries, err
}

// leftOut are the neighbours of the images, each left out once.
func (x *neighbourhood) leftOut(ctx context.Context) (_ *knn.Neighbors, err error) {
	if x.own == nil {
		x.own, err = x.LeaveOneOut(ctx, min(x.left, x.n-1))
	}
	return x.own, err
}

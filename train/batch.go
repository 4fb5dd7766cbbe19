package train

import (
	"fmt"

	"memprobe/internal/fault"
	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/train/augment"
	"memprobe/train/dataset"
	"memprobe/train/labels"
)

// batcher makes the batches of a run: images, augmented, mixed and normalised, and
// soft targets. The pool shares the work out by rows between two steps, so that
// all threads are at work all the time.
type batcher struct {
	set      *dataset.Set
	pool     *parallel.Pool
	seed     uint64
	views    int
	samples  int // an epoch has
	assigned []int32
	scheme   labels.Scheme
	labels   uint64 // their seed
	ideal    *augment.Ideal
	bases    []int // with ideal, the image of each sample
	group    int   // with ideal, the number of views
	smooth   float32
	mixer    augment.Mixer
	mean     []float32 // with std, of each channel, by which pixels are normalised
	std      []float32
	scratch  []augmenter // by worker of the pool

	// The batch that is being filled.
	x, target []float32
	rows      []int
	epoch     uint64
	fillRow   func(worker, row int)
}

// augmenter is the memory of one worker.
type augmenter struct {
	*augment.Worker
	image []float32
}

func newBatcher(c *Config, set *dataset.Set, pool *parallel.Pool) (*batcher, error) {
	b := &batcher{
		set: set, pool: pool.Stoppable(), seed: c.Seed, views: c.Views, samples: set.Train.N(),
		labels: c.LabelSeed, smooth: float32(c.LabelSmoothing), mixer: augment.Mixer{Mixup: c.Mixup, CutMix: c.CutMix},
	}
	var err error
	if b.scheme, err = labels.Parse(c.Labels); err != nil {
		return nil, &ConfigError{"labels", err}
	}
	if k := b.scheme.Classes; k > set.Train.N() {
		return nil, &ConfigError{"labels",
			fmt.Errorf("%q, want at most as many classes as training images, %d", c.Labels, set.Train.N())}
	}
	b.assigned = Assigned(set, b.scheme, c.LabelSeed, c.IdealViews)
	if c.IdealViews > 0 {
		b.ideal, b.group = augment.NewIdeal(c.LabelSeed, set.Train.Labels(), c.IdealViews), c.IdealViews
		for i := range set.Train.N() {
			if b.ideal.Base(i) == i {
				b.bases = append(b.bases, i)
			}
		}
		b.samples = len(b.bases)
	}
	if set.Arrays != nil {
		return nil, fault.Errorf(set.Spec, "holds the arrays %v; networks are trained on images or vectors", set.Arrays)
	}
	if b.mean, b.std, err = dataset.Normalization(c.Normalize, set.C); err != nil {
		return nil, &ConfigError{"normalize", err}
	}
	if err := set.CheckNormalization(c.Normalize); err != nil {
		return nil, err
	}
	pipeline, err := augment.Parse(c.Augment)
	if err != nil {
		return nil, &ConfigError{"augment", err}
	}
	if pipeline.String() != "none" {
		if err := set.CheckUnit(); err != nil {
			return nil, err
		}
	}
	for range pool.Threads() {
		w, err := pipeline.Worker(set.C, set.H, set.W)
		if err != nil {
			return nil, &ConfigError{"augment", err}
		}
		b.scratch = append(b.scratch, augmenter{w, make([]float32, set.C*set.H*set.W)})
	}
	b.fillRow = b.row
	return b, nil
}

// fill writes the batch of a step: x [n,C,H,W] and target [n,classes] for the
// samples in rows.
func (b *batcher) fill(x, target []float32, rows []int, epoch, step int) {
	b.x, b.target, b.rows, b.epoch = x, target, rows, uint64(epoch)
	b.pool.For(len(rows), b.fillRow)
	if mix := b.mixer.Draw(b.seed, b.epoch, uint64(step), len(rows), b.set.H, b.set.W); mix.Partner != nil {
		mix.Images(x, b.set.H, b.set.W)
		mix.Targets(target)
	}
}

// row fills one row of the batch.
func (b *batcher) row(worker, i int) {
	image, key, label := b.draw(b.rows[i])
	w := &b.scratch[worker]
	n := len(w.image)
	dst := b.x[i*n : (i+1)*n]
	b.set.Train.Float32(w.image, image)
	w.Apply(dst, w.image, key)
	dataset.Normalize(dst, b.mean, b.std)
	classes := len(b.target) / len(b.rows)
	target := b.target[i*classes : (i+1)*classes]
	for j := range target {
		target[j] = b.smooth / float32(classes)
	}
	target[label] += 1 - b.smooth
}

// draw returns the image that stands for a sample in this epoch, what its
// augmentation is a function of, and its label.
func (b *batcher) draw(sample int) (image int, key augment.Key, label int32) {
	if b.ideal != nil {
		base := b.bases[sample]
		image = b.ideal.Source(base, augment.ViewOf(b.seed, b.epoch, uint64(base), b.group))
		return image, augment.KeyOf(b.seed, b.epoch, uint64(image), 0), b.assigned[image]
	}
	key = augment.KeyOf(b.seed, b.epoch, uint64(sample), b.views)
	label = b.assigned[sample]
	if b.scheme.PerView {
		label = b.scheme.View(b.labels, sample, int(key.View), len(b.set.Classes))
	}
	return sample, key, label
}

// classes is how many classes the assigned labels have, and the network tells apart.
func (b *batcher) classes() int { return b.scheme.Of(len(b.set.Classes)) }

// foreign reports whether assigned labels have other classes than the true ones.
func (b *batcher) foreign() bool { return b.classes() != len(b.set.Classes) }

// Assigned returns the label that each training image is trained on. With ideal
// views > 0 an image has the label that was drawn for the base of its group.
func Assigned(set *dataset.Set, scheme labels.Scheme, seed uint64, idealViews int) []int32 {
	drawn := scheme.Draw(seed, set.Train.Labels(), len(set.Classes))
	if idealViews == 0 {
		return drawn
	}
	groups := augment.NewIdeal(seed, set.Train.Labels(), idealViews)
	out := make([]int32, len(drawn))
	for i := range out {
		out[i] = drawn[groups.Base(i)]
	}
	return out
}

// table returns the assigned labels as labels.npy holds them: [N], or [N,views]
// where each view has its own.
func (b *batcher) table() *tensor.Tensor {
	n := len(b.assigned)
	if !b.scheme.PerView {
		t := tensor.New(tensor.Int64, n)
		for i, y := range b.assigned {
			t.I64()[i] = int64(y)
		}
		return t
	}
	t := tensor.New(tensor.Int64, n, b.views)
	for i := range t.I64() {
		t.I64()[i] = int64(b.scheme.View(b.labels, i/b.views, i%b.views, len(b.set.Classes)))
	}
	return t
}

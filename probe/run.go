package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/probe/store"
	"memprobe/train/dataset"
)

// Options say how a model is probed. The zero value of a field is its default.
type Options struct {
	Layers      []string // names, patterns, "all", "blocks" (default); see Select
	Logits      string   // name of the tensor of scores; "": as onnx.Model.Logits finds it
	Pooling     Pooling
	K           []int // numbers of neighbours; default 20
	Headline    int   // the k of summaries; default 20 if among K, else the last of K
	Metric      knn.Metric
	Vote        knn.Vote
	Temperature float64   // of the softmax vote; default 0.07
	Mean, Std   []float32 // normalisation of pixels, one a channel; default none
	Batch       int       // default 64; a model of a fixed batch keeps its own
	Seed        uint64
	Workers     *parallel.Pool // nil: the caller's goroutine alone

	Bank []string // of Banks; default AllImages. The first is that of the verdict

	NoUntrained bool    // leave out the untrained networks
	Draws       int     // untrained networks; default 5
	Statistics  string  // of their normalisations, of StatisticsKinds; default InitialStatistics
	Margin      float64 // δ of the verdict; default 0.02
	// Keep is a folder that keeps the answers of untrained networks and pixels for
	// probes of the same architecture with the same images and settings; "": none.
	Keep string
	// Cost, if not nil, is told before untrained networks are run how many there are,
	// how many images each sees, and how long the trained one took for as many.
	Cost func(draws, images int, each time.Duration)
	// Augmentation writes views as the network saw them in training, as Augment does;
	// with it pixels with a bank of images and Views views of each are a baseline.
	Augmentation     func(dst, src []float32, image, view int)
	AugmentationName string // the pipeline, as it is printed

	// LeaveOneOut measures leave-one-out on the bank also where no assigned
	// labels and test images make it unnecessary.
	LeaveOneOut bool
	// PerImage describes each training image: result.Probe.Samples. Losses, if not nil,
	// adds what a run's losses tell of it.
	PerImage bool
	Losses   *Losses
	// FitAugmented is the fit on augmented batches, if it was measured; the verdict
	// counts the better of it and of the fit to images as they are.
	FitAugmented *result.Number

	// Augment writes view number view of an image (pixels in [0,1], [C,H,W]) to
	// dst; with it the invariance of every layer is measured. It is called from
	// several goroutines at once.
	Augment func(dst, src []float32, image, view int)
	Views   int // of an image; default 4
	Images  int // of the bank that views are made of; default 256

	Metrics []string // of MetricNames, or "all", for every layer
	Own     []Metric // further rows of the table of metrics
	Samples int      // of the bank for cka, rankme, twonn and nc1; default 2000
	Lambda  float64  // L2 penalty of the linear probe; default 1e-3

	// MaxMemory bounds the features held at a time, in bytes; default 2 GiB.
	// Layers beyond it take another pass over the data.
	MaxMemory int64

	// Store, if not nil, keeps the features of all layers but the input, of splits that
	// have a method Fingerprint() string. Program is what computes them, so that those
	// of another version are none. AugmentName is the pipeline of Augment, with its seed.
	Store                *store.Store
	Program, AugmentName string

	// Progress, if not nil, is told how many of total images are through a
	// stage.
	Progress func(stage string, done, total int)
}

// depthK is the number of neighbours of the prediction depth (Baldock et al.).
const depthK = 30

func (o Options) withDefaults() Options {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	if len(o.Layers) == 0 {
		o.Layers = []string{"blocks"}
	}
	if len(o.K) == 0 {
		o.K = []int{20}
	}
	o.K = slices.Compact(slices.Sorted(slices.Values(o.K)))
	if slices.Contains(o.K, 20) {
		set(&o.Headline, 20)
	}
	set(&o.Headline, o.K[len(o.K)-1])
	if o.Temperature == 0 {
		o.Temperature = 0.07
	}
	if len(o.Bank) == 0 {
		o.Bank = []string{AllImages}
	}
	o.Statistics = cmp.Or(o.Statistics, InitialStatistics)
	o.Margin = cmp.Or(o.Margin, 0.02)
	set(&o.Draws, 5)
	if o.Lambda == 0 {
		o.Lambda = 1e-3
	}
	if o.MaxMemory == 0 {
		o.MaxMemory = 2 << 30
	}
	set(&o.Batch, 64)
	set(&o.Views, 4)
	set(&o.Images, 256)
	set(&o.Samples, 2000)
	return o
}

// runner probes one model.
type runner struct {
	Options
	data           Data
	trainLabels    []int
	testLabels     []int // nil without test images
	input          string
	shape          []int // of a batch
	layers         []Layer
	pooling        []Pooling
	groups         [][]int  // of layers whose features are held at once
	embedding      int      // among layers
	sample         []int    // images of the bank that metrics look at
	viewed         []int    // images of the bank that views are made of
	pixels         Features // of sample
	images         Split    // those that the model was trained on, then the rest that banks have
	banks          []bank
	pixelRight     []bool // right answers of the pixels at the first bank
	augmentedRight []bool // of the bank of views; nil without Augmentation
	kept           kept
	joinedRight    [][]bool // of the pixels joined with each layer; nil where not measured
	metrics        []Metric
	known          LayerData // without features
	model          string    // fingerprint
	modelName      string
	prints         []store.Part // of images and of the test images; nil if their features are not stored
	testPrints     []store.Part
	stored         []int // layers whose features are stored
	held           []*store.Entry
	share          store.Share
}

// Run streams the data through the model, probes every layer that o asks for,
// and returns all but what only the caller knows: Tool, the model's Path and
// SHA256, and where the data came from. The result is the same, bit for bit, for
// any number of threads.
//
// Each layer's accuracy with the true labels is that of the test images against
// the bank (leave-one-out on the bank, if there are no test images); with the assigned
// labels it is leave-one-out on the images that the model was trained on, since no
// other has any. The features of the layers are held in memory a group at a
// time, as Options.MaxMemory allows.
func Run(ctx context.Context, m *onnx.Model, data Data, o Options) (*result.Probe, error) {
	r, err := newRunner(m, data, o.withDefaults())
	if err != nil {
		return nil, err
	}
	defer r.close()
	p := r.describe(m)
	if err := r.open(m); err != nil {
		return nil, err
	}
	if err := r.pixelBaseline(ctx, p); err != nil {
		return nil, err
	}
	began := time.Now()
	trained, err := r.network(ctx, m)
	if err != nil {
		return nil, err
	}
	draws, err := r.untrained(ctx, m, trained, time.Since(began))
	if err != nil {
		return nil, err
	}
	if len(draws) > 0 {
		share, err := Redrawn(m)
		if err != nil {
			return nil, err
		}
		p.Settings.Redrawn = result.Some(share)
	}
	return p, r.report(p, trained, draws)
}

func newRunner(m *onnx.Model, data Data, o Options) (*runner, error) {
	r := &runner{Options: o, data: data}
	if data.Test != nil && data.Test.N() == 0 {
		r.data.Test = nil
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	r.trainLabels = labelsOf(data.Train)
	if r.data.Test != nil {
		r.testLabels = labelsOf(data.Test)
	}
	if err := r.chooseBanks(); err != nil {
		return nil, err
	}
	if err := checkLabels("test labels", r.testLabels, len(r.testLabels), len(data.Classes)); err != nil {
		return nil, err
	}
	if err := checkLabels("assigned labels", data.Assigned, len(data.Assigned), data.assignedClasses()); err != nil {
		return nil, err
	}
	all, err := Layers(m, o.Batch, data.Shape, o.Logits, data.assignedClasses())
	if err != nil {
		return nil, err
	}
	if r.input, r.shape, err = inputOf(m, o.Batch, data.Shape); err != nil {
		return nil, err
	}
	if r.layers, err = Select(all, o.Layers); err != nil {
		return nil, err
	}
	if err := r.willStore(m); err != nil {
		return nil, err
	}
	return r, r.plan()
}

// check reports what is wrong with the data and the options before anything runs.
func (r *runner) check() error {
	n, channels := r.data.Train.N(), 0
	if len(r.data.Shape) > 0 {
		channels = r.data.Shape[0]
	}
	switch {
	case n < 2:
		return fmt.Errorf("probe: %d training images, want at least 2", n)
	case len(r.data.Shape) == 0 || tensor.Len(r.data.Shape) < 1:
		return fmt.Errorf("probe: images have shape %v", r.data.Shape)
	case len(r.data.Classes) == 0:
		return fmt.Errorf("probe: the data has no classes")
	case r.data.Assigned != nil && len(r.data.Assigned) != n:
		return fmt.Errorf("probe: %d assigned labels for %d training images", len(r.data.Assigned), n)
	case len(r.Mean) != len(r.Std) || len(r.Mean) > 0 && len(r.Mean) != channels:
		return fmt.Errorf("probe: normalisation by %d means and %d standard deviations for %d channels", len(r.Mean), len(r.Std), channels)
	case slices.ContainsFunc(r.Std, func(s float32) bool { return !(s > 0) }):
		return fmt.Errorf("probe: normalisation by standard deviations %v, want positive ones", r.Std)
	case !slices.Contains(r.K, r.Headline):
		return fmt.Errorf("probe: k = %d of the summaries is not among %v", r.Headline, r.K)
	case r.K[0] < 1 || r.K[len(r.K)-1] > n-1:
		return &SettingError{"k", fmt.Errorf("%v, want between 1 and %d, one less than there are training images", r.K, n-1)}
	case r.Vote == knn.Softmax && !(r.Temperature > 0):
		return fmt.Errorf("probe: temperature %v, want above 0", r.Temperature)
	case r.Batch < 1 || r.Augment != nil && (r.Views < 2 || r.Images < 2):
		return fmt.Errorf("probe: batch %d, %d views of %d images; want at least 1, 2 and 2", r.Batch, r.Views, r.Images)
	}
	if r.Draws < 1 || !slices.Contains(StatisticsKinds(), r.Statistics) || !(r.Margin >= 0) {
		return fmt.Errorf("probe: %d untrained networks of %q statistics, margin %v; want at least 1, one of %v, and 0 or more", r.Draws, r.Statistics, r.Margin, StatisticsKinds())
	}
	if err := CheckMetrics(r.Metrics); err != nil {
		return fmt.Errorf("probe: metric %w", err)
	}
	return r.checkSamples()
}

func labelsOf(s Split) []int {
	labels := make([]int, s.N())
	for i := range labels {
		labels[i] = s.Label(i)
	}
	return labels
}

// fill writes an image, normalised, to dst.
func (r *runner) fill(s Split) func(dst []float32, i int) {
	return func(dst []float32, i int) {
		s.Float32(dst, i)
		dataset.Normalize(dst, r.Mean, r.Std)
	}
}

// describe fills in what is known before anything runs.
func (r *runner) describe(m *onnx.Model) *result.Probe {
	p := &result.Probe{Schema: result.ProbeSchema}
	summary := m.Inspect(r.shape[0], map[string][]int{r.input: r.shape})
	p.Model = result.Model{
		Name: m.Proto().GetGraph().GetName(), Opset: int(m.Opset("")), Producer: producer(m), Parameters: summary.Parameters,
		Input: r.input, InputShape: r.shape[1:], Embedding: r.layers[r.embedding].Name,
		Logits: r.layers[len(r.layers)-1].Name, Metadata: m.MetadataAll(),
	}
	if in, err := m.InputTensors(r.shape[0], map[string][]int{r.input: r.shape}); err == nil {
		if l, err := m.Logits(in, r.Logits, r.data.assignedClasses()); err == nil {
			p.Model.Scores = l.String()
		}
	}
	p.Data = result.Data{Train: r.data.Train.N(), Test: len(r.testLabels), Classes: r.data.Classes,
		NumClasses: len(r.data.Classes), AssignedClasses: r.data.AssignedClasses, Shape: r.data.Shape}
	if r.data.Assigned != nil && !r.data.foreign() {
		p.Data.AssignedTrue = result.Some(knn.Accuracy(r.data.Assigned, r.trainLabels))
	}
	for _, b := range r.banks {
		p.Data.Banks = append(p.Data.Banks, result.Bank{Name: b.name, Images: b.hi - b.lo, Seen: b.seen})
	}
	p.Settings = r.settings()
	for _, m := range r.metrics {
		p.Metrics = append(p.Metrics, m.Metric)
	}
	p.Baselines.Chance = result.Number(1 / float64(len(r.data.Classes)))
	return p
}

// bankName is that of the first bank; all and train are one where the model was
// trained on all images.
func (r *runner) bankName() string {
	if r.images.N() == r.data.Train.N() {
		return TrainImages
	}
	return r.banks[0].name
}

func producer(m *onnx.Model) string {
	name, version := m.Proto().GetProducerName(), m.Proto().GetProducerVersion()
	if name != "" && version != "" {
		return name + " " + version
	}
	return name + version
}

func (r *runner) settings() result.Settings {
	s := result.Settings{
		K: r.K, Headline: r.Headline, Metric: r.Metric.String(), Vote: r.Vote.String(),
		Normalize: "none", Layers: r.Layers, Seed: r.Seed, Batch: r.shape[0],
		Queries: map[string]string{"true": "test against " + r.bankName()},
	}
	s.Pool, s.Tokens = r.poolingInWords()
	if r.data.Test == nil {
		s.Queries["true"] = r.bankName() + ", leave-one-out"
	}
	if r.data.Assigned != nil {
		s.Queries["assigned"] = "train, leave-one-out"
	}
	if r.Vote == knn.Softmax {
		s.Temperature = r.Temperature
	}
	if len(r.Mean) > 0 {
		s.Normalize = "mean/std"
		for c := range r.Mean {
			s.Mean, s.Std = append(s.Mean, float64(r.Mean[c])), append(s.Std, float64(r.Std[c]))
		}
	}
	if !r.NoUntrained {
		s.Untrained, s.Draws, s.Statistics = UntrainedRule, r.Draws, r.Statistics
	}
	if len(r.stored) > 0 && r.Store.Type == store.Float16 {
		s.Features = string(store.Float16)
	}
	if r.Augment != nil {
		s.Views, s.Viewed = r.Views, len(r.viewed)
	}
	for _, m := range r.metrics {
		if m.Measure != nil && m.Settings != "" {
			if s.Metrics == nil {
				s.Metrics = map[string]string{}
			}
			s.Metrics[m.Name] = m.Settings
		}
	}
	return s
}

// SettingError is an option that does not go with the data.
type SettingError struct {
	Key string // the option, as the command line calls it
	Err error  // what was found and what was wanted
}

func (e *SettingError) Error() string { return e.Key + " " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SettingError) Unwrap() error { return e.Err }

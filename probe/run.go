package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"memprobe/internal/show"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/probe/knn"
	"memprobe/probe/result"
	"memprobe/probe/store"
	"memprobe/train/dataset"
)

// runner probes one model.
type runner struct {
	Options
	data           Data
	trainLabels    []int
	testLabels     []int // nil without test images
	in             *inputs
	raw            *raw
	layers         []Layer
	pooling        []Pooling
	groups         [][]int  // of layers whose features are held at once
	embedding      int      // among layers
	sample         []int    // images of the bank that metrics look at
	viewed         []int    // images of the bank that views are made of
	onMap          []int    // training images of the map
	pixels         Features // of sample
	images         Split    // those that the model was trained on, then the rest that banks have
	banks          []bank
	input          *inputLayer // of the pixel baseline; nil where that is kept
	pixelRight     []bool      // right answers of the pixels at the first bank
	augmentedRight []bool      // of the bank of views; nil without Augmentation
	kept           kept
	joinedRight    [][]bool // of the pixels joined with each layer; nil where not measured
	metrics        []Metric
	known          LayerData // without features
	model          string    // fingerprint
	modelName      string
	prints         []store.Part // of images and of the test images; nil if their features are not stored
	testPrints     []store.Part
	stored         []int // layers whose features are stored
	chunk          int   // images whose features are stored at once
	held           []*store.Entry
	share          store.Share
	spare          *spare // of the networks before
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
	took := time.Since(began)
	if l := r.layers[len(r.layers)-1]; l.Role == Logits && trained.train == nil {
		p.Warnings = append(p.Warnings,
			fmt.Sprintf("the fit is not measured: the logits %s [N,%d] are not one for each of %d classes",
				show.Name(l.Name), tensor.Len(l.Shape), r.data.assignedClasses()))
	}
	if r.Against != nil {
		if p.Against, err = r.against(ctx, trained); err != nil {
			return nil, err
		}
	}
	draws, err := r.untrained(ctx, m, trained, took)
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
	r := &runner{Options: o, data: data, spare: new(spare)}
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
	all, err := Layers(m, o.Batch, data.sample(), o.Logits, data.assignedClasses())
	if err != nil {
		return nil, err
	}
	if r.in, err = inputsOf(m, o.Batch, data.sample()); err != nil {
		return nil, err
	}
	if err := errors.Join(r.in.checkMask("training", r.images), r.in.checkMask("test", r.data.Test)); err != nil {
		return nil, err
	}
	r.raw = newRaw(r.in, r.images)
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
	case r.Map < 0:
		return fmt.Errorf("probe: a map of %d images, want 0 or more", r.Map)
	case r.data.Assigned != nil && len(r.data.Assigned) != n:
		return fmt.Errorf("probe: %d assigned labels for %d training images", len(r.data.Assigned), n)
	case len(r.Mean) != len(r.Std) || len(r.Mean) > 0 && len(r.Mean) != channels:
		return fmt.Errorf("probe: normalisation by %d means and %d standard deviations for %d channels", len(r.Mean),
			len(r.Std), channels)
	case slices.ContainsFunc(r.Std, func(s float32) bool { return !(s > 0) }):
		return fmt.Errorf("probe: normalisation by standard deviations %v, want positive ones", r.Std)
	case !slices.Contains(r.K, r.Headline):
		return fmt.Errorf("probe: k = %d of the summaries is not among %v", r.Headline, r.K)
	case r.K[0] < 1 || r.K[len(r.K)-1] > n-1:
		return &SettingError{"k", fmt.Errorf("%v, want between 1 and %d, one less than there are training images", r.K, n-1)}
	}
	if err := r.Options.check(); err != nil {
		return err
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
	summary := m.Inspect(r.in.batch, r.in.shapes)
	p.Model = result.Model{
		Name: m.Proto().GetGraph().GetName(), Opset: int(m.Opset("")), Producer: producer(m), Parameters: summary.Parameters,
		Input: r.in.first(), InputShape: r.in.shapes[r.in.first()][1:], Embedding: r.layers[r.embedding].Name,
		Metadata: m.MetadataAll(),
	}
	if r.data.Arrays != nil {
		for i, a := range r.in.arrays {
			p.Model.Inputs = append(p.Model.Inputs, result.Input{Name: a.Name, Shape: a.Shape, Mask: i == r.in.mask})
		}
		p.Warnings = r.raw.doubts()
	}
	if l := r.layers[len(r.layers)-1]; l.Role == Logits {
		p.Model.Logits = l.Name
	}
	if in, err := m.InputTensors(r.in.batch, r.in.shapes); err == nil {
		if l, err := m.Logits(in, r.Logits, r.data.assignedClasses()); err == nil {
			p.Model.Scores = l.String()
		}
	}
	p.Data = result.Data{Train: r.data.Train.N(), Test: len(r.testLabels), Classes: r.data.Classes,
		NumClasses: len(r.data.Classes), AssignedClasses: r.data.AssignedClasses, Shape: r.data.Shape,
		Vectors: r.data.Vectors}
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

package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"memprobe/internal/memory"
	"memprobe/internal/rng"
	"memprobe/onnx"
	"memprobe/probe/result"
	"memprobe/train/dataset"
)

// network is what was measured of one network, trained or not.
type network struct {
	layers      []measured
	train, test []int    // the network's own predictions; nil where the logits are no classes
	logits      Features // of the sampled images
	embedding   Features // likewise
}

// measured is what was measured of one layer.
type measured struct {
	result.Layer
	banks    []answers // of the runner's banks
	deep     []int     // predictions of the test images for the prediction depth
	permuted []int     // right answers under permuted assigned labels; nil if there are none
	images   *imagesOf // nil if single images are not asked for
	sampled  Features  // of the sampled images; none unless another network is compared with
	plane    plane     // of the images of the map
}

// plan decides which layers are held in memory at a time and which images the
// metrics look at.
func (r *runner) plan() error {
	r.layers = slices.DeleteFunc(r.layers, func(l Layer) bool {
		// The pixel baseline, which needs no more at a time, stands for an input that is too large.
		return l.Role == Input && r.bytes(Flatten, l) > r.MaxMemory/2 && !slices.Contains(r.Layers, l.Name)
	})
	r.chooseStored()
	for _, l := range r.layers {
		p, err := r.Pooling.Of(l)
		if err != nil {
			return err
		}
		if r.in.float && l.Name == r.in.first() {
			p = Flatten
		}
		r.pooling = append(r.pooling, p)
	}
	last := len(r.layers) - 1
	group, held := []int{last}, r.bytes(r.pooling[last], r.layers[last])
	for i, l := range r.layers {
		p := r.pooling[i]
		if l.Role == Embedding {
			r.embedding = i
		}
		if i == last {
			break
		}
		need := r.bytes(p, l)
		if need > r.MaxMemory && (len(r.stored) == 0 || l.Op == "") {
			return fmt.Errorf("probe: layer %q: %d features of each image need %.1f MiB, more than the %.1f MiB allowed; pool them by avg or max",
				l.Name, p.Dim(l.Shape), float64(need)/(1<<20), float64(r.MaxMemory)/(1<<20))
		}
		if held+need > r.MaxMemory {
			r.groups = append(r.groups, group)
			group, held = nil, 0
		}
		group, held = append(group, i), held+need
	}
	r.groups = append(r.groups, group)
	r.sample = r.draw(r.Samples, 0)
	if r.Augment != nil {
		r.viewed = r.draw(r.Images, 1)
	}
	r.onMap = r.mappedImages(r.Map)
	r.known = LayerData{Workers: r.Workers, TrainLabels: r.trainLabels, Assigned: r.data.Assigned,
		TestLabels: r.testLabels,
		Classes:    len(r.data.Classes), AssignedClasses: r.data.assignedClasses(), Sample: r.sample, Viewed: r.viewed,
		Options: &r.Options}
	r.known.Pooling, _ = r.poolingInWords()
	r.metrics = choose(&r.known)
	return nil
}

// bytes is what the pooled features of a layer take: float32s, and the integers of the
// images in an index.
func (r *runner) bytes(p Pooling, l Layer) int64 {
	images := 6*r.images.N() + 4*len(r.testLabels)
	if n := r.data.Train.N(); n < r.images.N() {
		images += 2 * n // an index of their own
	}
	if r.Augment != nil {
		images += 4 * r.Images * r.Views
	}
	return int64(images) * int64(p.Dim(l.Shape))
}

// draw chooses n images of the bank, in ascending order.
func (r *runner) draw(n int, what uint64) []int {
	perm := make([]int, r.data.Train.N())
	s := rng.New(r.Seed, rng.Metric, what)
	s.Perm(perm)
	return slices.Sorted(slices.Values(perm[:min(n, len(perm))]))
}

// network measures every layer of the trained model.
func (r *runner) network(ctx context.Context, m *onnx.Model) (*network, error) {
	n := &network{layers: make([]measured, len(r.layers))}
	net := r.trainedSubject(m)
	for g, group := range r.groups {
		f, err := r.features(ctx, net, group, r.viewed)
		if err != nil {
			return nil, err
		}
		if g == 0 {
			r.predict(n, f.images[0], f.test)
		}
		err = f.each(group, func(l int, f layerFeatures) error {
			if r.readsInput(l) {
				f = r.input.features
			}
			if l == r.embedding {
				n.embedding = f.images.rows(r.sample)
			}
			if err := r.measure(ctx, n, l, f); err != nil {
				return err
			}
			r.recycle(f)
			return nil
		})
		if err != nil {
			return nil, r.ofLayer(err)
		}
	}
	return n, net.release()
}

// features are those of a group of layers.
type features struct {
	images, test, views []Features
	stages              []string // of the search for their neighbours, in progress
}

// layerFeatures are those of one layer; images are the training images that the
// network was trained on and, where a bank has them, the rest.
type layerFeatures struct {
	images, test, views Features
	from, fromTest      Split  // whose samples the features are where images and test have no data
	stage               string // of the search for neighbours, in progress
}

// at copies the features of the given images.
func (f layerFeatures) at(index []int) Features {
	if f.from == nil {
		return f.images.rows(index)
	}
	out := Features{len(index), f.images.D, make([]float32, len(index)*f.images.D)}
	for k, i := range index {
		f.from.Float32(out.Row(k), i)
	}
	return out
}

// featureRows are features as queries.
type featureRows struct{ Features }

func (r featureRows) Row(_ []float32, i int) []float32 { return r.Features.Row(i) }

// splitRows are the samples of a split, read whenever they are asked for.
type splitRows struct{ Split }

func (r splitRows) Row(dst []float32, i int) []float32 {
	r.Float32(dst, i)
	return dst
}

func (r splitRows) Fetch(i int)         { fetch(r.Split, i) }
func (r splitRows) Bytes(i int) []uint8 { return bytesOf(r.Split, i) }

// layerError is an error about a layer by its number.
type layerError struct {
	layer int
	error
}

// ofLayer names the layer of an error.
func (r *runner) ofLayer(err error) error {
	if e, ok := errors.AsType[layerError](err); ok {
		return fmt.Errorf("probe: layer %q: %w", r.layers[e.layer].Name, e.error)
	}
	return err
}

// each hands the layers of a group to measure, one after the other, and drops what was
// measured.
func (f *features) each(group []int, measure func(layer int, f layerFeatures) error) error {
	for i, l := range group {
		one := layerFeatures{images: f.images[i], stage: f.stages[i]}
		if f.test != nil {
			one.test, f.test[i].Data = f.test[i], nil
		}
		if f.views != nil {
			one.views, f.views[i].Data = f.views[i], nil
		}
		f.images[i].Data = nil
		if err := measure(l, one); err != nil {
			return layerError{l, err}
		}
	}
	return nil
}

// features are those of a group of layers of a network, on all images, the test images
// and views of those that are viewed.
func (r *runner) features(ctx context.Context, net *subject, group []int, viewed []int) (*features, error) {
	f := new(features)
	to := map[string]*[]Features{trainingImages: &f.images, testImages: &f.test, viewsOfImages: &f.views}
	for _, src := range r.sources(viewed) {
		var err error
		if *to[src.what], err = r.run(ctx, net, group, src); err != nil {
			return nil, err
		}
	}
	for _, l := range group {
		f.stages = append(f.stages, net.stage+"neighbours at "+r.layers[l].Name)
	}
	clear(net.streams)
	memory.GiveBack() // their memory goes before neighbours are looked for, and is the next network's
	return f, nil
}

// recycle keeps the memory of a layer's features for others and the next network, which has as
// many.
// Those of the store are the store's, those of a group are gone before the next group's are
// there, and metrics of one's own may have kept some.
func (r *runner) recycle(f layerFeatures) {
	if len(r.stored) > 0 || len(r.groups) > 1 || len(r.Own) > 0 || r.Against != nil {
		return
	}
	for _, data := range [][]float32{f.images.Data, f.test.Data} {
		if data != nil {
			r.spare.give(data)
		}
	}
}

func (r *runner) progress(stage string, total int) func(int) {
	if r.Progress == nil {
		return nil
	}
	return func(done int) { r.Progress(stage, done, total) }
}

// view writes view i mod Views of image i / Views of those that are viewed.
func (r *runner) view(dst []float32, i int) {
	image := r.viewed[i/r.Views]
	src := make([]float32, len(dst))
	r.data.Train.Float32(src, image)
	r.Augment(dst, src, image, i%r.Views)
	dataset.Normalize(dst, r.Mean, r.Std)
}

// hasClasses tells whether the last layer has a column a class.
func (r *runner) hasClasses() bool {
	last := len(r.layers) - 1
	return r.pooling[last].Dim(r.layers[last].Shape) == r.data.assignedClasses()
}

// predicts tells whether the network's own predictions of the test images are known.
func (r *runner) predicts() bool { return r.testLabels != nil && r.hasClasses() }

// predict keeps the network's own predictions, if its output has a column a class.
func (r *runner) predict(n *network, images Features, test []Features) {
	train := images.first(r.data.Train.N())
	n.logits = train.rows(r.sample)
	if !r.hasClasses() {
		return
	}
	n.train = argmax(train)
	if test != nil {
		n.test = argmax(test[0])
	}
}

// argmax returns the greatest column of each row, the first of equals.
func argmax(f Features) []int {
	best := make([]int, f.N)
	for i := range best {
		for j, v := range f.Row(i) {
			if v > f.Row(i)[best[i]] {
				best[i] = j
			}
		}
	}
	return best
}

// describeLayer fills in what a layer is.
func (r *runner) describeLayer(at int, f layerFeatures) result.Layer {
	l := r.layers[at]
	return result.Layer{Name: l.Name, Op: l.Op, Index: l.Index, Shape: l.Shape, Dim: f.images.D,
		Pool: r.pooling[at].String(), Role: l.Role}
}

// measure probes the layer of that number of the trained network.
func (r *runner) measure(ctx context.Context, n *network, at int, f layerFeatures) error {
	out := &n.layers[at]
	out.Layer = r.describeLayer(at, f)
	if err := r.neighbours(ctx, n, at, f); err != nil {
		return err
	}
	if r.Against != nil {
		out.sampled = f.images.rows(r.sample)
	}
	var err error
	if r.joinedRight[at], err = r.joined(ctx, at, f, out.banks[0]); err != nil {
		return err
	}
	if len(r.onMap) > 0 {
		if out.plane, err = r.mapped(f.at(r.onMap)); err != nil {
			return err
		}
	}
	if r.readsInput(at) {
		return nil // no metric is asked for
	}
	return further(ctx, out, r.metrics, r.layerData(f, n.logits), false)
}

// layerData is what metrics are given of a layer.
func (r *runner) layerData(f layerFeatures, logits Features) *LayerData {
	l := r.known
	l.Train, l.Test, l.Views, l.Pixels, l.Logits = f.images.first(r.data.Train.N()), f.test, f.views, r.pixels, logits
	return &l
}

package probe

import (
	"context"
	"fmt"
	"math"
	"slices"

	"memprobe/internal/rng"
	"memprobe/onnx"
	"memprobe/probe/knn"
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
	right  int   // of the k-NN predictions at the headline k, true labels
	asked  int   // how many there are
	called []int // these predictions
	deep   []int // predictions of the test images for the prediction depth
}

// plan decides which layers are held in memory at a time and which images the
// metrics look at.
func (r *runner) plan() error {
	wide := func(l Layer) bool { return r.bytes(l.Name == r.input, l) > r.MaxMemory }
	r.layers = slices.DeleteFunc(r.layers, func(l Layer) bool {
		// The pixel baseline stands for an input that is too large.
		return l.Role == Input && wide(l) && !slices.Contains(r.Layers, l.Name)
	})
	last := len(r.layers) - 1
	group, held := []int{last}, r.bytes(false, r.layers[last])
	for i, l := range r.layers {
		p := r.Pooling
		if l.Name == r.input {
			p = Flatten
		}
		r.pooling = append(r.pooling, p)
		if l.Role == Embedding {
			r.embedding = i
		}
		if i == last {
			break
		}
		need := r.bytes(l.Name == r.input, l)
		if need > r.MaxMemory {
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
	r.known = LayerData{Workers: r.Workers, TrainLabels: r.trainLabels, Assigned: r.data.Assigned, TestLabels: r.testLabels,
		Classes: len(r.data.Classes), Sample: r.sample, Viewed: r.viewed, Options: &r.Options}
	r.metrics = choose(&r.known)
	return nil
}

// bytes is what the features of a layer take: float32s, and the bank's integers
// in an index.
func (r *runner) bytes(input bool, l Layer) int64 {
	p := r.Pooling
	if input {
		p = Flatten
	}
	images := 6*r.data.Train.N() + 4*len(r.testLabels)
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

// network measures every layer of a model. Of an untrained one only what is a
// baseline is measured.
func (r *runner) network(ctx context.Context, m *onnx.Model, untrained bool) (*network, error) {
	n := &network{layers: make([]measured, len(r.layers))}
	for g, group := range r.groups {
		layers, pooling := make([]Layer, len(group)), make([]Pooling, len(group))
		for i, l := range group {
			layers[i], pooling[i] = r.layers[l], r.pooling[l]
		}
		s, err := newStream(m, r.Workers, r.input, r.shape, layers, pooling)
		if err != nil {
			return nil, err
		}
		f, err := r.features(ctx, s, untrained)
		if err != nil {
			return nil, err
		}
		if g == 0 {
			r.predict(n, f.train[0], f.test)
		}
		for i, l := range group {
			if l == r.embedding {
				n.embedding = f.train[i].rows(r.sample)
			}
			if err := r.measure(ctx, n, l, f.layer(i), untrained); err != nil {
				return nil, fmt.Errorf("probe: layer %q: %w", r.layers[l].Name, err)
			}
			f.train[i].Data = nil
			if f.test != nil {
				f.test[i].Data = nil
			}
		}
	}
	return n, nil
}

// features are those of a group of layers.
type features struct {
	train, test, views []Features
}

// layer returns the features of one layer of the group.
func (f *features) layer(i int) layerFeatures {
	l := layerFeatures{train: f.train[i]}
	if f.test != nil {
		l.test = f.test[i]
	}
	if f.views != nil {
		l.views = f.views[i]
	}
	return l
}

type layerFeatures struct{ train, test, views Features }

func (r *runner) features(ctx context.Context, s *stream, untrained bool) (*features, error) {
	stage := "trained network, "
	if untrained {
		stage = "untrained network, "
	}
	f := new(features)
	var err error
	if f.train, err = s.run(ctx, r.data.Train.N(), r.fill(r.data.Train), r.progress(stage+"training images", r.data.Train.N())); err != nil {
		return nil, err
	}
	if r.testLabels != nil {
		if f.test, err = s.run(ctx, len(r.testLabels), r.fill(r.data.Test), r.progress(stage+"test images", len(r.testLabels))); err != nil {
			return nil, err
		}
	}
	if n := len(r.viewed) * r.Views; n > 0 {
		if f.views, err = s.run(ctx, n, r.view, r.progress(stage+"views", n)); err != nil {
			return nil, err
		}
	}
	return f, nil
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

// predict keeps the network's own predictions, if its output has a column a class.
func (r *runner) predict(n *network, train Features, test []Features) {
	n.logits = train.rows(r.sample)
	if train.D != len(r.data.Classes) {
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

// measure probes the layer of that number. In an untrained network, activations that are not
// finite leave its numbers undefined; in a trained one they are an error.
func (r *runner) measure(ctx context.Context, n *network, at int, f layerFeatures, untrained bool) error {
	out := &n.layers[at]
	layer := r.layers[at]
	out.Layer = result.Layer{Name: layer.Name, Op: layer.Op, Index: layer.Index, Shape: layer.Shape,
		Dim: f.train.D, Pool: r.pooling[at].String(), Role: layer.Role}
	err := r.neighbours(ctx, n, out, f, untrained)
	if err != nil && untrained && ctx.Err() == nil {
		out.KNN = result.KNN{True: result.Accuracy{}}
		for _, k := range r.K {
			out.KNN.True[k] = result.Number(math.NaN())
		}
		return nil
	}
	if err != nil {
		return err
	}
	l := r.known
	l.Train, l.Test, l.Views, l.Pixels, l.Logits = f.train, f.test, f.views, r.pixels, n.logits
	return further(ctx, out, r.metrics, &l, untrained)
}

// neighbours measures all that k-NN gives.
func (r *runner) neighbours(ctx context.Context, n *network, out *measured, f layerFeatures, untrained bool) error {
	index, err := knn.New(ctx, r.Workers, f.train.Data, f.train.N, f.train.D, r.Metric)
	if err != nil {
		return err
	}
	kmax := r.K[len(r.K)-1]
	deep := min(depthK, f.train.N)
	truth := r.testLabels
	var nb, loo *knn.Neighbors
	if r.testLabels != nil {
		most := kmax
		if !untrained {
			most = max(kmax, deep)
		}
		if nb, err = index.Search(ctx, f.test.Data, f.test.N, most); err != nil {
			return err
		}
	}
	if nb == nil || !untrained && (r.data.Assigned != nil || r.LeaveOneOut) {
		if loo, err = index.LeaveOneOut(ctx, kmax); err != nil {
			return err
		}
	}
	if nb == nil {
		nb, truth = loo, r.trainLabels
	}
	pred, err := r.classify(nb, r.trainLabels, r.K)
	if err != nil {
		return err
	}
	out.KNN.True = r.accuracy(pred, truth)
	out.called = pred[slices.Index(r.K, r.Headline)]
	out.right, out.asked = knn.Right(out.called, truth), len(truth)
	interval := result.Wilson(out.right, out.asked)
	out.Intervals.True = &interval
	if untrained {
		return nil
	}
	if loo != nil {
		if err := r.leaveOneOut(out, loo); err != nil {
			return err
		}
	}
	if n.test == nil {
		return nil
	}
	voters := r.data.Assigned
	if voters == nil {
		voters = r.trainLabels
	}
	if pred, err = r.classify(nb, voters, []int{deep}); err == nil {
		out.deep = pred[0]
	}
	return err
}

func (r *runner) leaveOneOut(out *measured, loo *knn.Neighbors) error {
	pred, err := r.classify(loo, r.trainLabels, r.K)
	if err != nil {
		return err
	}
	out.LeaveOneOut = &result.KNN{True: r.accuracy(pred, r.trainLabels)}
	if r.data.Assigned == nil {
		return nil
	}
	if pred, err = r.classify(loo, r.data.Assigned, r.K); err != nil {
		return err
	}
	out.LeaveOneOut.Assigned = r.accuracy(pred, r.data.Assigned)
	out.KNN.Assigned = out.LeaveOneOut.Assigned
	right := knn.Right(pred[slices.Index(r.K, r.Headline)], r.data.Assigned)
	interval := result.Wilson(right, len(r.data.Assigned))
	out.Intervals.Assigned = &interval
	return nil
}

func (r *runner) classify(nb *knn.Neighbors, labels []int, ks []int) ([][]int, error) {
	return knn.Classify(nb, labels, len(r.data.Classes), ks, r.Vote, r.Temperature)
}

func (r *runner) accuracy(pred [][]int, truth []int) result.Accuracy {
	a := result.Accuracy{}
	for i, k := range r.K {
		a[k] = result.Number(knn.Accuracy(pred[i], truth))
	}
	return a
}

package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"memprobe/internal/memory"
	"memprobe/onnx"
	"memprobe/probe/store"
)

// fingerprinted is a Split whose images have a hash; features of others are not stored.
type fingerprinted interface {
	Split
	Fingerprint() string
}

// fingerprints are those of the parts of a split, nil where one has none.
func fingerprints(s Split) []store.Part {
	switch s := s.(type) {
	case both:
		a, b := fingerprints(s.train), fingerprints(s.rest)
		if a == nil || b == nil {
			return nil
		}
		return append(a, b...)
	case fingerprinted:
		return []store.Part{{Hash: s.Fingerprint(), N: s.N()}}
	}
	return nil
}

// What sources are, for people.
const (
	trainingImages = "training images"
	testImages     = "test images"
	viewsOfImages  = "views"
)

// source is a sequence of images that networks are run on.
type source struct {
	what   string // for people
	n      int
	fill   func(dst []float32, i int)
	prints []store.Part // of the images; nil where their features are not stored
	views  string       // how they are augmented
}

// sources are all images that a network is run on, with views of those that are viewed.
func (r *runner) sources(viewed []int) []source {
	out := []source{{trainingImages, r.images.N(), r.fill(r.images), r.prints, ""}}
	if r.testLabels != nil {
		out = append(out, source{testImages, len(r.testLabels), r.fill(r.data.Test), r.testPrints, ""})
	}
	if n := len(viewed) * r.Views; n > 0 {
		s := source{viewsOfImages, n, r.view, r.prints, fmt.Sprintf("%d by %s of %v", r.Views, r.AugmentName, viewed)}
		if r.AugmentName == "" {
			s.prints = nil
		}
		out = append(out, s)
	}
	return out
}

// subject is a network that is probed.
type subject struct {
	model   func() (*onnx.Model, error) // made when it is to run
	name    string                      // how its weights came to be, for store.Key
	stage   string                      // of progress
	streams map[string]*stream
	entries map[string]*store.Entry // by source.what; nil where there is none
}

func newSubject(model func() (*onnx.Model, error), name, stage string) *subject {
	return &subject{sync.OnceValues(model), name, stage, map[string]*stream{}, map[string]*store.Entry{}}
}

func (r *runner) trainedSubject(m *onnx.Model) *subject {
	return newSubject(func() (*onnx.Model, error) { return m, nil }, "trained", "trained network, ")
}

// stream returns the network compiled for some layers, to run about so many images at a time.
func (r *runner) stream(net *subject, layers []int, images int) (*stream, error) {
	key := fmt.Sprint(layers)
	if s := net.streams[key]; s != nil {
		return s, nil
	}
	var of []Layer
	var pooling []Pooling
	for _, l := range layers {
		of, pooling = append(of, r.layers[l]), append(pooling, r.pooling[l])
	}
	m, err := net.model()
	if err != nil {
		return nil, err
	}
	r.spare.settle()
	memory.GiveBack() // what drawing its weights left is not to lie beside its plan
	s, err := newStream(m, r.Workers, r.in, r.Mean != nil, of, pooling, images)
	if err != nil {
		return nil, err
	}
	s.spare = r.spare
	net.streams[key] = s
	return s, nil
}

// chunkWork is how many multiply-adds a chunk of stored features stands for, about a second
// of two cores: an interruption loses no more, or a batch.
const chunkWork = 100e9

// willStore decides whether features are stored.
func (r *runner) willStore(m *onnx.Model) error {
	if r.Store == nil {
		return nil
	}
	each := max(1, m.Inspect(r.in.batch, r.in.shapes).MultiplyAdds/int64(r.in.batch))
	if each*int64(r.images.N()+len(r.testLabels)) < r.Store.Least {
		return nil
	}
	r.chunk = int(chunkWork / each)
	if r.prints = fingerprints(r.images); r.prints == nil {
		return nil
	}
	if r.testLabels != nil {
		r.testPrints = fingerprints(r.data.Test)
	}
	var err error
	r.modelName = m.Name()
	r.model, err = m.Fingerprint()
	return err
}

// chooseStored lists the layers that are stored: all but the input, which costs no run of
// the network.
func (r *runner) chooseStored() {
	for i, l := range r.layers {
		if l.Role != Input && r.prints != nil {
			r.stored = append(r.stored, i)
		}
	}
}

// entry opens the store's entry of a network on a source; nil if there is none.
func (r *runner) entry(ctx context.Context, net *subject, src source) (*store.Entry, error) {
	if len(r.stored) == 0 || src.prints == nil {
		return nil, nil
	}
	layers := make([]store.Layer, len(r.stored))
	for i, l := range r.stored {
		p := r.pooling[l]
		layers[i] = store.Layer{Name: r.layers[l].Name, Shape: r.layers[l].Shape,
			Pool: p.String(), Dim: p.Dim(r.layers[l].Shape)}
	}
	key := store.Key{Model: r.model, Network: net.name, Images: src.prints, Views: src.views,
		Normalize: fmt.Sprint(r.Mean, r.Std), Batch: slices.Concat([]int{r.in.batch}, r.data.Shape), Program: r.Program}
	if r.data.Arrays != nil {
		key.Arrays = r.in.String()
	}
	return r.Store.Entry(ctx, key, fmt.Sprintf("%s, %s: %s", r.modelName, net.name, src.what), src.n, r.chunk, layers)
}

// filled returns the store's entry of a network on a source, with all rows of the
// runner's share; nil if there is none.
func (r *runner) filled(ctx context.Context, net *subject, src source) (*store.Entry, error) {
	if e, known := net.entries[src.what]; known {
		return e, nil
	}
	e, err := r.entry(ctx, net, src)
	if err != nil {
		return nil, err
	}
	net.entries[src.what] = e
	if e == nil && r.Store != nil && r.Store.Type == store.Float16 {
		return nil, errors.New("probe: features are to be of float16, but are not stored")
	}
	if e == nil {
		return nil, nil
	}
	r.held = append(r.held, e)
	rows := make([][]float32, len(r.stored))
	return e, e.Fill(ctx, r.Workers, r.share, func(lo, hi int) ([][]float32, error) {
		s, err := r.stream(net, r.stored, hi-lo)
		if err != nil {
			return nil, err
		}
		for _, stored := range rows {
			r.spare.give(stored)
		}
		f, err := s.run(ctx, lo, hi, src.fill, nil)
		for i := range f {
			rows[i] = f[i].Data
		}
		return rows, err
	}, r.progress(net.stage+src.what, src.n))
}

// run returns the features of a group of layers: of those that the store keeps from
// there.
func (r *runner) run(ctx context.Context, net *subject, group []int, src source) ([]Features, error) {
	e, err := r.filled(ctx, net, src)
	if err != nil {
		return nil, err
	}
	out, rest := make([]Features, len(group)), []int(nil)
	for i, l := range group {
		if r.readsInput(l) {
			out[i] = Features{N: src.n, D: r.raw.size}
			continue
		}
		at := slices.Index(r.stored, l)
		if e == nil || at < 0 {
			rest = append(rest, l)
			continue
		}
		out[i] = Features{N: src.n, D: r.pooling[l].Dim(r.layers[l].Shape)}
		if out[i].Data, err = e.Features(at); err != nil {
			return nil, err
		}
	}
	if len(rest) == 0 {
		return out, nil
	}
	bytes := int64(0)
	for _, l := range rest {
		bytes += 4 * int64(src.n) * int64(r.pooling[l].Dim(r.layers[l].Shape))
	}
	if err := memory.Need(fmt.Sprintf("features of %d layers", len(rest)), bytes); err != nil {
		return nil, err
	}
	s, err := r.stream(net, rest, src.n)
	if err != nil {
		return nil, err
	}
	computed, err := s.run(ctx, 0, src.n, src.fill, r.progress(net.stage+src.what, src.n))
	for i, l := range rest {
		out[slices.Index(group, l)] = computed[i]
	}
	return out, err
}

// Fill runs the networks that Run would run, on a share of the images, and keeps their
// features in o.Store for a Run, here or on another machine. It fails where they are not
// kept.
func Fill(ctx context.Context, m *onnx.Model, data Data, o Options, share store.Share) error {
	r, err := newRunner(m, data, o.withDefaults())
	if err != nil {
		return err
	}
	defer r.close()
	r.share = share
	if err := r.fillAll(ctx, r.trainedSubject(m), r.viewed); err != nil {
		return err
	}
	for d := 0; d < r.Draws && !r.NoUntrained; d++ {
		net, viewed := r.untrainedSubject(ctx, m, d)
		if err := r.fillAll(ctx, net, viewed); err != nil {
			return fmt.Errorf("untrained network: %w", err)
		}
	}
	return nil
}

// fillAll fills the entries of a network.
func (r *runner) fillAll(ctx context.Context, net *subject, viewed []int) error {
	for _, src := range r.sources(viewed) {
		e, err := r.filled(ctx, net, src)
		if err != nil {
			return err
		}
		if e == nil {
			return fmt.Errorf("probe: features of the %s are not stored", src.what)
		}
	}
	return net.release()
}

// release ends the use of a network's features, but keeps its entries from being removed
// before the end: the next analysis wants them all.
func (net *subject) release() error {
	var errs []error
	for _, e := range net.entries {
		if e != nil {
			errs = append(errs, e.Release())
		}
	}
	return errors.Join(errs...)
}

// close gives the store's entries back.
func (r *runner) close() error {
	var errs []error
	for _, e := range r.held {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

package probe

import (
	"cmp"
	"context"
	"fmt"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
)

// stream runs images through a network and keeps the pooled activations of some
// of its layers.
type stream struct {
	session engine.Session
	pool    *parallel.Pool
	in      *inputs
	feed    *dataset.Feed
	layers  []Layer
	pooling []Pooling
	spare   *spare
}

// newStream compiles a model for its inputs and for the layers alone. normalized says that
// pixels are normalised before.
func newStream(m *onnx.Model, pool *parallel.Pool, in *inputs, normalized bool,
	layers []Layer, pooling []Pooling) (*stream, error) {
	taps := make([]string, len(layers))
	for i, l := range layers {
		taps[i] = l.Name
	}
	session, err := m.Compile(engine.Options{Inputs: in.tensors(m, in.batch), Outputs: []string{}, Taps: taps, Pool: pool})
	if err != nil {
		return nil, err
	}
	for i, t := range session.Taps() {
		if t.DType == tensor.Invalid {
			return nil,
				fmt.Errorf("probe: layer %q has a shape that the data of a run decide; such layers can be extracted, not probed",
					t.Name)
		}
		if !t.DType.IsFloat() || tensor.Len(t.Shape) != in.batch*tensor.Len(layers[i].Shape) {
			return nil, fmt.Errorf("probe: layer %q is %v %v, want floats with a batch of %d", t.Name, t.DType, t.Shape,
				in.batch)
		}
	}
	feed, err := in.feed(m, session, in.batch, normalized)
	if err != nil {
		return nil, err
	}
	return &stream{session: session, pool: pool, in: in, feed: feed, layers: layers, pooling: pooling, spare: new(spare)}, nil
}

// run computes the features of the images lo to hi, which fill writes. done, if not nil,
// is told how many are finished.
func (s *stream) run(ctx context.Context, lo, hi int, fill func(dst []float32, i int),
	done func(n int)) ([]Features, error) {
	out := make([]Features, len(s.layers))
	for l := range out {
		d := s.pooling[l].Dim(s.layers[l].Shape)
		out[l] = Features{N: hi - lo, D: d, Data: s.spare.take((hi - lo) * d)}
	}
	err := s.each(ctx, hi-lo, func(dst []float32, i int) { fill(dst, lo+i) },
		func(l, first, rows int, t *tensor.Tensor) error {
			d := out[l].D
			s.apply(Features{rows, d, out[l].Data[first*d : (first+rows)*d]}, l, t)
			return nil
		}, done)
	return out, err
}

// apply pools the activations t of the batch in the feed, of layer l, into rows.
func (s *stream) apply(rows Features, l int, t *tensor.Tensor) {
	shape := s.layers[l].Shape
	size := tensor.Len(shape)
	s.pool.For(rows.N, func(_, i int) {
		s.pooling[l].Apply(rows.Row(i), t.F32()[i*size:(i+1)*size], shape, s.in.maskOf(s.feed.Row(i)))
	})
}

// each runs n images, which fill writes, and calls keep with the activations of
// each layer of each batch, of which the first rows are those of images first,
// first+1, …; what a batch has beyond the last image repeats it.
func (s *stream) each(ctx context.Context, n int, fill func(dst []float32, i int),
	keep func(l, first, rows int, t *tensor.Tensor) error, done func(n int)) error {
	first, batch := 0, s.in.batch
	load := func(_, i int) { fill(s.feed.Row(i), min(first+i, n-1)) }
	var failed error
	tap := func(l int, t *tensor.Tensor) {
		if failed == nil {
			failed = keep(l, first, min(batch, n-first), narrow(t))
		}
	}
	for ; first < n; first += batch {
		s.pool.For(batch, load)
		s.feed.Convert()
		if err := cmp.Or(s.session.Run(ctx, tap), failed); err != nil {
			return err
		}
		if done != nil {
			done(min(first+batch, n))
		}
	}
	return nil
}

// narrow is t as float32s.
func narrow(t *tensor.Tensor) *tensor.Tensor {
	if t.DType == tensor.Float32 {
		return t
	}
	out := tensor.New(tensor.Float32, t.Shape...)
	for i, x := range t.F64() {
		out.F32()[i] = float32(x)
	}
	return out
}

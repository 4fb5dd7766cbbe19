package probe

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"memprobe/internal/parallel"
	"memprobe/internal/tensor"
	"memprobe/onnx"
	"memprobe/onnx/engine"
	"memprobe/train/dataset"
)

// stream runs images through a network and keeps the pooled activations of some
// of its layers.
type stream struct {
	lane           // of all threads, or the first of lanes
	lanes   []lane // one of each thread, for many batches of small images; nil where there are none
	pool    *parallel.Pool
	in      *inputs
	layers  []Layer
	pooling []Pooling
	spare   *spare
}

// lane is a session and what samples are written to for it.
type lane struct {
	session engine.Session
	feed    *dataset.Feed
	shown   []int // images of the batch in the feed that each layer has been shown of
}

// piece is the activations of a layer for some images, as float32s.
type piece struct {
	t        *tensor.Tensor
	first, n int // images
	at       int // place of the first one in the batch
}

// piece is what t, shown of layer l, is of the images from first on that are in a lane's feed; what
// is beyond the last of n images is left out.
func (s *stream) piece(of *lane, l int, t *tensor.Tensor, first, n int) piece {
	p := piece{t: narrow(t), at: of.shown[l]}
	images := t.Len() / max(tensor.Len(s.layers[l].Shape), 1)
	of.shown[l] += images
	p.first, p.n = first+p.at, max(0, min(images, n-first-p.at))
	return p
}

// laneBytes is the most that the elements of a layer take in a batch where each thread runs
// batches of its own. What one core wrote is slow to read for another, and where layers are small
// there is not enough between them to make up for it; where they are large, so would be the memory
// of a session for each thread.
const laneBytes = 32 << 20

// newStream compiles a model for its inputs and for the layers alone, to run so many images.
// normalized says that pixels are normalised before.
func newStream(m *onnx.Model, pool *parallel.Pool, in *inputs, normalized bool,
	layers []Layer, pooling []Pooling, images int) (*stream, error) {
	s := &stream{pool: pool, in: in, layers: layers, pooling: pooling, spare: new(spare)}
	taps, largest := make([]string, len(layers)), 0
	for i, l := range layers {
		taps[i], largest = l.Name, max(largest, 4*in.batch*tensor.Len(l.Shape))
	}
	sessions, err := compile(m, engine.Options{Inputs: in.tensors(m, in.batch), Outputs: []string{}, Taps: taps, Pieces: true, Pool: pool},
		parallel.Chunks(images, in.batch) >= 4*pool.Threads() && largest <= laneBytes)
	if err != nil {
		return nil, err
	}
	for i, t := range sessions[0].Taps() {
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
	var lanes []lane
	for _, session := range sessions {
		feed, err := in.feed(m, session, in.batch, normalized)
		if err != nil {
			return nil, err
		}
		lanes = append(lanes, lane{session, feed, make([]int, len(layers))})
	}
	if s.lane = lanes[0]; len(lanes) > 1 {
		s.lanes = lanes
	}
	return s, nil
}

// compile returns a session for each thread of the pool, if they are to work apart and there is
// memory for as many, or else one that all threads share. Both compute the same bits.
func compile(m *onnx.Model, o engine.Options, apart bool) ([]engine.Session, error) {
	if threads := o.Pool.Threads(); apart && threads > 1 {
		alone := o
		alone.Pool, alone.Preparing = nil, o.Pool
		first, err := m.Compile(alone)
		if err != nil {
			return nil, err
		}
		all := []engine.Session{first}
		for len(all) < threads {
			next, err := engine.Beside(first)
			if err != nil || next == nil {
				break
			}
			all = append(all, next)
		}
		if len(all) == threads {
			return all, nil
		}
	}
	session, err := m.Compile(o)
	return []engine.Session{session}, err
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
	rows := func(l, first, rows int) Features {
		d := out[l].D
		return Features{rows, d, out[l].Data[first*d : (first+rows)*d]}
	}
	from := func(dst []float32, i int) { fill(dst, lo+i) }
	if s.lanes != nil {
		return out, s.apart(ctx, hi-lo, from, rows, done)
	}
	err := s.each(ctx, hi-lo, from, func(l int, p piece) error {
		s.apply(rows(l, p.first, p.n), l, p)
		return nil
	}, done)
	return out, err
}

// apart runs n images, which fill writes, each thread batches of its own, and pools the
// activations of each layer into its rows.
func (s *stream) apart(ctx context.Context, n int, fill func(dst []float32, i int),
	rows func(l, first, rows int) Features, done func(n int)) error {
	batch := s.in.batch
	errs := make([]error, parallel.Chunks(n, batch))
	var mu sync.Mutex
	failed, finished := false, 0
	s.pool.For(len(errs), func(worker, b int) {
		mu.Lock()
		stop := failed
		mu.Unlock()
		if stop {
			return
		}
		of, first := &s.lanes[worker], b*batch
		for i := range batch {
			fill(of.feed.Row(i), min(first+i, n-1))
		}
		of.feed.Convert()
		clear(of.shown)
		errs[b] = of.session.Run(ctx, func(l int, t *tensor.Tensor) {
			p := s.piece(of, l, t, first, n)
			if p.n == 0 {
				return
			}
			to := rows(l, p.first, p.n)
			for i := range to.N {
				s.applyRow(to, l, p, of, i)
			}
		})
		mu.Lock()
		defer mu.Unlock()
		if failed = failed || errs[b] != nil; !failed {
			if finished += min(batch, n-first); done != nil {
				done(finished)
			}
		}
	})
	return cmp.Or(errs...)
}

// apply pools activations of layer l into rows.
func (s *stream) apply(rows Features, l int, p piece) {
	s.pool.For(rows.N, func(_, i int) { s.applyRow(rows, l, p, &s.lane, i) })
}

// applyRow pools the activations of image i of a piece of the batch in a lane.
func (s *stream) applyRow(rows Features, l int, p piece, of *lane, i int) {
	shape := s.layers[l].Shape
	size := tensor.Len(shape)
	s.pooling[l].Apply(rows.Row(i), p.t.F32()[i*size:(i+1)*size], shape, s.in.maskOf(of.feed.Row(p.at+i)))
}

// each runs n images, which fill writes, and calls keep with the activations of
// each layer, in the order of the images; what a batch has beyond the last image repeats it.
func (s *stream) each(ctx context.Context, n int, fill func(dst []float32, i int),
	keep func(l int, p piece) error, done func(n int)) error {
	first, batch := 0, s.in.batch
	load := func(_, i int) { fill(s.feed.Row(i), min(first+i, n-1)) }
	var failed error
	tap := func(l int, t *tensor.Tensor) {
		if p := s.piece(&s.lane, l, t, first, n); failed == nil && p.n > 0 {
			failed = keep(l, p)
		}
	}
	for ; first < n; first += batch {
		s.pool.For(batch, load)
		s.feed.Convert()
		clear(s.shown)
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

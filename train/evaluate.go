package train

import (
	"context"
	"math"

	"memprobe/internal/kernel/vec"
	"memprobe/internal/parallel"
	"memprobe/onnx/engine"
	"memprobe/probe/result"
	"memprobe/train/dataset"
)

// evaluate measures fit and test accuracy in evaluation mode, on images as they
// are; of a network of other classes than the true ones the fit alone.
func (r *runner) evaluate(ctx context.Context, row *result.Epoch) error {
	m, err := r.net.snapshot(row.Epoch)
	if err != nil {
		return err
	}
	in, err := r.net.inputs(r.net.batch)
	if err != nil {
		return err
	}
	session, err := m.Compile(engine.Options{Inputs: in, Outputs: []string{r.net.logits}, Pool: r.options.Pool})
	if err != nil {
		return err
	}
	e := &evaluator{session, r.net, r.batches, r.options.Pool}
	assigned, truth := 0, 0
	err = e.predict(ctx, &r.options.Set.Train, func(i, class int) {
		if class == int(r.batches.assigned[i]) {
			assigned++
		}
		if class == r.options.Set.Train.Label(i) {
			truth++
		}
	})
	if err != nil {
		return err
	}
	n := r.options.Set.Train.N()
	row.FitClean, row.TrueClean = ratio(assigned, n), ratio(truth, n)
	if r.batches.scheme.PerView {
		row.FitClean = math.NaN()
	}
	if r.batches.foreign() {
		row.TrueClean = math.NaN()
		return nil
	}
	right := 0
	err = e.predict(ctx, &r.options.Set.Test, func(i, class int) {
		if class == r.options.Set.Test.Label(i) {
			right++
		}
	})
	row.Test = ratio(right, r.options.Set.Test.N())
	return err
}

// evaluator predicts classes.
type evaluator struct {
	session engine.Session
	net     *network
	batches *batcher // knows how pixels are normalised
	pool    *parallel.Pool
}

// predict calls done with the class of the largest logit of every image, in order.
// What a batch has beyond the last image repeats it.
func (e *evaluator) predict(ctx context.Context, split *dataset.Split, done func(image, class int)) error {
	feed, err := dataset.NewFeed(e.session.Input(e.net.input), e.net.normalized)
	if err != nil {
		return err
	}
	x, logits := feed.Floats(), e.session.Output(e.net.logits).F32()
	n, batch := split.N(), e.net.batch
	size := len(x) / batch
	first := 0
	load := func(_, i int) {
		image := x[i*size : (i+1)*size]
		split.Float32(image, min(first+i, n-1))
		dataset.Normalize(image, e.batches.mean, e.batches.std)
	}
	for ; first < n; first += batch {
		e.pool.For(batch, load)
		feed.Convert()
		if err := e.session.Run(ctx, nil); err != nil {
			return err
		}
		for i := range min(batch, n-first) {
			done(first+i, vec.ArgMax(logits[i*e.net.classes:(i+1)*e.net.classes]))
		}
	}
	return nil
}

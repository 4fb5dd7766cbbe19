package train

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"time"

	"memprobe/internal/filelock"
	"memprobe/internal/grace"
	"memprobe/internal/parallel"
	"memprobe/onnx"
	"memprobe/probe/result"
	"memprobe/train/dataset"
	"memprobe/train/optim"
)

// Options are what a run needs besides its configuration. They do not change the
// model that comes out.
type Options struct {
	Set  *dataset.Set   // the data of Config.Data, of the size that the model wants
	Init *onnx.Model    // the model of Config.Init; it is changed
	Pool *parallel.Pool // runs kernels and augmentation
	Tool result.Tool    // goes into run.json
	// Notes say how Init differs from its file; they go into run.json.
	Notes []string
	// Extend has a run that was begun with fewer epochs go on to those of the
	// configuration, also if it is finished. See Config.Extended.
	Extend bool

	Epoch    func(result.Epoch) // if not nil, told of each finished epoch
	Progress func(Progress)     // if not nil, told of each finished step
	// Probe, if not nil, is called with the model after every Config.ProbeEvery
	// epochs, at epoch 0, and at the end.
	Probe func(ctx context.Context, epoch int, m *onnx.Model, fit result.Fit) error
}

// Progress is how far a run is.
type Progress struct {
	Epoch, Epochs   int
	Step, Steps     int // of the epoch
	Loss            float64
	Fit             float64 // on the epoch's augmented batches so far
	ImagesPerSecond float64
	Left            time.Duration // estimated
}

// DivergedError is a loss that is no finite number any more.
type DivergedError struct {
	Step, Epoch int // from 1
	Loss        float64
	Checkpoint  string // the last good one
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("the loss is %v at step %d, in epoch %d; a lower lr, warmup or clip-norm may help; the last "+
		"good checkpoint is %s", e.Loss, e.Step, e.Epoch, e.Checkpoint)
}

// Run trains in the folder dir, which it makes, or goes on where an earlier Run
// with the same configuration and data was interrupted; if that is finished it
// returns its record. When ctx ends, the run keeps its place and Run returns ctx's
// error.
func Run(ctx context.Context, dir string, c Config, o Options) (*result.Run, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, checkpointDir), 0o755); err != nil {
		return nil, err
	}
	lock, err := filelock.TryLock(filepath.Join(dir, ".lock"))
	if err != nil {
		return nil, err
	}
	if lock == nil {
		return nil, fmt.Errorf("%s: another process is training there", dir)
	}
	defer lock.Unlock()
	r := &runner{config: c, options: o, dir: folder(dir)}
	if err := r.open(ctx); err != nil || r.record.Finished {
		return r.record, err
	}
	defer r.log.close()
	defer r.losses.close()
	defer grace.Hold()() // what was trained outlasts a signal
	err = r.train(ctx)
	if err != nil && ctx.Err() != nil {
		if saveErr := r.save(); saveErr != nil {
			return nil, fmt.Errorf("interrupted, and the state could not be kept: %w", saveErr)
		}
		return nil, ctx.Err()
	}
	return r.record, err
}

// runner is a run in progress.
type runner struct {
	config   Config
	options  Options
	dir      folder
	name     string // see identify
	record   *result.Run
	extends  *Config  // what the run was begun with, if it is to be longer
	changes  []string // what else that changes
	net      *network
	batches  *batcher
	opt      *optim.Optimizer
	schedule optim.Schedule
	epochLen int // steps
	log      *stepLog
	losses   *lossLog
	at       state
	saved    time.Time // when state was last written
	started  time.Time
	taken    int // steps in this process
}

// state is where a run is; with the weights and the optimiser's numbers it is all
// that going on needs.
type state struct {
	Epoch   int     // in progress, from 1; 0 before the first measurement
	Step    int     // steps taken in it
	Loss    float64 // sums over these steps
	Right   int
	Seen    int
	Seconds float64
	Stopped bool // StopAtFit was reached
	Good    int  // epoch of the last checkpoint
	rows    []result.Epoch
}

// train runs the epochs that are left.
func (r *runner) train(ctx context.Context) error {
	r.started, r.saved = time.Now(), time.Now()
	r.batches.pool.Until(ctx.Done()) // a step drops what is then missing of its batch
	if r.at.Epoch == 0 {
		if err := r.finishEpoch(ctx); err != nil {
			return err
		}
	}
	for r.at.Epoch <= r.config.Epochs && !r.at.Stopped {
		if err := r.epoch(ctx); err != nil {
			return err
		}
	}
	return r.finish()
}

// epoch takes the steps of the epoch in progress that are left.
func (r *runner) epoch(ctx context.Context) error {
	order := dataset.Order(r.config.Seed, r.at.Epoch, r.batches.samples, r.config.Shuffle)
	for r.at.Step < r.epochLen {
		lo := r.at.Step * r.config.Batch
		if err := r.step(ctx, order[lo:min(lo+r.config.Batch, len(order))]); err != nil {
			return err
		}
		if time.Since(r.saved) > saveInterval {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	return r.finishEpoch(ctx)
}

// saveInterval bounds what a kill costs. It does not show in the results.
const saveInterval = time.Minute

// step trains on one batch of samples.
func (r *runner) step(ctx context.Context, rows []int) error {
	start := time.Now()
	t, err := r.net.trainer(len(rows))
	if err != nil {
		return err
	}
	done := (r.at.Epoch-1)*r.epochLen + r.at.Step
	r.batches.fill(t.feed.Floats(), t.Target().F32(), rows, r.at.Epoch, r.at.Step)
	t.feed.Convert()
	loss, err := t.Step(ctx, uint64(done))
	if err != nil {
		return err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return &DivergedError{done + 1, r.at.Epoch, loss, r.dir.checkpoint(r.at.Good)}
	}
	lr := r.schedule.LR(done)
	r.opt.Step(lr, t.grads)
	r.at.Step++
	r.taken++
	r.at.Loss += loss
	r.at.Right += agreement(t.Logits(), t.Target())
	r.at.Seen += len(rows)
	r.losses.add(r.batches, t.Logits(), t.Target())
	r.at.Seconds += time.Since(start).Seconds()
	if err := r.log.add(done+1, loss, lr); err != nil {
		return err
	}
	r.report(loss)
	return nil
}

func (r *runner) report(loss float64) {
	if r.options.Progress == nil {
		return
	}
	left := (r.config.Epochs-r.at.Epoch+1)*r.epochLen - r.at.Step
	each := time.Since(r.started).Seconds() / float64(r.taken)
	r.options.Progress(Progress{
		Epoch: r.at.Epoch, Epochs: r.config.Epochs, Step: r.at.Step, Steps: r.epochLen, Loss: loss,
		Fit: ratio(r.at.Right, r.at.Seen), ImagesPerSecond: float64(r.at.Seen) / r.at.Seconds,
		Left: time.Duration(each * float64(left) * float64(time.Second)),
	})
}

// finishEpoch measures what the epoch has come to, writes it down, and moves on to
// the next.
func (r *runner) finishEpoch(ctx context.Context) error {
	n := r.at.Epoch
	row, err := r.measure(ctx)
	if err != nil {
		return err
	}
	fit := row.FitClean
	if r.batches.scheme.PerView {
		fit = row.FitAugmented // clean images have no label of their own
	}
	r.at.Stopped = r.config.StopAtFit > 0 && fit >= r.config.StopAtFit
	last := n == r.config.Epochs || r.at.Stopped
	if r.options.Probe != nil && (due(n, r.config.ProbeEvery) || r.config.ProbeEvery > 0 && last) {
		if err := r.probe(ctx, n, row); err != nil {
			return err
		}
	}
	if n > 0 {
		if err := r.losses.finish(); err != nil {
			return err
		}
	}
	r.at.rows = append(r.at.rows, row)
	r.at = state{Epoch: n + 1, Stopped: r.at.Stopped, Good: r.at.Good, rows: r.at.rows}
	if err := r.dir.writeMetrics(r.at.rows); err != nil {
		return err
	}
	if r.options.Epoch != nil {
		r.options.Epoch(row)
	}
	if due(n, cadence(r.config)) || last {
		return r.checkpoint(n)
	}
	return nil
}

// measure returns the row of the epoch in progress.
func (r *runner) measure(ctx context.Context) (result.Epoch, error) {
	nan, n := math.NaN(), r.at.Epoch
	row := result.Epoch{Epoch: n, Loss: nan, FitAugmented: nan, FitClean: nan, TrueClean: nan, Test: nan, LR: nan,
		Seconds: r.at.Seconds, ImagesPerSecond: nan}
	if n > 0 {
		row.Loss, row.FitAugmented = r.at.Loss/float64(r.at.Step), ratio(r.at.Right, r.at.Seen)
		row.LR = r.schedule.LR(n*r.epochLen - 1)
		row.ImagesPerSecond = float64(r.at.Seen) / r.at.Seconds
	}
	if n != r.config.Epochs && !due(n, r.config.EvalEvery) {
		return row, nil
	}
	return row, r.evaluate(ctx, &row)
}

// due reports whether something that is done every so many epochs is now.
func due(epoch, every int) bool { return every > 0 && epoch%every == 0 }

func (r *runner) probe(ctx context.Context, epoch int, row result.Epoch) error {
	m, err := r.net.snapshot(epoch)
	if err != nil {
		return err
	}
	return r.options.Probe(ctx, epoch, m, fitOf(row))
}

// fitOf returns what was measured of an epoch.
func fitOf(row result.Epoch) result.Fit {
	some := func(v float64) *result.Number {
		if math.IsNaN(v) {
			return nil
		}
		return result.Some(v)
	}
	return result.Fit{AssignedClean: some(row.FitClean), TrueClean: some(row.TrueClean),
		Augmented: some(row.FitAugmented), Test: some(row.Test)}
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// finish writes the final model and closes the record.
func (r *runner) finish() error {
	m, err := r.net.snapshot(r.at.Epoch - 1)
	if err != nil {
		return err
	}
	if r.record.Model.SHA256, err = saveModel(m, r.dir.model()); err != nil {
		return err
	}
	r.record.Model.Path, r.record.Model.Metadata = r.dir.model(), m.MetadataAll()
	r.record.Finished = true
	return r.record.WriteFile(r.dir.run())
}

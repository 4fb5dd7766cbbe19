package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"memprobe/internal/meta"
	"memprobe/internal/npy"
	"memprobe/train/dataset"
	"memprobe/train/optim"
)

// open prepares a run, new or begun, up to its next step.
func (r *runner) open(ctx context.Context) error {
	if r.options.Set == nil {
		return errors.New("train: no data")
	}
	r.resolveNormalize()
	begun, err := r.readRecord()
	if err != nil || begun && r.record.Finished && r.extends == nil {
		return err
	}
	if r.batches, err = newBatcher(&r.config, r.options.Set, r.options.Pool); err != nil {
		return err
	}
	if r.net, err = r.openNetwork(ctx); err != nil {
		return err
	}
	r.net.normalized = r.batches.mean != nil
	if err := r.net.freeze(r.config.patterns(), r.config.FreezeStatistics); err != nil {
		return err
	}
	if r.epochLen, err = r.countSteps(); err != nil {
		return err
	}
	r.schedule = optim.Schedule{Name: r.config.Schedule, Base: r.config.LR, Min: r.config.MinLR, Gamma: r.config.Gamma,
		Every: r.steps(r.config.stepEpochs()), Warmup: r.steps(r.config.Warmup), Steps: r.config.Epochs * r.epochLen}
	if r.opt, err = r.net.optimizer(r.config.settings(), r.options.Pool); err != nil {
		return err
	}
	r.losses = newLossLog(r.config.LogLosses, r.config.Loss, r.options.Set.Train.N(), r.options.Pool)
	if err := npy.Write(r.dir.labels(), r.batches.table()); err != nil {
		return err
	}
	if !begun {
		if err := r.begin(); err != nil {
			return err
		}
	}
	if err := r.identify(); err != nil {
		return err
	}
	if err := r.restore(); err != nil {
		return err
	}
	if r.extends != nil {
		if err := r.extend(); err != nil {
			return err
		}
	}
	epochs := max(r.at.Epoch, 1) - 1 // that are over
	if err := r.losses.open(r.dir.losses(), epochs); err != nil {
		return err
	}
	if r.log, err = openStepLog(r.dir.steps(), r.config.LogSteps, epochs*r.epochLen+r.at.Step); err != nil {
		r.losses.close()
	}
	return err
}

// resolveNormalize puts what Auto stands for in its place.
func (r *runner) resolveNormalize() {
	if r.config.Normalize != Auto {
		return
	}
	p, _ := dataset.ParsePreprocess(r.config.Preprocess)
	r.config.Normalize = p.Normalization()
	if r.options.Init != nil {
		if v, ok := r.options.Init.Metadata(meta.Normalize); ok {
			r.config.Normalize = v
		}
	}
}

// steps is a number of epochs in steps.
func (r *runner) steps(epochs float64) int { return int(math.Round(epochs * float64(r.epochLen))) }

// countSteps is the number of batches in an epoch. A last batch of a single sample
// is left out where a normalisation then has one value a channel: no statistics.
func (r *runner) countSteps() (int, error) {
	n, fixed := r.batches.samples, r.net.fixedBatch
	if fixed > 0 && fixed != r.config.Batch {
		return 0, &ConfigError{"batch", fmt.Errorf("%d, want %d, which the model fixes", r.config.Batch, fixed)}
	}
	full, rest := n/r.config.Batch, n%r.config.Batch
	switch {
	case fixed > 0 && rest > 0 && !r.config.DropLast:
		return 0, &ConfigError{"drop-last",
			fmt.Errorf("false, want true: the model fixes the batch %d, and %d samples leave %d over", fixed, n, rest)}
	case full == 0 && r.config.DropLast:
		return 0, &ConfigError{"batch",
			fmt.Errorf("%d, want at most the number of samples, %d, with drop-last", r.config.Batch, n)}
	case rest == 0 || r.config.DropLast:
		return full, nil
	case rest == 1 && full > 0:
		if _, err := r.net.trainer(1); err != nil {
			return full, nil
		}
	}
	return full + 1, nil
}

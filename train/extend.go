package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"memprobe/internal/fault"
	"memprobe/probe/result"
	"memprobe/train/optim"
)

// Extended returns the configuration of c's run made longer, to so many epochs in all,
// and what else that changes, in words. Every step that the run has taken must be one of
// the longer run, too: the error is a ConfigError where the schedule depends on the
// number of epochs.
func (c Config) Extended(epochs int) (longer Config, changes []string, err error) {
	longer = c
	longer.Epochs = epochs
	refused := func(format string, args ...any) (Config, []string, error) {
		return c, nil, &ConfigError{"epochs", fmt.Errorf(format, args...)}
	}
	switch {
	case epochs <= c.Epochs:
		return refused("%d, want more than the run's %d", epochs, c.Epochs)
	case c.Schedule == optim.Cosine:
		return refused("%d: the schedule cosine falls to min-lr %v over the run's %d epochs, and a longer run has "+
			"other learning rates from its first step; "+
			"constant and step can be extended, and --init with the run's model.onnx begins another run from its "+
			"weights", epochs, c.MinLR, c.Epochs)
	case c.Schedule == optim.Step && c.StepEpochs == 0:
		longer.StepEpochs = c.stepEpochs()
		changes = append(changes, fmt.Sprintf("step-epochs stays %v, a third of the %d epochs", longer.StepEpochs, c.Epochs))
	}
	if before, after := cadence(c), cadence(longer); before != after {
		changes = append(changes, fmt.Sprintf("checkpoints are %d epochs apart instead of %d", after, before))
	}
	if !due(c.Epochs, c.EvalEvery) || c.ProbeEvery > 0 && !due(c.Epochs, c.ProbeEvery) {
		changes = append(changes, fmt.Sprintf("what was measured of epoch %d as the last one stays", c.Epochs))
	}
	return longer, changes, nil
}

// cadence is the number of epochs between checkpoints.
func cadence(c Config) int {
	if c.CheckpointEvery > 0 {
		return c.CheckpointEvery
	}
	return max(1, c.Epochs/10)
}

// extend writes down that the run, which stands where an earlier process left it, goes
// on to more epochs than it was begun with. Its model is no longer the final one.
func (r *runner) extend() error {
	switch {
	case r.at.Epoch == 0:
		return fault.Errorf(r.dir.state(), "is missing: from it the run would go on")
	case r.at.Stopped:
		return &ConfigError{"epochs", fmt.Errorf("%d: the run ended after epoch %d, where its fit reached "+
			"stop-at-fit %v", r.config.Epochs, r.at.Epoch-1, r.config.StopAtFit)}
	}
	r.record.Extended = append(r.record.Extended,
		result.Extension{From: r.extends.Epochs, To: r.config.Epochs, SHA256: r.record.Model.SHA256,
			Tool: r.options.Tool, Changes: r.changes})
	r.record.Config, r.record.Model.SHA256, r.record.Finished = r.config.Map(), "", false
	if err := r.record.WriteFile(r.dir.run()); err != nil {
		return err
	}
	if err := os.Remove(r.dir.model()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
